"""Reading the fields of send/otp as clients write them: JSON types, or strings of a form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from ghanti.accounts.errors import InvalidError
from ghanti.api.body import Body
from ghanti.api.tingting.fields import WrongValueError, integer
from ghanti.contacts import numbers
from ghanti.contacts.errors import NumberError
from ghanti.contacts.numbers import PhoneNumber
from ghanti.otp.models import Origin, Way
from ghanti.otp.schemas import OtpOrder

_LONGEST_MESSAGE = 500
_LONGEST_NAME = 100
_DEFAULT_LENGTH = 6
_REQUIRED = ("number", "message", "sms_send_options")


def otp_order(body: Body, home_country: str) -> OtpOrder:
    """The order that a body holds; null and "" are as good as a missing field.

    Raises InvalidError naming every missing or wrong field.
    """
    readers: Mapping[str, Callable[[Any], Any]] = {
        "number": lambda value: _number(value, home_country),
        "message": _text(_LONGEST_MESSAGE),
        "sms_send_options": _choice(Way),
        "otp_options": _choice(Origin),
        "otp": _code,
        "otp_length": integer,
        "voice_input": _voice,
        "company_name": _text(_LONGEST_NAME),
        "length_factor": _length_factor,
    }
    found: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    for name, read in readers.items():
        value = body.values.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        try:
            found[name] = read(value)
        except (WrongValueError, NumberError) as error:
            errors[name] = [str(error)]
    own = found.get("otp_options") is Origin.PERSONNEL
    required = (*_REQUIRED, "otp") if own else _REQUIRED
    for name in required:
        if name not in found and name not in errors:
            errors[name] = ["This field is required."]
    errors.pop("otp_length" if own else "otp", None)
    if errors:
        raise InvalidError.of_fields(errors)
    return OtpOrder(
        number=found["number"],
        message=found["message"],
        way=found["sms_send_options"],
        code=found["otp"] if own else None,
        length=_DEFAULT_LENGTH if own else found.get("otp_length", _DEFAULT_LENGTH),
        voice=found.get("voice_input"),
        company_name=found.get("company_name", ""),
        length_factor=found.get("length_factor", Decimal("1.00")),
    )


def _number(value: Any, home_country: str) -> PhoneNumber:
    return numbers.parse(value, home_country)


def _text(longest: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise WrongValueError("Enter text.")
        text = str(value).strip()
        if len(text) > longest:
            raise WrongValueError(f"At most {longest} characters are allowed.")
        return text

    return read


def _choice(kind: type[StrEnum]) -> Callable[[Any], StrEnum]:
    def read(value: Any) -> StrEnum:
        try:
            return kind(str(value).strip().lower())
        except ValueError:
            raise WrongValueError(f"Enter {' or '.join(kind)}.") from None

    return read


def _code(value: Any) -> str:
    """A number in JSON has lost its leading zeros already; text keeps them."""
    if isinstance(value, str):
        return value.strip()
    return str(integer(value))


def _voice(value: Any) -> int | str:
    if isinstance(value, dict):
        value = value.get("id", value.get("voice_internal_name"))
    if isinstance(value, str) and not value.strip().isdecimal():
        return _text(_LONGEST_NAME)(value)
    try:
        return integer(value)
    except WrongValueError:
        raise WrongValueError("Enter the name or the id of a voice.") from None


def _length_factor(value: Any) -> Decimal:
    try:
        factor = Decimal(str(value).strip())
    except InvalidOperation:
        factor = Decimal("NaN")
    # Out of this range rounding itself may fail; the rule's own, narrower range is checked with the others.
    if isinstance(value, bool) or not factor.is_finite() or abs(factor) > 1000:
        raise WrongValueError("Enter a number between 0.50 and 2.00.")
    return factor.quantize(Decimal("0.01"))
