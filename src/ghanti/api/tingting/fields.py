"""Reading campaign fields as TingTing's clients write them: JSON types, or strings of a form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, cast
from zoneinfo import ZoneInfo

import orjson

from ghanti.accounts.errors import InvalidError
from ghanti.api.body import Body, parse_json
from ghanti.campaigns.models import CampaignStatus, Category, Services
from ghanti.campaigns.retries import retry_rules
from ghanti.campaigns.schedule import parse_schedule
from ghanti.campaigns.schemas import CampaignFields
from ghanti.campaigns.statuses import FAILOVER_TARGETS

_LONGEST_NAME = 255
_LONGEST_TEXT = 10_000
_BIGGEST = 2**63 - 1
_MOST_PHONES = 100
_SLOWEST_PACE, _FASTEST_PACE = Decimal("0.001"), Decimal(1000)

_WHOLE = re.compile(r"[+-]?\d{1,19}(\.0*)?")

Reader = Callable[[Any, ZoneInfo], Any]


class WrongValueError(ValueError):
    """A value that its field cannot have; the message says what it can."""


def campaign_fields(body: Body, zone: ZoneInfo) -> CampaignFields:
    """The fields that a body names. Keys that are not ours to set, such as id and status, are ignored.

    Raises InvalidError naming every wrong field.
    """
    fields: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    for name, read in _READERS.items():
        if name not in body.values or _garbled_voice(body, name):
            continue
        try:
            fields[name] = read(body.values[name], zone)
        except WrongValueError as error:
            errors[name] = [str(error)]
        except InvalidError as error:
            errors[name] = error.fields.get(name, [error.message])
    if errors:
        raise InvalidError.of_fields(errors)
    return cast(CampaignFields, fields)


def _garbled_voice(body: Body, name: str) -> bool:
    """The vendor's own client puts a voice into a form as the names of its keys: no voice is meant."""
    value = body.values[name]
    return name == "voice" and body.is_form and isinstance(value, list) and "voice_internal_name" in value


def integer(value: Any) -> int:
    """An int, a float without fraction, or either as a string. Raises WrongValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise WrongValueError("Enter a whole number.")
    if isinstance(value, float):
        if not value.is_integer():
            raise WrongValueError("Enter a whole number.")
        number = int(value)
    elif isinstance(value, str):
        if not _WHOLE.fullmatch(value.strip()):
            raise WrongValueError("Enter a whole number.")
        number = int(value.strip().partition(".")[0])
    else:
        number = value
    if abs(number) > _BIGGEST:
        raise WrongValueError("The number is too large.")
    return number


def boolean(value: Any) -> bool:
    """A bool, 0 or 1, or their usual spellings. Raises WrongValueError."""
    spelling = str(value).strip().lower()
    if spelling in ("true", "1", "yes", "on"):
        return True
    if spelling in ("false", "0", "no", "off", ""):
        return False
    raise WrongValueError("Enter true or false.")


def campaign_status(value: str) -> str:
    """A status as printed, or as the vendor's client spells its enumeration. Raises WrongValueError."""
    name = value.removeprefix("CampaignStatus.")
    known = {status.value: status.value for status in CampaignStatus}
    if name != value:
        known = {status.name: status.value for status in CampaignStatus}
    if name not in known:
        raise WrongValueError(f"Enter one of {', '.join(CampaignStatus)}.")
    return known[name]


def text(value: Any, longest: int, *, required: bool = False) -> str:
    """Text, or a number as text; null is "". Raises WrongValueError."""
    if value is None and not required:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise WrongValueError("Enter text.")
    written = str(value)
    if required and not written.strip():
        raise WrongValueError("This field may not be blank.")
    if len(written) > longest:
        raise WrongValueError(f"At most {longest} characters are allowed.")
    return written


def voice(value: Any) -> int | str | None:
    """A voice's id or internal name, also out of a whole voice; None for none. Raises WrongValueError."""
    if isinstance(value, dict):
        value = value.get("id", value.get("voice_internal_name"))
    if value is None or value == "":
        return None
    if isinstance(value, str) and not _WHOLE.fullmatch(value.strip()):
        return text(value.strip(), _LONGEST_NAME)
    try:
        return integer(value)
    except WrongValueError:
        raise WrongValueError("Enter the id of a voice.") from None


def _text(longest: int, *, required: bool = False) -> Reader:
    return lambda value, zone: text(value, longest, required=required)


def _services(value: Any, zone: ZoneInfo) -> Services:
    spelling = re.sub(r"\s*&\s*", " & ", str(value).strip().upper())
    try:
        return Services("SMS & PHONE" if spelling == "PHONE & SMS" else spelling)
    except ValueError:
        raise WrongValueError("Enter PHONE, SMS, SMS & PHONE or SURVEY.") from None


def _category(value: Any, zone: ZoneInfo) -> Category:
    # Clients send back what the answer to create held, where an unset category is null.
    spelling = str(value or Category.TEXT).strip().capitalize()
    try:
        return Category(spelling)
    except ValueError:
        raise WrongValueError("Enter Text or Audio.") from None


def _schedule(value: Any, zone: ZoneInfo) -> datetime | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise WrongValueError("Enter a date or a date and time in ISO 8601 form.")
    return parse_schedule(value, zone)


def _phones(value: Any, zone: ZoneInfo) -> list[int]:
    if value is None or value == "":
        return []
    if isinstance(value, str) and value.strip().startswith("["):
        try:
            value = parse_json(value)
        except orjson.JSONDecodeError:
            raise WrongValueError("Enter a list of caller number ids.") from None
    elif isinstance(value, str):
        value = value.split(",")
    if isinstance(value, dict):
        raise WrongValueError("Enter a list of caller number ids.")
    items = value if isinstance(value, list) else [value]
    if len(items) > _MOST_PHONES:
        raise WrongValueError(f"At most {_MOST_PHONES} caller numbers are allowed.")
    try:
        return list(dict.fromkeys(map(integer, items)))
    except WrongValueError:
        raise WrongValueError("Enter a list of caller number ids.") from None


def _credit_limit(value: Any, zone: ZoneInfo) -> int | None:
    return None if value is None or value == "" else integer(value)


def _failover(value: Any, zone: ZoneInfo) -> list[str]:
    if value is None or value == "":
        return []
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) and item in FAILOVER_TARGETS for item in items):
        raise WrongValueError(f"Enter a list of {', '.join(FAILOVER_TARGETS)}.")
    return list(dict.fromkeys(items))


def _length_factor(value: Any, zone: ZoneInfo) -> Decimal:
    if value is None or value == "":
        return Decimal("1.00")
    try:
        factor = Decimal(str(value).strip())
    except InvalidOperation:
        factor = Decimal("NaN")
    # Out of this range rounding itself may fail; the rule's own, narrower range is checked with the others.
    if isinstance(value, bool) or not factor.is_finite() or abs(factor) > 1000:
        raise WrongValueError("Enter a number between 0.50 and 2.00.")
    return factor.quantize(Decimal("0.01"))


def _pace(value: Any, zone: ZoneInfo) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        pace = Decimal(str(value).strip())
    except InvalidOperation:
        pace = Decimal("NaN")
    if isinstance(value, bool) or not pace.is_finite() or not _SLOWEST_PACE <= pace <= _FASTEST_PACE:
        raise WrongValueError(
            f"Enter call starts a second, {_SLOWEST_PACE} to {_FASTEST_PACE}, or null for the trunk's pace."
        )
    return pace.quantize(_SLOWEST_PACE)


def _retries(value: Any, zone: ZoneInfo) -> dict[str, dict[str, int]]:
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except orjson.JSONDecodeError:
            raise WrongValueError("Enter valid JSON.") from None
    return retry_rules(value)


def _boolean(value: Any, zone: ZoneInfo) -> bool:
    return False if value is None else boolean(value)


_READERS: Mapping[str, Reader] = {
    "name": _text(_LONGEST_NAME, required=True),
    "services": _services,
    "message": _text(_LONGEST_TEXT),
    "sms_message": _text(_LONGEST_TEXT),
    "description": _text(_LONGEST_TEXT),
    "schedule": _schedule,
    "category": _category,
    "user_phone": _phones,
    "credit_limit": _credit_limit,
    "voice": lambda value, zone: voice(value),
    "draft": _boolean,
    "failover_target": _failover,
    "length_factor": _length_factor,
    "pace": _pace,
    "retries": _retries,
}
