"""Dates and times as Nepali words."""

from __future__ import annotations

from ghanti.speech.text.dates import half_of
from ghanti.speech.text.ne.numbers import cardinal

_BIKRAM = "बैशाख जेठ असार साउन भदौ असोज कात्तिक मंसिर पुस माघ फागुन चैत"
_GREGORIAN = "जनवरी फेब्रुअरी मार्च अप्रिल मे जुन जुलाई अगस्ट सेप्टेम्बर अक्टोबर नोभेम्बर डिसेम्बर"
_BIKRAM_MONTHS, _GREGORIAN_MONTHS = _BIKRAM.split(), _GREGORIAN.split()


def spoken_date(year: int, month: int, day: int, bikram: bool) -> str:
    """A date as it is announced."""
    if bikram:
        return f"{cardinal(year)} साल {_BIKRAM_MONTHS[month - 1]} {cardinal(day)} गते"
    return f"सन् {cardinal(year)} {_GREGORIAN_MONTHS[month - 1]} {cardinal(day)} तारिख"


def spoken_time(hour: int, minute: int, half: str) -> str:
    """A time of day; ``half`` is ``AM``, ``PM`` or empty."""
    words = f"{cardinal(hour)} बजे" if minute == 0 else f"{cardinal(hour)} बजेर {cardinal(minute)} मिनेट"
    return f"{_part_of_day(half_of(hour, half))} {words}" if half else words


def _part_of_day(hour: int) -> str:
    for until, name in ((3, "राति"), (12, "बिहान"), (16, "दिउँसो"), (20, "बेलुका")):
        if hour < until:
            return name
    return "राति"
