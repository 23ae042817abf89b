"""How calls and messages that were ordered are called by those who ordered them."""

from __future__ import annotations

import re
from uuid import UUID

_SID = re.compile(r"(?:CA|SM)([0-9a-f]{32})", re.IGNORECASE)


def call_sid(sid: UUID) -> str:
    """``CA`` and 32 hexadecimal digits."""
    return f"CA{sid.hex}"


def message_sid(sid: UUID) -> str:
    """``SM`` and 32 hexadecimal digits."""
    return f"SM{sid.hex}"


def parse_sid(text: str) -> UUID | None:
    """The sid of a call or a message; None for what is none."""
    match = _SID.fullmatch(text)
    return UUID(match[1]) if match else None
