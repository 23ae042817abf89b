"""Values of cells as JSON values, for workbooks and for text files."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any

Cell = str | int | float | bool | date | datetime | time | timedelta

_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,14}")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,9})\.[0-9]{0,3}[1-9]")
_EXACT = 2**53


def from_workbook(cell: Cell) -> Any:
    """A typed cell: whole floats become integers, dates and times ISO 8601, the rest stays."""
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) <= _EXACT else cell
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = int(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return cell


def from_text(cell: str) -> Any:
    """A cell of a text file: a number if that is how the number itself is written, else text.

    ``007``, ``+5``, ``1.50`` and ``1e5`` stay text, so nothing that the owner wrote is lost.
    """
    if _INTEGER.fullmatch(cell):
        return int(cell)
    if _DECIMAL.fullmatch(cell):
        return float(cell)
    return cell


def is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and (not cell or cell.isspace()))
