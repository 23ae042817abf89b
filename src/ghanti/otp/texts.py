"""The text of a one-time password: its tag, its code, and the company's name before it."""

from __future__ import annotations

import re
import secrets

from ghanti.speech import template

TAG = "otp"

SHORTEST_GENERATED, LONGEST_GENERATED = 4, 10
_OWN_CODE = re.compile(r"[0-9A-Za-z]{3,12}")


def generated(length: int) -> str:
    """So many random digits; the first may be a zero."""
    return f"{secrets.randbelow(10**length):0{length}d}"


def is_own_code(code: str) -> bool:
    """Whether a caller may send it: 3 to 12 digits or Latin letters."""
    return _OWN_CODE.fullmatch(code) is not None


def unknown_tags(message: str) -> list[str]:
    """The tags of a message that are not filled."""
    return [tag for tag in template.tags(message) if TAG not in template.spellings(tag)]


def has_code(message: str) -> bool:
    """Whether the code has a place in a message."""
    return any(TAG in template.spellings(tag) for tag in template.tags(message))


def delivered(message: str, code: str, company_name: str) -> str:
    """What is sent. Raises template.MissingTags for a message with other tags."""
    text = template.fill(message, {TAG: code}).text
    return f"{company_name}: {text}" if company_name else text
