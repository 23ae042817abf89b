"""What payments are ordered by and answered with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageOrder:
    """A package to put on sale, or to change: ``amount`` in minor units, ``currency`` by ISO 4217.

    ``valid_days`` is how long its credits are good, None for ever; ``position`` is where it stands.
    """

    slug: str
    name: str
    phone: int
    sms: int
    amount: int
    currency: str
    valid_days: int | None = None
    active: bool = True
    position: int = 0


@dataclass(frozen=True, slots=True)
class Checkout:
    """A payment that can be made: ``session`` is the provider's name, ``url`` its page."""

    id: int
    session: str
    url: str
    expires_at: datetime | None
