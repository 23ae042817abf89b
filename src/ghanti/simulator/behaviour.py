"""What a simulated phone does, chosen by the last two digits of its number.

An operator rehearses a campaign by giving contacts numbers that end in the digits below; every other
number answers its calls, listens to the end and gets its messages. Calls and messages are chosen
separately: a number that ends in 90 is busy to a call and still receives a message.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class PhoneBehaviour(StrEnum):
    """What a phone does with a call."""

    ANSWER = "answer"
    BUSY = "busy"
    NEVER_ANSWER = "never_answer"
    REJECT = "reject"
    HANG_UP = "hang_up"
    PRESS_KEYS = "press_keys"
    NOT_FOUND = "not_found"
    UNAVAILABLE = "unavailable"
    SERVICE_UNAVAILABLE = "service_unavailable"


class SmsBehaviour(StrEnum):
    """What becomes of a message to a phone."""

    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    NO_RECEIPT = "no_receipt"
    THROTTLED_TWICE = "throttled_twice"
    REFUSED = "refused"


HANG_UP_SECONDS = 3.0
"""After how many seconds `PhoneBehaviour.HANG_UP` ends an answered call."""

KEY_PRESSES: tuple[tuple[float, str], ...] = ((2.0, "1"), (3.0, "5"), (3.5, "#"))
"""Seconds after the answer, and the key that `PhoneBehaviour.PRESS_KEYS` presses then."""

THROTTLES = 2
"""How often `SmsBehaviour.THROTTLED_TWICE` refuses a message part before accepting it."""

_PHONES = {
    "90": PhoneBehaviour.BUSY,
    "91": PhoneBehaviour.NEVER_ANSWER,
    "92": PhoneBehaviour.REJECT,
    "93": PhoneBehaviour.HANG_UP,
    "94": PhoneBehaviour.PRESS_KEYS,
    "95": PhoneBehaviour.NOT_FOUND,
    "96": PhoneBehaviour.UNAVAILABLE,
    "97": PhoneBehaviour.SERVICE_UNAVAILABLE,
}

_SMS = {
    "80": SmsBehaviour.UNDELIVERED,
    "81": SmsBehaviour.NO_RECEIPT,
    "82": SmsBehaviour.THROTTLED_TWICE,
    "83": SmsBehaviour.REFUSED,
}

_WORDS: dict[PhoneBehaviour | SmsBehaviour, str] = {
    PhoneBehaviour.ANSWER: "answers and listens to the end",
    PhoneBehaviour.BUSY: "is busy (486)",
    PhoneBehaviour.NEVER_ANSWER: "rings and never answers",
    PhoneBehaviour.REJECT: "rejects the call (603)",
    PhoneBehaviour.HANG_UP: "answers and hangs up after 3 s",
    PhoneBehaviour.PRESS_KEYS: "answers, presses 1 after 2 s, then 5 and #",
    PhoneBehaviour.NOT_FOUND: "does not exist (404)",
    PhoneBehaviour.UNAVAILABLE: "is switched off (480)",
    PhoneBehaviour.SERVICE_UNAVAILABLE: "is behind a trunk that fails (503)",
    SmsBehaviour.DELIVERED: "receives the message",
    SmsBehaviour.UNDELIVERED: "is reported undelivered",
    SmsBehaviour.NO_RECEIPT: "receives the message, but no receipt comes",
    SmsBehaviour.THROTTLED_TWICE: "is throttled twice, then receives the message",
    SmsBehaviour.REFUSED: "is refused (invalid destination, 0x0B)",
}


class Row(NamedTuple):
    """One line of the table shown by the command line and the documentation."""

    channel: str
    digits: str
    meaning: str


def phone_behaviour(number: str) -> PhoneBehaviour:
    """What the phone with this number, in any notation that ends in its last digits, does with a call."""
    return _PHONES.get(number[-2:], PhoneBehaviour.ANSWER)


def sms_behaviour(number: str) -> SmsBehaviour:
    """What becomes of a message to this number, in any notation that ends in its last digits."""
    return _SMS.get(number[-2:], SmsBehaviour.DELIVERED)


def describe() -> list[Row]:
    """The whole table, defaults first."""
    return [
        Row("call", "any other", _WORDS[PhoneBehaviour.ANSWER]),
        *(Row("call", digits, _WORDS[behaviour]) for digits, behaviour in _PHONES.items()),
        Row("sms", "any other", _WORDS[SmsBehaviour.DELIVERED]),
        *(Row("sms", digits, _WORDS[behaviour]) for digits, behaviour in _SMS.items()),
    ]
