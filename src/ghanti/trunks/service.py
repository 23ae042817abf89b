"""The rules of trunks, SMSCs and caller numbers. Passwords go in encrypted and never come out in a log."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import phonenumbers
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.encryption import SecretBox
from ghanti.trunks import repository
from ghanti.trunks.models import CallerNumber, Smsc, Trunk
from ghanti.trunks.repository import WayOut

MOST_RESERVED = 50
"""Percent of a gateway that may be kept for urgent plans."""

_E164 = re.compile(r"\+[1-9]\d{6,14}")


class TrunkError(Exception):
    """A trunk, SMSC or number that cannot be; the message says why."""


@dataclass(frozen=True, slots=True)
class TrunkOrder:
    name: str
    host: str
    port: int = 5060
    username: str | None = None
    password: str | None = None
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    number_format: str = "e164"
    cps: float = 5
    max_calls: int = 30
    reserved_percent: int = 5
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class SmscOrder:
    name: str
    host: str
    system_id: str
    password: str
    port: int = 2775
    system_type: str = ""
    source_address: str = ""
    window_size: int = 10
    messages_per_second: float = 10
    reserved_percent: int = 5
    simulated: bool = False


async def put_trunk(session: AsyncSession, box: SecretBox, order: TrunkOrder) -> Trunk:
    """Add a trunk, or change the one of that name."""
    _check_reserve(order.reserved_percent)
    if order.cps <= 0 or order.max_calls <= 0:
        raise TrunkError("cps and max_calls must be above zero; to use a trunk no more, deactivate it")
    if unknown := set(order.codecs) - {"PCMU", "PCMA"}:
        raise TrunkError(f"unknown codecs: {', '.join(sorted(unknown))}; there are PCMU and PCMA")
    if order.number_format not in ("e164", "digits", "national"):
        raise TrunkError("number_format is e164 (+977…), digits (977…) or national (98…)")
    password = box.encrypt(order.password) if order.password else None
    return await _put(session, Trunk, order, password, codecs=list(order.codecs))


async def put_smsc(session: AsyncSession, box: SecretBox, order: SmscOrder) -> Smsc:
    """Add an SMSC, or change the one of that name."""
    _check_reserve(order.reserved_percent)
    if order.messages_per_second <= 0 or order.window_size <= 0:
        raise TrunkError("messages_per_second and window_size must be above zero")
    if not 0 < len(order.system_id) <= 15:
        raise TrunkError("system_id has 1 to 15 characters (SMPP 3.4, section 4.1.5)")
    # The specification says 8; SMSCs are known that issue longer ones.
    if len(order.password) > 64:
        raise TrunkError("a password has at most 64 characters")
    return await _put(session, Smsc, order, box.encrypt(order.password))


def _check_reserve(percent: int) -> None:
    if not 0 <= percent <= MOST_RESERVED:
        raise TrunkError(f"reserved_percent is 0 (nothing is reserved) to {MOST_RESERVED}")


async def _put(
    session: AsyncSession,
    kind: type[WayOut],
    order: TrunkOrder | SmscOrder,
    password: bytes | None,
    **columns: Any,
) -> WayOut:
    """Give the row of that name, or a new one, what is ordered, with the password as it was encrypted."""
    way_out = await repository.named(session, kind, order.name) or kind()
    values = asdict(order) | columns | {"password": password, "active": True}
    for key, value in values.items():
        setattr(way_out, key, value)
    session.add(way_out)
    await session.flush()
    return way_out


async def add_number(session: AsyncSession, number: str, account_id: int | None) -> CallerNumber:
    """Register a caller number in E.164: an account's own, or shared by all for None."""
    if not _E164.fullmatch(number):
        raise TrunkError(f"{number} is not in international form, such as +97715970425")
    found = await repository.caller_number(session, number)
    if found is not None and found.account_id != account_id:
        raise TrunkError(f"{number} already belongs to another account or is shared")
    if found is None:
        found = CallerNumber(number=number, account_id=account_id)
        session.add(found)
        await session.flush()
    return found


def destination_refusal(number: str, home_country: str) -> str | None:
    """Why a number may not be called, or None. Only the home country may.

    ``number`` is a contact's identity: E.164, or bare digits where no valid number was recognised. Bare
    digits are refused whatever they look like at home: a carrier may read a country code into them. Short
    codes and premium numbers are refused too: a bulk campaign has no honest use for them.
    """
    if not number.startswith("+"):
        return "not a valid phone number"
    try:
        parsed = phonenumbers.parse(number, home_country)
    except phonenumbers.NumberParseException:
        return "not a phone number"
    if not phonenumbers.is_possible_number(parsed):
        return "not a possible phone number"
    if parsed.country_code != phonenumbers.country_code_for_region(home_country):
        return f"calls outside {home_country} are not allowed"
    if phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.PREMIUM_RATE:
        return "premium rate numbers are not allowed"
    return None


def dialled_form(number: str, number_format: str, home_country: str) -> str:
    """An E.164 number as the trunk wants it."""
    if number_format == "e164" or not number.startswith("+"):
        return number
    if number_format == "digits":
        return number[1:]
    parsed = phonenumbers.parse(number, home_country)
    if parsed.country_code == phonenumbers.country_code_for_region(home_country):
        return str(phonenumbers.national_significant_number(parsed))
    return number
