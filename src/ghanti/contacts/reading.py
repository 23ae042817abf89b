"""Reading a sheet row by row into contacts: what is good, what is bad and why.

This runs in a process of its own (:mod:`ghanti.contacts.reader`) and imports nothing of the
database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import orjson

from ghanti.contacts import cells, columns, copying
from ghanti.contacts.columns import Column, Layout, Row
from ghanti.contacts.errors import ContactError, ImportRefused, VariableError, shown
from ghanti.contacts.numbers import parse
from ghanti.contacts.variables import MAX_VALUE, text_problem

MAX_ERRORS = 1000
SAMPLE_VALUES = 3
_LOOK_AHEAD = 200
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows of a workbook or a text file.

    Attributes:
        rows: all of them, in order, with their numbers; blank ones may be among them.
        convert: makes a JSON value of a cell.
        offset: columns to the left of each row's first cell.
    """

    rows: Iterable[Row]
    convert: Callable[[Any], Any]
    offset: int = 0


@dataclass(slots=True)
class Summary:
    """What a file held.

    Attributes:
        rows: good rows, duplicates included.
        error_list: bad rows as ``row``, ``number``, ``field``, ``message``; a thousand at most.
        error_count: all bad rows.
        samples: ``column``, ``sample`` and ``values`` of each column, from left to right.
    """

    rows: int = 0
    error_list: list[Any] = field(default_factory=list)
    error_count: int = 0
    samples: list[Any] = field(default_factory=list)


def read(sheet: Sheet, region: str, emit: Callable[[str], None]) -> Summary:
    """Turn a sheet into lines of COPY's text format, a few hundred at a time.

    Raises:
        ImportRefused: nothing in it can be kept.
    """
    rows = (row for row in sheet.rows if not all(map(cells.is_blank, row[1])))
    head = list(islice(rows, _LOOK_AHEAD))
    if not head:
        raise ImportRefused("The file is empty.")
    layout = columns.lay_out(head, region, sheet.offset)
    reading = _Reading(sheet, region, layout)
    lines = reading.lines(chain(head[layout.first :], rows))
    while batch := list(islice(lines, _BATCH)):
        emit("".join(batch))
    return reading.finish()


class _Reading:
    def __init__(self, sheet: Sheet, region: str, layout: Layout) -> None:
        self._convert = sheet.convert
        self._offset = sheet.offset
        self._region = region
        self._phone = layout.phone
        self._columns = list(layout.columns)
        self._samples: list[list[Any]] = [[] for _ in self._columns]
        self._sampled = False
        self._summary = Summary()

    def lines(self, rows: Iterable[Row]) -> Iterator[str]:
        """The good rows; the bad ones are noted."""
        for number, row in rows:
            raw = row[self._phone] if self._phone < len(row) else ""
            try:
                variables = self._variables(row)
                contact = parse(raw, self._region)
            except ContactError as error:
                self._note(number, raw, error)
                continue
            self._summary.rows += 1
            if not self._sampled:
                self._sample(raw, variables)
            yield copying.row(number, contact, orjson.dumps(variables).decode())

    def _variables(self, row: Any) -> dict[str, Any]:
        if len(row) > len(self._columns):
            self._widen(row)
        convert = self._convert
        variables: dict[str, Any] = {}
        for column, cell in zip(self._columns, row, strict=False):
            value = convert(cell)
            if type(value) is str:
                if not value and not column.named:
                    continue
                # The conditions of text_problem, without the price of a call for every cell.
                if len(value) > MAX_VALUE or "\0" in value:
                    raise VariableError(text_problem(value) or "", column.name)
            variables[column.name] = value
        for column in self._columns[len(row) :]:
            if column.named:
                variables[column.name] = ""
        variables.pop(self._columns[self._phone].name, None)
        return variables

    def _widen(self, row: Any) -> None:
        """Take in columns that no header names but this row fills."""
        width = max((index + 1 for index, cell in enumerate(row) if not cells.is_blank(cell)), default=0)
        columns.check_width(width)
        while len(self._columns) < width:
            self._columns.append(columns.unnamed(self._columns, self._offset))
            self._samples.append([])
            self._sampled = False

    def _sample(self, raw: Any, variables: dict[str, Any]) -> None:
        for index, (column, values) in enumerate(zip(self._columns, self._samples, strict=True)):
            if len(values) < SAMPLE_VALUES:
                value = self._convert(raw) if index == self._phone else variables.get(column.name)
                if not cells.is_blank(value):
                    values.append(value)
        self._sampled = all(len(values) == SAMPLE_VALUES for values in self._samples)

    def _note(self, number: int, raw: Any, error: ContactError) -> None:
        self._summary.error_count += 1
        if len(self._summary.error_list) < MAX_ERRORS:
            self._summary.error_list.append(
                {
                    "row": number,
                    "number": shown(self._convert(raw)),
                    "field": error.field,
                    "message": error.message,
                }
            )

    def finish(self) -> Summary:
        summary = self._summary
        if not summary.rows:
            if not summary.error_count:
                raise ImportRefused("The file has no rows under its header.")
            raise ImportRefused("The file holds no valid phone number.", summary.error_list)
        summary.samples = [
            _described(column, values)
            for column, values in zip(self._columns, self._samples, strict=True)
            if column.named or values
        ]
        return summary


def _described(column: Column, values: list[Any]) -> dict[str, Any]:
    return {"column": column.name, "sample": _as_text(values[0]) if values else "", "values": values}


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
