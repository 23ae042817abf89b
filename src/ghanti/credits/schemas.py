"""What credits are told and asked in: references, balances, and all that is kept of one currency."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ghanti.credits.models import Alert, Currency, Source


@dataclass(frozen=True, slots=True)
class Reference:
    """What an entry came from besides a plan, such as ``Reference(Source.PAYMENT, "12")``."""

    source: Source
    id: str

    def __str__(self) -> str:
        return f"{self.source} {self.id}"


@dataclass(frozen=True, slots=True)
class Balances:
    """What may still be spent, in credits; holds are already taken from it."""

    phone: int = 0
    sms: int = 0

    def of(self, currency: Currency) -> int:
        return self.phone if currency is Currency.PHONE else self.sms


@dataclass(frozen=True, slots=True)
class Standing:
    """All that ``CreditBalance`` keeps of one currency, in credits."""

    balance: int
    held: int
    owed: int
    stale: int
    lasting: int
    level: int
    low: int | None
    alert: Alert

    @property
    def unspent(self) -> int:
        """What may be spent or is held and can still come back."""
        return self.balance + self.held - self.stale


@dataclass(frozen=True, slots=True)
class Lot:
    """Credits that expire; ``due`` when they have."""

    id: int
    unspent: int
    created_at: datetime
    expires_at: datetime
    due: bool
    reference: Reference | None


@dataclass(frozen=True, slots=True)
class Debt:
    """What is still owed of credits that were taken back."""

    id: int
    owed: int
    cause: str
    reference: Reference | None
