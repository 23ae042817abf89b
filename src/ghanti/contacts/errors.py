"""What can be wrong with a contact or a file of them. Messages are for the person who sent it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ContactError(ValueError):
    """A contact that can't be kept.

    Attributes:
        field: what is wrong: ``number``, or the name of a variable.
        message: why, as one sentence.
    """

    def __init__(self, message: str, field: str = "number") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NumberError(ContactError):
    """Not a phone number."""


class VariableError(ContactError):
    """A variable's name or value that can't be kept."""


class DuplicateContact(ContactError):  # noqa: N818
    """The campaign has this number already."""


class ContactNotFound(LookupError):  # noqa: N818
    """The account has no such contact."""


def shown(number: Any) -> Any:
    """What was sent as a number, short enough to be shown beside what is wrong with it."""
    if isinstance(number, str):
        return number[:100]
    return number if isinstance(number, int | float | None) else None


class ImportRefused(ValueError):  # noqa: N818
    """A file of which nothing was imported.

    Attributes:
        message: why, as one or two sentences.
        error_list: the bad rows, when the file could be read but held no good one.
    """

    def __init__(self, message: str, error_list: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.error_list = list(error_list)
