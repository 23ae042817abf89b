"""Nepali: numbers, money, dates, times, phones, units, abbreviations and addresses as words."""

from __future__ import annotations

from ghanti.speech.text.ne import dates, latin, numbers, phones, quantities
from ghanti.speech.text.ne.clean import fold, tidy
from ghanti.speech.text.ne.rule import Rules

# The first rule that matches at a place has it, so the more special stands first.
_RULES = Rules(
    (
        *latin.ADDRESSES,
        *dates.RULES,
        *phones.RULES,
        *quantities.RULES,
        *numbers.RULES,
        *latin.WORDS,
    )
)
_ROUNDS = 5


def normalise(text: str) -> str:
    """See :func:`ghanti.speech.text.normalise`."""
    # A dropped symbol may join what it kept apart ("A🙂T.M."), so again until nothing changes.
    for _ in range(_ROUNDS):
        before, text = text, tidy(_RULES.apply(fold(text)))
        if text == before:
            break
    return text
