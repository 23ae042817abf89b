"""Numbers as Nepali words, counted in हजार, लाख and करोड."""

from __future__ import annotations

import re

from digits_to_word_nepali import digit_to_nepali_words

DIGITS = ("शून्य", "एक", "दुई", "तीन", "चार", "पाँच", "छ", "सात", "आठ", "नौ")
MULTIPLIER = r"(?:सय|हजार|लाख|करोड|अर्ब|अरब|खर्ब|खरब)"
ORDINAL_ENDING = "औं|औँ|ओं|ौं|ौँ"

_ORDINALS = {1: "पहिलो", 2: "दोस्रो", 3: "तेस्रो", 4: "चौथो", 6: "छैटौँ"}
_ENDS_IN_CONSONANT = re.compile("[क-ह]$")


def cardinal(value: int) -> str:
    """A number of at most 15 digits in words."""
    return str(digit_to_nepali_words(value))


def ordinal(value: int, _ending: str) -> str:
    """Which one: पहिलो, पाँचौँ, एकसट्ठीऔँ."""
    if value in _ORDINALS:
        return _ORDINALS[value]
    words = cardinal(value)
    return words + ("ौँ" if _ENDS_IN_CONSONANT.search(words) else "औँ")
