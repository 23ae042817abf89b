"""Money, percent and units."""

from __future__ import annotations

import re

from ghanti.speech.text.language import Currency, Language, Noun
from ghanti.speech.text.numbers import NUMBER, Numbers
from ghanti.speech.text.rule import Rule

_SIGN = r"(?:रु|रू|(?<![A-Za-z])(?:N?[Rr][Ss]|RS|NRS|NPR|INR|USD|EUR)|[$€£₹])"


class Quantities:
    """Reads amounts and measures in one language."""

    def __init__(self, language: Language, numbers: Numbers) -> None:
        self._language = language
        self._numbers = numbers
        self._units = _spellings(language)

    def rules(self) -> tuple[Rule, ...]:
        unit = "|".join(re.escape(spelling) for spelling in sorted(self._units, key=len, reverse=True))
        written = rf"(?:\s?/-|\s?(?:{self._language.rupees_written}))?"
        return (
            Rule(
                rf"({_SIGN})\.?\s{{0,3}}(-?)\s?({NUMBER})(?:\s?({self._language.multiplier}))?{written}",
                self._sign_first,
            ),
            Rule(rf"({NUMBER})\s?/-", lambda match: f" {self._money(match[1], self._language.rupees)} "),
            Rule(rf"({NUMBER})\s?({unit})(?![A-Za-z/])", self._measure),
        )

    def _money(self, amount: str, currency: Currency) -> str:
        """An amount in its currency's two units: एक हजार पाँच सय रुपैयाँ पचास पैसा."""
        major, minor = currency
        whole, _, fraction = amount.partition(".")
        if len(fraction) > 2:
            return f"{self._numbers.number(amount)} {major[1]}"
        words = f"{self._numbers.number(whole)} {_counted(major, whole)}"
        cents = int(fraction.ljust(2, "0")) if fraction else 0
        if not cents:
            return words
        return (
            f"{words} {self._language.joint} {self._language.cardinal(cents)} {_counted(minor, str(cents))}"
        )

    def _sign_first(self, match: re.Match[str]) -> str:
        sign, minus, amount, multiplier = match.groups()
        currency = self._language.currencies.get(sign.upper(), self._language.rupees)
        if multiplier:
            said = f"{self._numbers.number(amount)} {multiplier} {currency[0][1]}"
        else:
            said = self._money(amount, currency)
        return f" {self._language.minus + ' ' if minus else ''}{said} "

    def _measure(self, match: re.Match[str]) -> str:
        return f" {self._numbers.number(match[1])} {_counted(self._units[match[2]], match[1])} "


def _counted(noun: Noun, number: str) -> str:
    return noun[0] if number == "1" else noun[1]


def _spellings(language: Language) -> dict[str, Noun]:
    """Units by every way to write them: km, Km and KM."""
    units = language.units
    found = {spelling: noun for unit, noun in units.items() for spelling in (unit, unit.capitalize())}
    found |= {unit.upper(): noun for unit, noun in units.items() if unit in ("kg", "km", "ml", "ltr")}
    # "5G" is a network and "5L" no clear unit, so single capitals stand only where the table has them.
    return {spelling: noun for spelling, noun in found.items() if len(spelling) > 1 or spelling in units}
