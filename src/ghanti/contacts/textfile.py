"""Reading text files of separated values, whatever wrote them: encoding and separator are guessed."""

from __future__ import annotations

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ghanti.contacts import cells
from ghanti.contacts.columns import Row
from ghanti.contacts.errors import ImportRefused
from ghanti.contacts.reading import Sheet

_SEPARATORS = ",;\t|"
_LOOK_AHEAD = 50
_BLOCK = 1 << 20
_LONGEST_CELL = 100_000
_NOT_TEXT = "The file is neither an .xlsx workbook nor a text file of separated values."


def open_sheet(path: Path) -> Sheet:
    """The file as a sheet.

    Raises:
        ImportRefused: not text.
    """
    csv.field_size_limit(_LONGEST_CELL)
    encoding = _encoding(path)
    return Sheet(_rows(path, encoding, _separator(path, encoding)), cells.from_text)


def _rows(path: Path, encoding: str, separator: str) -> Iterator[Row]:
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=separator)
        try:
            yield from enumerate(reader, start=1)
        except csv.Error as error:
            raise ImportRefused(
                f"Line {reader.line_num} can't be read: is a quotation mark left open before it?"
            ) from error


def _encoding(path: Path) -> str:
    """UTF-8 and UTF-16 with or without a byte order mark, else Windows-1252."""
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif start.count(0) > len(start) // 4:
        candidates = ["utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"]
    else:
        candidates = ["utf-8-sig", "cp1252"]
    for encoding in candidates:
        if _is_text(path, encoding):
            return encoding
    raise ImportRefused(_NOT_TEXT)


def _is_text(path: Path, encoding: str) -> bool:
    """Whether all of a file decodes, and to text rather than to control characters."""
    decoder = codecs.getincrementaldecoder(encoding)()
    strange = total = 0
    with path.open("rb") as file:
        try:
            while block := file.read(_BLOCK):
                text = decoder.decode(block)
                strange += sum(text.count(chr(code)) for code in range(32) if code not in (9, 10, 13))
                total += len(text)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return strange * 1000 <= total


def _separator(path: Path, encoding: str) -> str:
    """The separator that cuts the first lines into the most columns, and most of them alike."""

    def rank(separator: str) -> tuple[int, int]:
        try:
            widths = Counter(
                len(row) for _, row in islice(_rows(path, encoding, separator), _LOOK_AHEAD) if row
            )
        except ImportRefused:
            return 0, 0
        width, rows = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        return (rows, width) if width > 1 else (0, 0)

    return max(_SEPARATORS, key=rank)
