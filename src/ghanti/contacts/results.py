"""What adding contacts answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypedDict

from ghanti.contacts.models import Contact


class NewContact(Protocol):
    """What is told of a contact that was just added: a ``Contact`` or a row of its columns."""

    @property
    def id(self) -> int: ...
    @property
    def number_sent(self) -> str: ...
    @property
    def carrier(self) -> str: ...
    @property
    def variables(self) -> Mapping[str, Any]: ...
    @property
    def updated_at(self) -> datetime: ...


class RowError(TypedDict):
    """A row of a file that was not kept."""

    row: int
    number: Any
    field: str
    message: str


class ItemError(TypedDict):
    """An item of a request that was not kept."""

    index: int
    number: Any
    field: str
    message: str


class Sample(TypedDict):
    """A column of a file and what it holds.

    ``sample`` is the first value that isn't blank, as text; ``values`` the first three, typed.
    """

    column: str
    sample: str
    values: list[Any]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of a file.

    Attributes:
        error_list: the bad rows, the first thousand of them.
        error_count: all bad rows.
        samples: the columns from left to right, the phone column among them.
        total_validated_rows: good rows, duplicates included.
        created: new contacts.
        skipped: good rows whose number the campaign had, or that an earlier row holds.
    """

    error_list: list[RowError]
    error_count: int
    samples: list[Sample]
    total_validated_rows: int
    created: int
    skipped: int


@dataclass(frozen=True, slots=True)
class AddResult:
    """What became of contacts sent in one request.

    Attributes:
        created: the new contacts, in the order sent.
        skipped: good items whose number the campaign had, or that an earlier item holds.
        errors: the bad items, with their index in what was sent (from 0).
    """

    created: Sequence[Contact]
    skipped: int
    errors: list[ItemError]
