"""What a payment provider must be able to do: the port behind which Stripe is, and others can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from ghanti.payments.facts import Told


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be paid: ``amount`` in minor units of ``currency`` (ISO 4217, lower case).

    ``reference`` names the payment at the provider; the same one never makes two checkouts.
    """

    reference: UUID
    amount: int
    currency: str
    description: str
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True)
class Page:
    """Where people pay, and until when; ``session`` is the provider's name of it."""

    session: str
    url: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Event:
    """What a provider tells by itself, once or more often under the same ``id``."""

    id: str
    type: str
    told: Told


class ProviderError(Exception):
    """The provider does not do what it was asked; the message holds no secret."""


class ForgedError(Exception):
    """The event does not come from the provider, is too old, or is of another mode (live or test)."""


class Provider(Protocol):
    """A payment provider."""

    @property
    def name(self) -> str:
        """What it is known by in the database."""
        ...

    @property
    def live(self) -> bool:
        """Whether it moves real money."""
        ...

    async def checkout(self, order: Order) -> Page:
        """A page to pay on; the same one for the same reference. Raises ProviderError."""
        ...

    def event(self, body: bytes, headers: Mapping[str, str]) -> Event | None:
        """What an authentic request tells; None when it concerns no payment of ours.

        ``body`` is as it was received, names of headers are in lower case.

        Raises:
            ForgedError: It is not authentic.
            NotOfferedError: This installation knows no secret to tell that by.
        """
        ...

    async def look_up(self, session: str) -> Told | None:
        """What is known of a checkout; None when the provider knows none. Raises ProviderError."""
        ...
