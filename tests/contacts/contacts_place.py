"""Where contacts of a test live."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """An account and one of its campaigns."""

    account: int
    campaign: int
