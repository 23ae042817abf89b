"""Numbers as Nepali words, counted in हजार, लाख and करोड."""

from __future__ import annotations

import re

from digits_to_word_nepali import digit_to_nepali_words

from ghanti.speech.text.ne.rule import Rule

DIGITS = ("शून्य", "एक", "दुई", "तीन", "चार", "पाँच", "छ", "सात", "आठ", "नौ")
# 1,00,000 and 100,000; a list such as 1,2,3 is no grouping.
INTEGER = r"\d{1,3}(?:,\d{2,3}){0,10},\d{3}(?!\d)|\d+"
NUMBER = rf"(?:{INTEGER})(?:\.\d+)?"
MULTIPLIER = r"(?:सय|हजार|लाख|करोड|अर्ब|अरब|खर्ब|खरब)"

# From ten digits on a number without grouping is an account or a phone, not a quantity.
_LONGEST_COUNT = 9
_LONGEST_GROUPED = 15
_BREATH = 5
_ORDINALS = {1: "पहिलो", 2: "दोस्रो", 3: "तेस्रो", 4: "चौथो", 6: "छैटौँ"}
_ENDS_IN_CONSONANT = re.compile("[क-ह]$")


def cardinal(value: int) -> str:
    """A number of at most 15 digits in words."""
    return str(digit_to_nepali_words(value))


def digit_by_digit(text: str) -> str:
    """Every digit by its name, with a pause wherever the writer put one, or after five."""
    runs = re.findall(r"\d+", text)
    if len(runs) == 1:
        runs = [runs[0][start : start + _BREATH] for start in range(0, len(runs[0]), _BREATH)]
    return ", ".join(" ".join(DIGITS[int(digit)] for digit in run) for run in runs)


def number(text: str) -> str:
    """A written number, such as ``1,00,000`` or ``0.05``, in words.

    A leading zero, or ten digits and more without grouping, make it a code: digit by digit.
    """
    whole, _, fraction = text.partition(".")
    grouped = "," in whole
    digits = whole.replace(",", "")
    if (digits.startswith("0") and len(digits) > 1) or len(digits) > (
        _LONGEST_GROUPED if grouped else _LONGEST_COUNT
    ):
        words = digit_by_digit(digits)
    else:
        words = cardinal(int(digits))
    if not fraction.strip("0"):
        return words
    return f"{words} दशमलव " + " ".join(DIGITS[int(digit)] for digit in fraction)


def one_by_one(text: str) -> str:
    """All numbers in a text, one after the other."""
    return ", ".join(number(part) for part in re.findall(r"\d+", text))


def ordinal(value: int) -> str:
    """Which one: पहिलो, पाँचौँ, एकसट्ठीऔँ."""
    if value in _ORDINALS:
        return _ORDINALS[value]
    words = cardinal(value)
    return words + ("ौँ" if _ENDS_IN_CONSONANT.search(words) else "औँ")


def _ordinal(match: re.Match[str]) -> str:
    return f" {ordinal(int(match[1]))} "


def _list(match: re.Match[str]) -> str:
    """1-2-3, 1/2/3."""
    return f" {one_by_one(match[0])} "


def _fraction(match: re.Match[str]) -> str:
    return f" {number(match[1])} बटा {number(match[2])} "


RULES: tuple[Rule, ...] = (
    Rule(r"(\d{1,9})\s?(?:st|nd|rd|th|औं|औँ|ओं|ौं|ौँ)(?![A-Za-z])", _ordinal),
    Rule(r"(?<!\d)\d{1,6}(?:[-/]\d{1,6}){2,9}(?!\d)", _list),
    Rule(r"(?<!\d)(\d{1,9})/(\d{1,9})(?!\d)", _fraction),
    Rule(r"(?<!\w)-(?=\d)", lambda _: " माइनस "),
    Rule(r"#\s?(?=\d)", lambda _: " नम्बर "),
    Rule(rf"({NUMBER})\s?-\s?(?=\d)", lambda match: f" {number(match[1])} देखि "),
    Rule(NUMBER, lambda match: f" {number(match[0])} "),
)
