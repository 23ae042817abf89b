"""Why a request is refused: raised by the rules of every noun, turned into answers in one place.

A message is written for the person who reads it in a client's log; it never holds a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class RefusedError(Exception):
    """What was asked for is not done.

    Attributes:
        message: One or more sentences.
        fields: Messages by the name of the input they are about.
        extra: Further facts that the answer carries, such as remaining credits.
    """

    def __init__(
        self,
        message: str,
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fields = {name: list(messages) for name, messages in (fields or {}).items()}
        self.extra = dict(extra or {})


class InvalidError(RefusedError):
    """The input breaks a rule."""

    @classmethod
    def of_fields(cls, fields: Mapping[str, Sequence[str]]) -> InvalidError:
        """An error about several inputs, its message naming each."""
        return cls(
            " ".join(f"{name}: {' '.join(messages)}" for name, messages in fields.items()), fields=fields
        )

    @classmethod
    def of(cls, field: str, message: str) -> InvalidError:
        return cls.of_fields({field: [message]})

    @classmethod
    def missing(cls, names: Iterable[str]) -> InvalidError:
        """An error about inputs that must be given."""
        return cls.of_fields({name: ["This field is required."] for name in names})


class NoCreditsError(InvalidError):
    """The credits of the account do not suffice for it."""


class UnauthenticatedError(RefusedError):
    """Nobody we know asks."""


class ForbiddenError(RefusedError):
    """Somebody we know asks for what is not theirs to do."""


class NotFoundError(RefusedError):
    """There is no such thing, or it belongs to another account."""

    def __init__(self, message: str = "Not found.") -> None:
        super().__init__(message)


class ConflictError(RefusedError):
    """It cannot be done in the present state."""


class UnprocessableError(RefusedError):
    """It is understood, and cannot be done as it was asked."""


class NotOfferedError(RefusedError):
    """This installation does not do it; the message says what it would need."""


class UpstreamError(RefusedError):
    """Somebody whom we have to ask for it does not answer, or not as they should."""


class ThrottledError(RefusedError):
    """Too many tries; ``retry_after`` is in seconds."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
