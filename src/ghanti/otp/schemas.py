"""What the rules of one-time passwords take and give."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from ghanti.contacts.numbers import PhoneNumber
from ghanti.credits.repository import Balances
from ghanti.otp.models import Origin, Way

OWNER_KIND = "otp"
"""How the engine knows the plans of one-time passwords."""


@dataclass(frozen=True, slots=True)
class OtpOrder:
    """A request to send one.

    Attributes:
        message: Its text with ``{otp}`` where the code goes.
        code: The caller's own code; None has one made, of ``length`` digits.
        voice: An id, a name or None for the account's default voice; for calls only.
        company_name: Stands before the message; empty for none.
        length_factor: How slowly it is spoken, 0.50 to 2.00.
    """

    number: PhoneNumber
    message: str
    way: Way
    code: str | None = None
    length: int = 6
    voice: int | str | None = None
    company_name: str = ""
    length_factor: Decimal = Decimal("1.00")

    @property
    def origin(self) -> Origin:
        return Origin.GENERATED if self.code is None else Origin.PERSONNEL


@dataclass(frozen=True, slots=True)
class Accepted:
    """One that is on its way.

    Attributes:
        message: The text as it is delivered, the code and the company's name in it.
        credits: What it is to hold.
        remaining: The account's balances without that.
        voice_name: The internal name of the voice that speaks it; None for a text.
    """

    id: int
    message: str
    code: str
    credits: int
    remaining: Balances
    voice_name: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """One that was ordered, and what became of it.

    Attributes:
        number: As the request had it.
        message: As it was delivered; None, like the code, once it is erased.
        status: As a contact's: not started, dialing, ringing, answered, completed, hungup, ….
        delivery: What became of an accepted text; None before that, and for calls.
        credits: Charged when it is over, else held or to be held.
        reason: Why it failed, or empty.
    """

    id: int
    number: str
    message: str | None
    code: str | None
    origin: Origin
    way: Way
    created_at: datetime
    status: str
    delivery: str | None
    credits: int
    reason: str


class Scope(StrEnum):
    NUMBER = "number"
    PREFIX = "prefix"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``most`` in any ``seconds``, of an account and within the scope."""

    scope: Scope
    most: int
    seconds: int

    @property
    def sentence(self) -> str:
        count = "1 OTP" if self.most == 1 else f"{self.most} OTPs"
        return f"An account may send {count}{_SCOPES[self.scope]} in {_period(self.seconds)}."


_SCOPES = {
    Scope.NUMBER: " to one number",
    Scope.PREFIX: " to numbers that differ in their last four digits only",
    Scope.ACCOUNT: "",
}


def _period(seconds: int) -> str:
    for unit, length in (("hours", 3600), ("minutes", 60)):
        if seconds > length and seconds % length == 0:
            return f"{seconds // length} {unit}"
    return "a minute" if seconds == 60 else f"{seconds} seconds"
