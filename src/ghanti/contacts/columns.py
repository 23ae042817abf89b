"""Which row names the columns of a sheet, and which column holds the phone numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ghanti.contacts import cells
from ghanti.contacts.errors import ImportRefused, NumberError
from ghanti.contacts.numbers import is_dialable, parse
from ghanti.contacts.variables import MAX_NAME, MAX_VARIABLES

Row = tuple[int, Sequence[Any]]
"""A row's number in the spreadsheet, from 1, and its cells."""

_PHONE_NAME = re.compile(
    r"(?:(?:mobile|cell|contact|tele)?phone|mobile|cell|contact|tel|recipient|receiver)"
    r"(?:s|nos?|num|numbers?)?"
    r"|numbers?|msisdn|to"
    r"|(?:फोन|मोबा[इई]ल|टेलिफोन|सम्पर्क)(?:नं|नम्बर|नंबर)?|नम्बर|नंबर"
)
_TITLE_ROWS = 10


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the sheet.

    Attributes:
        name: its header, or ``column_3`` (counted from 1) when it has none.
        named: whether it has a header. A named column is a variable of every row; another only
            where it has a value.
    """

    name: str
    named: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a sheet.

    Attributes:
        columns: from left to right.
        phone: index of the column of phone numbers.
        first: index, among the rows given, of the first that holds a contact.
    """

    columns: tuple[Column, ...]
    phone: int
    first: int


def lay_out(rows: Sequence[Row], region: str, offset: int = 0) -> Layout:
    """Find header and phone column.

    Args:
        rows: the first rows that aren't blank; at least one.
        offset: columns to the left of the first given.

    Raises:
        ImportRefused: no column of phone numbers, or too many columns.
    """
    header = _header(rows, region)
    names = rows[header][1]
    phone = _named_phone(names, rows[header + 1 :], region)
    if phone is not None:
        return Layout(_columns(names, phone + 1, offset), phone, header + 1)
    phone = _phone_by_content(rows[header:], region)
    if phone is None:
        raise ImportRefused('No column of phone numbers was found. Name it "number" in the first row.')
    if phone < len(names) and _score(names[phone], region):
        return Layout(_columns([], phone + 1, offset), phone, header)
    return Layout(_columns(names, phone + 1, offset), phone, header + 1)


def unnamed(before: Sequence[Column], offset: int) -> Column:
    """The column after those before it, when it has no header."""
    return Column(_distinct(f"column_{offset + len(before) + 1}", before), named=False)


def check_width(count: int) -> None:
    if count > MAX_VARIABLES:
        raise ImportRefused(f"The sheet has {count} columns; at most {MAX_VARIABLES} are kept.")


def _header(rows: Sequence[Row], region: str) -> int:
    """Index of the first row that isn't the title of the sheet."""
    for index, (_, row) in enumerate(rows[:_TITLE_ROWS]):
        filled = [cell for cell in row if not cells.is_blank(cell)]
        is_title = len(filled) == 1 and not _is_phone_name(filled[0]) and not _score(filled[0], region)
        if not is_title:
            return index
    return 0


def _named_phone(names: Sequence[Any], rows: Sequence[Row], region: str) -> int | None:
    found = [index for index, name in enumerate(names) if _is_phone_name(name)]
    if len(found) < 2:
        return found[0] if found else None
    return max(found, key=lambda index: (_share(rows, index, region), -index))


def _phone_by_content(rows: Sequence[Row], region: str) -> int | None:
    """The leftmost column of which most cells are valid numbers.

    Valid, not merely of the right length: amounts and ids must never be called.
    """
    width = max(len(row) for _, row in rows)
    shares = [(_share(rows, index, region), -index) for index in range(width)]
    share, place = max(shares, default=(0.0, 0))
    return -place if share >= 0.5 else None


def _share(rows: Sequence[Row], index: int, region: str) -> float:
    """Which part of a column's cells, blank ones aside, are valid phone numbers."""
    filled = [row[index] for _, row in rows if index < len(row) and not cells.is_blank(row[index])]
    return sum(_score(cell, region) for cell in filled) / len(filled) if filled else 0.0


def _score(cell: Any, region: str) -> bool:
    if not isinstance(cell, str | int | float):
        return False
    try:
        return is_dialable(parse(cell, region))
    except NumberError:
        return False


def _is_phone_name(name: Any) -> bool:
    if not isinstance(name, str):
        return False
    plain = unicodedata.normalize("NFC", name).casefold()
    letters = "".join(sign for sign in plain if unicodedata.category(sign)[0] in "LMN")
    return _PHONE_NAME.fullmatch(letters) is not None


def _columns(names: Sequence[Any], least: int, offset: int) -> tuple[Column, ...]:
    """Columns with one name each: a second ``name`` is ``name_2``."""
    texts = [_name(cell) for cell in names]
    while texts and not texts[-1]:
        texts.pop()
    texts.extend([""] * (least - len(texts)))
    check_width(len(texts))
    columns: list[Column] = []
    for text in texts:
        columns.append(Column(_distinct(text, columns), named=True) if text else unnamed(columns, offset))
    return tuple(columns)


def _name(cell: Any) -> str:
    text = "" if cells.is_blank(cell) else " ".join(str(cells.from_workbook(cell)).split())
    if len(text) > MAX_NAME:
        raise ImportRefused(f"The name of a column has at most {MAX_NAME} characters.")
    if "\0" in text:
        raise ImportRefused("The name of a column holds a character that can't be kept.")
    return text


def _distinct(text: str, before: Sequence[Column]) -> str:
    taken = {column.name for column in before}
    name, count = text, 1
    while name in taken:
        count += 1
        name = f"{text}_{count}"
    return name
