"""Dates of both calendars and times of day."""

from __future__ import annotations

import re
from datetime import date

from ghanti.speech.text.ne.numbers import cardinal, number, one_by_one
from ghanti.speech.text.ne.rule import Rule

BIKRAM_MONTHS = ("बैशाख", "जेठ", "असार", "साउन", "भदौ", "असोज", "कात्तिक", "मंसिर", "पुस", "माघ", "फागुन", "चैत")
GREGORIAN_MONTHS = (
    "जनवरी",
    "फेब्रुअरी",
    "मार्च",
    "अप्रिल",
    "मे",
    "जुन",
    "जुलाई",
    "अगस्ट",
    "सेप्टेम्बर",
    "अक्टोबर",
    "नोभेम्बर",
    "डिसेम्बर",
)
# Both calendars use years such as 2055; messages speak of years near their own, and the Bikram
# year runs 57 ahead, so the split stays right until the Gregorian 2060.
_FIRST_BIKRAM_YEAR = 2060
_LAST_BIKRAM_YEAR = 2100


def spoken_date(year: int, month: int, day: int) -> str | None:
    """A date as it is announced; None when neither calendar has it."""
    if _FIRST_BIKRAM_YEAR <= year <= _LAST_BIKRAM_YEAR:
        if not (1 <= month <= 12 and 1 <= day <= 32):
            return None
        return f"{cardinal(year)} साल {BIKRAM_MONTHS[month - 1]} {cardinal(day)} गते"
    try:
        date(year, month, day)
    except ValueError:
        return None
    return f"सन् {cardinal(year)} {GREGORIAN_MONTHS[month - 1]} {cardinal(day)} तारिख"


def spoken_time(hour: int, minute: int, half: str = "") -> str:
    """A time of day; ``half`` is ``AM``, ``PM`` or empty."""
    words = f"{cardinal(hour)} बजे" if minute == 0 else f"{cardinal(hour)} बजेर {cardinal(minute)} मिनेट"
    return f"{_part_of_day(hour % 12 + (12 if half == 'PM' else 0))} {words}" if half else words


def _part_of_day(hour: int) -> str:
    for until, name in ((3, "राति"), (12, "बिहान"), (16, "दिउँसो"), (20, "बेलुका")):
        if hour < until:
            return name
    return "राति"


def _year_first(match: re.Match[str]) -> str:
    year, month, day = (int(part) for part in match.groups())
    return f" {spoken_date(year, month, day) or one_by_one(match[0])} "


def _year_last(match: re.Match[str]) -> str:
    day, month, year = (int(part) for part in match.groups())
    said = spoken_date(year, month, day) or spoken_date(year, day, month)
    return f" {said or one_by_one(match[0])} "


def _fiscal_year(match: re.Match[str]) -> str:
    return f" {cardinal(int(match[1]))} {number(match[2])} "


def _clock(match: re.Match[str]) -> str:
    half = (match[3] or "").replace(".", "").upper()
    # No blank behind: the case ending that may follow (बजेसम्म) belongs to the word.
    return " " + spoken_time(int(match[1]), int(match[2] or 0), half)


_HALF = r"[AaPp]\.?[Mm]\b\.?"

RULES: tuple[Rule, ...] = (
    Rule(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:T(?=\d)|(?!\d))", _year_first),
    Rule(r"(?<!\d)(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?!\d)", _year_last),
    Rule(r"(?<!\d)(20\d\d)/(\d\d)(?![\d/])", _fiscal_year),
    Rule(
        rf"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d(?:\.\d{{1,6}})?)?(?!:?\d)(?:\s?({_HALF})|\s?बजे)?",
        _clock,
    ),
    Rule(rf"(?<![\d:.,])(1[0-2]|0?[1-9])()\s?({_HALF})", _clock),
)
