"""Numbers as English words, counted in thousand, lakh and crore as Nepal and India do."""

from __future__ import annotations

MULTIPLIER = "(?:hundred|thousand|lakhs?|lacs?|crores?|million|billion)"

_BELOW_TWENTY = """
zero one two three four five six seven eight nine
ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen
"""
_FROM_TWENTY = "twenty thirty forty fifty sixty seventy eighty ninety"
_SMALL, _TENS = _BELOW_TWENTY.split(), _FROM_TWENTY.split()
_SCALES = ((10_000_000, "crore"), (100_000, "lakh"), (1000, "thousand"), (100, "hundred"))
DIGITS = tuple(_SMALL[:10])

_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def cardinal(value: int) -> str:
    """A number of at most 15 digits in words."""
    for size, name in _SCALES:
        if value >= size:
            rest = f" {cardinal(value % size)}" if value % size else ""
            return f"{cardinal(value // size)} {name}{rest}"
    if value < len(_SMALL):
        return _SMALL[value]
    ones = f" {_SMALL[value % 10]}" if value % 10 else ""
    return _TENS[value // 10 - 2] + ones


def ordinal(value: int, _ending: str = "") -> str:
    """Which one: first, twentieth, one hundred twelfth."""
    before, _, last = cardinal(value).rpartition(" ")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = last.removesuffix("y") + "ieth" if last.endswith("y") else last + "th"
    return f"{before} {last}".lstrip()
