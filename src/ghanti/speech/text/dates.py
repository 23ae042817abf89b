"""Dates of both calendars and times of day."""

from __future__ import annotations

import re
from datetime import date

from ghanti.speech.text.language import Language
from ghanti.speech.text.numbers import Numbers
from ghanti.speech.text.rule import Rule

# Both calendars use years such as 2055; messages speak of years near their own, and the Bikram
# year runs 57 ahead, so the split stays right until the Gregorian 2060.
_FIRST_BIKRAM_YEAR = 2060
_LAST_BIKRAM_YEAR = 2100
_HALF = r"[AaPp]\.?[Mm]\b\.?"


def half_of(hour: int, half: str) -> int:
    """The hour of the day, 0 to 23, of one with ``AM`` or ``PM``."""
    return hour % 12 + (12 if half == "PM" else 0)


class Dates:
    """Reads dates and times in one language."""

    def __init__(self, language: Language, numbers: Numbers) -> None:
        self._language = language
        self._numbers = numbers

    def rules(self) -> tuple[Rule, ...]:
        return (
            Rule(r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:T(?=\d)|(?!\d))", self._year_first),
            Rule(r"(?<!\d)(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})(?!\d)", self._year_last),
            Rule(r"(?<!\d)(20\d\d)/(\d\d)(?![\d/])", self._fiscal_year),
            Rule(
                r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d(?:\.\d{1,6})?)?(?!:?\d)"
                rf"(?:\s?({_HALF})|\s?{self._language.oclock})?",
                self._clock,
            ),
            Rule(rf"(?<![\d:.,])(1[0-2]|0?[1-9])()\s?({_HALF})", self._clock),
        )

    def _spoken_date(self, year: int, month: int, day: int) -> str | None:
        """A date as it is announced; None when neither calendar has it."""
        if _FIRST_BIKRAM_YEAR <= year <= _LAST_BIKRAM_YEAR:
            if not (1 <= month <= 12 and 1 <= day <= 32):
                return None
            return self._language.date(year, month, day, True)
        try:
            date(year, month, day)
        except ValueError:
            return None
        return self._language.date(year, month, day, False)

    def _year_first(self, match: re.Match[str]) -> str:
        year, month, day = (int(part) for part in match.groups())
        return f" {self._spoken_date(year, month, day) or self._numbers.one_by_one(match[0])} "

    def _year_last(self, match: re.Match[str]) -> str:
        day, month, year = (int(part) for part in match.groups())
        said = self._spoken_date(year, month, day) or self._spoken_date(year, day, month)
        return f" {said or self._numbers.one_by_one(match[0])} "

    def _fiscal_year(self, match: re.Match[str]) -> str:
        return f" {self._language.cardinal(int(match[1]))} {self._numbers.number(match[2])} "

    def _clock(self, match: re.Match[str]) -> str:
        half = (match[3] or "").replace(".", "").upper()
        # No blank behind: the case ending that may follow (बजेसम्म) belongs to the word.
        return " " + self._language.time(int(match[1]), int(match[2] or 0), half)
