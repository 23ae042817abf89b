"""Tariffs from a file: CSV with a header, a prefix a line."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from ghanti.credits.tariff import Tariff
from ghanti.credits.tariffs import MOST_PREFIXES, TariffError, check, read_prefix

COLUMNS = ("prefix", "pulse_seconds", "credits_per_pulse", "credits_per_segment")

_MOST_TOLD = 20


def read(path: Path) -> list[tuple[str, Tariff]]:
    """The prefixes of a file with their tariffs.

    Raises:
        TariffError: It cannot be read, or some lines make no sense: all of them are named.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _rows(csv.DictReader(file, restval="", skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TariffError(f"{path} cannot be read: {error}") from None


def _rows(reader: csv.DictReader[str]) -> list[tuple[str, Tariff]]:
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or ()]
    if missing := [name for name in COLUMNS if name not in reader.fieldnames]:
        raise TariffError(f"the first line must name the columns; missing: {', '.join(missing)}")
    found: dict[str, Tariff] = {}
    first_seen: dict[str, int] = {}
    wrong: list[str] = []
    for row in reader:
        if not any(row[name] for name in COLUMNS):
            continue
        try:
            prefix, tariff = _row(row)
            if prefix in found:
                raise TariffError(f"{prefix!r} is in line {first_seen[prefix]} too")
        except TariffError as error:
            wrong.append(f"line {reader.line_num}: {error}")
            continue
        found[prefix], first_seen[prefix] = tariff, reader.line_num
        if len(found) > MOST_PREFIXES:
            raise TariffError(f"more than {MOST_PREFIXES} prefixes")
    if wrong:
        more = [f"and {len(wrong) - _MOST_TOLD} more"] if len(wrong) > _MOST_TOLD else []
        raise TariffError("\n".join([*wrong[:_MOST_TOLD], *more]))
    if not found:
        raise TariffError("there is no prefix in it")
    return list(found.items())


def _row(row: Mapping[str, str]) -> tuple[str, Tariff]:
    tariff = Tariff(*(_whole(name, row[name]) for name in COLUMNS[1:]))
    check(tariff)
    return read_prefix(row["prefix"]), tariff


def _whole(name: str, written: str) -> int:
    text = written.strip()
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise TariffError(f"{name} must be a whole number, not {written!r}; there are no parts of credits")
    return int(text)
