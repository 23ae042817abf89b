"""Dates and times as English words."""

from __future__ import annotations

from ghanti.speech.text.en.numbers import cardinal, ordinal

_BIKRAM = "Baisakh Jestha Asar Saun Bhadau Asoj Kartik Mangsir Poush Magh Falgun Chaitra"
_GREGORIAN = "January February March April May June July August September October November December"
_BIKRAM_MONTHS, _GREGORIAN_MONTHS = _BIKRAM.split(), _GREGORIAN.split()
_HALVES = {"AM": "ay M", "PM": "P M"}


def spoken_date(year: int, month: int, day: int, bikram: bool) -> str:
    """A date as it is announced."""
    if bikram:
        return f"the {ordinal(day)} of {_BIKRAM_MONTHS[month - 1]} {cardinal(year)} B S"
    return f"the {ordinal(day)} of {_GREGORIAN_MONTHS[month - 1]} {_spoken_year(year)}"


def spoken_time(hour: int, minute: int, half: str) -> str:
    """A time of day; ``half`` is ``AM``, ``PM`` or empty."""
    if minute:
        words = f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif half:
        words = cardinal(hour)
    else:
        words = f"{cardinal(hour)} o'clock" if 1 <= hour <= 12 else f"{cardinal(hour)} hundred hours"
    return f"{words} {_HALVES[half]}" if half else words


def _spoken_year(year: int) -> str:
    """1999 is nineteen ninety nine, 2025 two thousand twenty five."""
    century, rest = divmod(year, 100)
    if 11 <= century <= 19 and rest >= 10:
        return f"{cardinal(century)} {cardinal(rest)}"
    return cardinal(year)
