"""The process that reads one uploaded file: ``python -m ghanti.contacts.reader``.

An upload may be made to exhaust memory or time, or to crash the reading library. Only this process
dies of it; it holds no secret and no connection, and answers by frames on its standard output.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path

import orjson

from ghanti.confinement.limits import confine
from ghanti.contacts import frames, reading, textfile, workbook
from ghanti.contacts.errors import ImportRefused
from ghanti.contacts.frames import Kind

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_TEXT_ENDINGS = frozenset({".csv", ".tsv", ".txt", ""})


def main(arguments: list[str]) -> int:
    """Read a file. Arguments: path, ending of its name, region, limits in megabytes and seconds."""
    path, ending, region, megabytes, seconds = arguments
    memory = int(megabytes) << 20
    confine(int(megabytes), int(seconds))
    pipe = sys.stdout.buffer
    try:
        sheet = _open(Path(path), ending, memory)
        summary = reading.read(sheet, region, lambda lines: frames.write(pipe, Kind.ROWS, lines.encode()))
        frames.write(pipe, Kind.SUMMARY, orjson.dumps(asdict(summary)))
    except ImportRefused as error:
        answer = {"message": error.message, "error_list": error.error_list}
        frames.write(pipe, Kind.REFUSAL, orjson.dumps(answer))
    pipe.flush()
    return 0


def _open(path: Path, ending: str, limit: int) -> reading.Sheet:
    with path.open("rb") as file:
        start = file.read(len(_OLE))
    if start.startswith(_ZIP):
        return workbook.open_sheet(path, limit)
    if start.startswith(_OLE):
        raise ImportRefused(
            "The workbook is of the old .xls kind, or has a password; save it as .xlsx or .csv."
        )
    if ending in _TEXT_ENDINGS:
        return textfile.open_sheet(path)
    if ending in {".xlsx", ".xlsm"}:
        raise ImportRefused("The file is named like a workbook, but isn't one.")
    raise ImportRefused(f"Files of the kind {ending} aren't supported; save it as .xlsx or .csv.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
