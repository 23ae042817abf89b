"""Dates and times as Hindi words."""

from __future__ import annotations

from ghanti.speech.text.dates import half_of
from ghanti.speech.text.hi.numbers import cardinal

_BIKRAM = "वैशाख ज्येष्ठ आषाढ़ श्रावण भाद्रपद आश्विन कार्तिक मार्गशीर्ष पौष माघ फाल्गुन चैत्र"
_GREGORIAN = "जनवरी फ़रवरी मार्च अप्रैल मई जून जुलाई अगस्त सितंबर अक्टूबर नवंबर दिसंबर"
_BIKRAM_MONTHS, _GREGORIAN_MONTHS = _BIKRAM.split(), _GREGORIAN.split()


def spoken_date(year: int, month: int, day: int, bikram: bool) -> str:
    """A date as it is announced."""
    if bikram:
        return f"विक्रम संवत {cardinal(year)} {_BIKRAM_MONTHS[month - 1]} {cardinal(day)}"
    return f"{cardinal(day)} {_GREGORIAN_MONTHS[month - 1]} {_spoken_year(year)}"


def spoken_time(hour: int, minute: int, half: str) -> str:
    """A time of day; ``half`` is ``AM``, ``PM`` or empty."""
    words = f"{cardinal(hour)} बजे" if minute == 0 else f"{cardinal(hour)} बजकर {cardinal(minute)} मिनट"
    return f"{_part_of_day(half_of(hour, half))} {words}" if half else words


def _part_of_day(hour: int) -> str:
    for until, name in ((4, "रात"), (12, "सुबह"), (16, "दोपहर"), (20, "शाम")):
        if hour < until:
            return name
    return "रात"


def _spoken_year(year: int) -> str:
    """1999 is उन्नीस सौ निन्यानवे, 2025 दो हज़ार पच्चीस."""
    century, rest = divmod(year, 100)
    if 11 <= century <= 19:
        return f"{cardinal(century)} सौ {cardinal(rest)}" if rest else f"{cardinal(century)} सौ"
    return cardinal(year)
