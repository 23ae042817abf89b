"""Ids of campaigns as Toingg's clients know them: 24 hexadecimal digits, as of a MongoDB ObjectId.

The first eight are the second in which the campaign was made, the rest its number, so that every campaign
has one, whichever API made it, and none needs to be kept.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

_FORM = re.compile(r"[0-9a-fA-F]{24}", re.ASCII)
_BIGGEST = 2**63 - 1


class Parsed(NamedTuple):
    """What an id says; ``seconds`` since 1970, modulo 2**32."""

    seconds: int
    campaign_id: int


def object_id(campaign_id: int, created_at: datetime) -> str:
    """The id of a campaign."""
    return f"{_seconds(created_at):08x}{campaign_id:016x}"


def parse(text: str) -> Parsed | None:
    """What an id says; None for a text that has not the form of one."""
    if not _FORM.fullmatch(text):
        return None
    return Parsed(int(text[:8], 16), int(text[8:], 16))


def names(parsed: Parsed, campaign_id: int, created_at: datetime) -> bool:
    """Whether it is the id of this campaign."""
    return parsed == (_seconds(created_at), campaign_id)


def can_exist(parsed: Parsed) -> bool:
    """Whether a campaign can have such a number."""
    return 0 < parsed.campaign_id <= _BIGGEST


def _seconds(created_at: datetime) -> int:
    return int(created_at.timestamp()) & 0xFFFF_FFFF
