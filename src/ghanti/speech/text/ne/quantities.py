"""Money, percent and units."""

from __future__ import annotations

import re

from ghanti.speech.text.ne.numbers import MULTIPLIER, NUMBER, cardinal, number
from ghanti.speech.text.ne.rule import Rule

_RUPEES = ("रुपैयाँ", "पैसा")
_CURRENCIES = {
    "$": ("डलर", "सेन्ट"),
    "USD": ("डलर", "सेन्ट"),
    "€": ("युरो", "सेन्ट"),
    "EUR": ("युरो", "सेन्ट"),
    "£": ("पाउन्ड", "पेन्स"),
    "₹": ("भारतीय रुपैयाँ", "पैसा"),
    "INR": ("भारतीय रुपैयाँ", "पैसा"),
}
_SIGN = r"(?:रु|रू|(?<![A-Za-z])(?:N?[Rr][Ss]|RS|NRS|NPR|INR|USD|EUR)|[$€£₹])"
_WRITTEN_OUT = r"(?:\s?/-|\s?(?:रुपैयाँ|रूपैयाँ|रुपियाँ|रूपियाँ))?"

_UNITS = {
    "km/h": "किलोमिटर प्रति घण्टा",
    "kmph": "किलोमिटर प्रति घण्टा",
    "km": "किलोमिटर",
    "kg": "किलोग्राम",
    "gm": "ग्राम",
    "g": "ग्राम",
    "mg": "मिलिग्राम",
    "cm": "सेन्टिमिटर",
    "mm": "मिलिमिटर",
    "m": "मिटर",
    "ft": "फिट",
    "ml": "मिलिलिटर",
    "ltr": "लिटर",
    "l": "लिटर",
    "L": "लिटर",
    "kWh": "किलोवाट घण्टा",
    "kW": "किलोवाट",
    "MW": "मेगावाट",
    "GB": "जिबी",
    "MB": "एमबी",
    "Mbps": "एमबिपिएस",
    "hrs": "घण्टा",
    "hr": "घण्टा",
    "min": "मिनेट",
    "sec": "सेकेन्ड",
    "°C": "डिग्री सेल्सियस",
    "°F": "डिग्री फरेनहाइट",
    "°": "डिग्री",
    "%": "प्रतिशत",
}
_SPELLINGS = {spelling: words for unit, words in _UNITS.items() for spelling in (unit, unit.capitalize())}
_SPELLINGS |= {unit.upper(): words for unit, words in _UNITS.items() if unit in ("kg", "km", "ml", "ltr")}
# "5G" is a network and "5L" no clear unit, so single capitals stand only where the table has them.
_SPELLINGS = {s: words for s, words in _SPELLINGS.items() if len(s) > 1 or s in _UNITS}
_UNIT = "|".join(re.escape(spelling) for spelling in sorted(_SPELLINGS, key=len, reverse=True))


def money(amount: str, major: str, minor: str) -> str:
    """An amount in its currency's two units: एक हजार पाँच सय रुपैयाँ पचास पैसा."""
    whole, _, fraction = amount.partition(".")
    if len(fraction) > 2:
        return f"{number(amount)} {major}"
    words = f"{number(whole)} {major}"
    cents = int(fraction.ljust(2, "0")) if fraction else 0
    return f"{words} {cardinal(cents)} {minor}" if cents else words


def _sign_first(match: re.Match[str]) -> str:
    sign, minus, amount, multiplier = match.groups()
    major, minor = _CURRENCIES.get(sign.upper(), _RUPEES)
    said = f"{number(amount)} {multiplier} {major}" if multiplier else money(amount, major, minor)
    return f" {'माइनस ' if minus else ''}{said} "


def _bare(match: re.Match[str]) -> str:
    return f" {money(match[1], *_RUPEES)} "


def _measure(match: re.Match[str]) -> str:
    return f" {number(match[1])} {_SPELLINGS[match[2]]} "


RULES: tuple[Rule, ...] = (
    Rule(rf"({_SIGN})\.?\s{{0,3}}(-?)\s?({NUMBER})(?:\s?({MULTIPLIER}))?{_WRITTEN_OUT}", _sign_first),
    Rule(rf"({NUMBER})\s?/-", _bare),
    Rule(rf"({NUMBER})\s?({_UNIT})(?![A-Za-z/])", _measure),
)
