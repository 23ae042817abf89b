"""Phone numbers as people write them, and the one form in which two of them are compared.

Validity and carriers come from the metadata of the ``phonenumbers`` library, which takes some 25
microseconds a number. Nepali mobiles, nearly all that a campaign holds, are recognised by a table
made from the same metadata; the tests compare both ways.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import cache
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumberFormat
from phonenumbers import carrier as carriers

from ghanti.contacts.errors import NumberError

OTHER = "other"
"""The carrier of landlines, of foreign numbers, and of what no plan of numbers knows."""

_CARRIERS = {
    "Nepal Telecom": "NTC",
    "NDCL": "NTC",
    "NCell": "Ncell",
    "Smart Telecom": "Smart",
    "UTL": "UTL",
}
_NEPAL = "NP"
_NEPAL_CODE = 977
_NEPALI_MOBILE = re.compile(r"(?:\+977|00977|977|0)?((9[0-9]{2})[0-9]{7})")
# Blanks of every kind, soft hyphens, marks of direction, dashes, dots and parentheses.
_SEPARATORS = re.compile(
    r"[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\-\u2010-\u2015\u2212\ufe63\uff0d.()（）]+"
)
_DIGITS = re.compile(r"\+?[0-9]+")
_FOREIGN_DIGIT = re.compile(r"\d")
_WHOLE_FLOAT = re.compile(r"(\d+)\.0+")
_EXPONENT = re.compile(r"(\d)(?:[.,](\d+))?[eE](\+?)0?(\d+)")
_FEWEST, _MOST = 7, 15
_LONGEST_TEXT = 100


class PhoneNumber(NamedTuple):
    """A number that can be dialled, or at least tried.

    Attributes:
        number: identity: E.164 with its plus, or bare digits when no plan of numbers knows it.
        sent: as it was written, without blanks around it; a spreadsheet's float is its digits.
        carrier: NTC, Ncell, Smart, UTL or other.
    """

    number: str
    sent: str
    carrier: str


def parse(raw: str | int | float | None, region: str = _NEPAL) -> PhoneNumber:
    """Read a number as written by people, programs and spreadsheets.

    Only what hasn't 7 to 15 digits is refused; whether a number can be called is for the trunk to
    say.

    Args:
        region: the country of numbers without prefix, ISO 3166-1 alpha-2.

    Raises:
        NumberError: not a phone number.
    """
    sent = _as_written(raw)
    if region == _NEPAL and (found := _nepali_mobile(sent)):
        return PhoneNumber(found[0], sent, found[1])
    cleaned = _clean(sent)
    if region == _NEPAL and (found := _nepali_mobile(cleaned)):
        return PhoneNumber(found[0], sent, found[1])
    number, carrier = _look_up(cleaned, region)
    return PhoneNumber(number, sent, carrier)


def is_dialable(number: PhoneNumber) -> bool:
    """Whether a plan of numbers knows it."""
    return number.number.startswith("+")


def _as_written(raw: str | int | float | None) -> str:
    match raw:
        case None:
            raise NumberError("The number is missing.")
        case bool():
            raise NumberError("A phone number is digits, not true or false.")
        case str():
            return _unspoilt(_short(raw.strip()))
        case int() if 0 <= raw < 10**_LONGEST_TEXT:
            return str(raw)
        case float() if math.isfinite(raw) and raw >= 0 and raw == int(raw):
            return _short(str(int(raw)))
        case int() | float():
            raise NumberError("A phone number has no sign, no fraction and at most 15 digits.")
        case _:
            raise NumberError("A phone number is text or digits.")


def _short(text: str) -> str:
    if len(text) > _LONGEST_TEXT:
        raise NumberError("The number is longer than any phone number.")
    return text


def _unspoilt(text: str) -> str:
    """Undo what spreadsheets do to digits: ``9841234567.0``, ``9.841234567E9``, ``'9841234567``."""
    if text.isdigit():
        return text
    text = text.removeprefix("'")
    if whole := _WHOLE_FLOAT.fullmatch(text):
        return whole[1]
    if not (parts := _EXPONENT.fullmatch(text)):
        return text
    digits, places = parts[1] + (parts[2] or ""), int(parts[4])
    # Java writes every digit ("9.84123456E9"). Excel rounds to the cell's width and adds a plus
    # ("9.84123E+09"): what it left out is lost, and zeros in its place are somebody else's number.
    if places > _MOST or len(digits) > places + 1 or (parts[3] and len(digits) <= places):
        raise NumberError("The spreadsheet shortened this number; format its column as text.")
    return str(int(Decimal(digits).scaleb(places + 1 - len(digits))))


def _clean(sent: str) -> str:
    """ASCII digits, perhaps after a plus.

    Raises:
        NumberError: anything else in it, or too few or too many digits.
    """
    cleaned = _SEPARATORS.sub("", sent).replace("＋", "+")
    if not cleaned.isascii():
        cleaned = _FOREIGN_DIGIT.sub(lambda digit: str(int(digit[0])), cleaned)
    if not cleaned:
        raise NumberError("The number is missing.")
    if not _DIGITS.fullmatch(cleaned):
        raise NumberError("A phone number holds digits only, and perhaps a plus before them.")
    count = len(cleaned.removeprefix("+").removeprefix("00"))
    if count > _MOST or len(cleaned.removeprefix("+")) < _FEWEST:
        raise NumberError(f"A phone number has {_FEWEST} to {_MOST} digits; this one has {count}.")
    return cleaned


def _nepali_mobile(text: str) -> tuple[str, str] | None:
    found = _NEPALI_MOBILE.fullmatch(text)
    if found is None or (carrier := _nepali_mobile_codes().get(found[2])) is None:
        return None
    return "+977" + found[1], carrier


@cache
def _nepali_mobile_codes() -> dict[str, str]:
    """The carrier of each code of three digits that begins a valid Nepali mobile."""
    codes = (str(code) for code in range(900, 1000))
    found = {code: _look_up(f"+977{code}0000000", _NEPAL) for code in codes}
    return {code: carrier for code, (number, carrier) in found.items() if number.startswith("+")}


def _look_up(cleaned: str, region: str) -> tuple[str, str]:
    """Identity and carrier of cleaned digits, by the library's metadata."""
    for candidate in dict.fromkeys((cleaned, cleaned.lstrip("0"))):
        try:
            parsed = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            carrier = _CARRIERS.get(carriers.name_for_number(parsed, "en"), OTHER)
            known = carrier if parsed.country_code == _NEPAL_CODE else OTHER
            return phonenumbers.format_number(parsed, PhoneNumberFormat.E164), known
    return cleaned.removeprefix("+"), OTHER
