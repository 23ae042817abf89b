"""What a transcript cannot answer."""

from __future__ import annotations

from collections.abc import Sequence

from ghanti.accounts.errors import NotOfferedError


class NeedsModelError(NotOfferedError):
    """Only a conversational model could say it: Ghanti has none, and keys were not asked for it.

    Attributes:
        wanted: the fields that are no step's name or label.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(
            f"Answering {', '.join(fields)} needs a conversational model, which this installation has not."
            " Ask for keys in the script, and name the fields after its steps or their labels."
        )
        self.wanted = tuple(fields)
