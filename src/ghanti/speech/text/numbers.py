"""Numbers as words."""

from __future__ import annotations

import re

from ghanti.speech.text.language import Language
from ghanti.speech.text.rule import Rule

# 1,00,000 and 100,000; a list such as 1,2,3 is no grouping.
INTEGER = r"\d{1,3}(?:,\d{2,3}){0,10},\d{3}(?!\d)|\d+"
NUMBER = rf"(?:{INTEGER})(?:\.\d+)?"

# From ten digits on a number without grouping is an account or a phone, not a quantity.
_LONGEST_COUNT = 9
_LONGEST_GROUPED = 15
_BREATH = 5


class Numbers:
    """Reads numbers in one language."""

    def __init__(self, language: Language) -> None:
        self._language = language

    def digit_by_digit(self, text: str) -> str:
        """Every digit by its name, with a pause wherever the writer put one, or after five."""
        runs = re.findall(r"\d+", text)
        if len(runs) == 1:
            runs = [runs[0][start : start + _BREATH] for start in range(0, len(runs[0]), _BREATH)]
        return ", ".join(self._digits(run) for run in runs)

    def number(self, text: str) -> str:
        """A written number, such as ``1,00,000`` or ``0.05``, in words.

        A leading zero, or ten digits and more without grouping, make it a code: digit by digit.
        """
        whole, _, fraction = text.partition(".")
        grouped = "," in whole
        digits = whole.replace(",", "")
        if (digits.startswith("0") and len(digits) > 1) or len(digits) > (
            _LONGEST_GROUPED if grouped else _LONGEST_COUNT
        ):
            words = self.digit_by_digit(digits)
        else:
            words = self._language.cardinal(int(digits))
        if not fraction.strip("0"):
            return words
        return f"{words} {self._language.point} {self._digits(fraction)}"

    def one_by_one(self, text: str) -> str:
        """All numbers in a text, one after the other."""
        return ", ".join(self.number(part) for part in re.findall(r"\d+", text))

    def rules(self) -> tuple[Rule, ...]:
        words = self._language
        return (
            Rule(rf"(\d{{1,9}})\s?(st|nd|rd|th|{words.ordinal_ending})(?![A-Za-z])", self._ordinal),
            Rule(r"(?<!\d)\d{1,6}(?:[-/]\d{1,6}){2,9}(?!\d)", self._list),
            Rule(r"(?<!\d)(\d{1,9})/(\d{1,9})(?!\d)", self._fraction),
            Rule(r"(?<!\w)-(?=\d)", lambda _: f" {words.minus} "),
            Rule(r"#\s?(?=\d)", lambda _: f" {words.numbered} "),
            Rule(rf"({NUMBER})\s?-\s?(?=\d)", lambda match: f" {self.number(match[1])} {words.until} "),
            Rule(NUMBER, lambda match: f" {self.number(match[0])} "),
        )

    def _digits(self, run: str) -> str:
        return " ".join(self._language.digits[int(digit)] for digit in run)

    def _ordinal(self, match: re.Match[str]) -> str:
        return f" {self._language.ordinal(int(match[1]), match[2])} "

    def _list(self, match: re.Match[str]) -> str:
        """1-2-3, 1/2/3."""
        return f" {self.one_by_one(match[0])} "

    def _fraction(self, match: re.Match[str]) -> str:
        return f" {self.number(match[1])} {self._language.over} {self.number(match[2])} "
