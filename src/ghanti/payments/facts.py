"""What is known of a payment, and what credits are due for it: pure functions.

``learn`` takes up what the provider told. Every fact only moves forward, in an order of its own, so that
what is known in the end depends on what was told alone, not on the order of the telling nor on repetition.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from ghanti.payments.models import PaymentState


class ReversalKind(StrEnum):
    REFUND = "refund"
    DISPUTE = "dispute"


class Stage(IntEnum):
    """How far money has gone back. Of one second's events about a dispute the higher stage is the later."""

    ASKED = 0
    """A bank asks; nothing is taken."""
    TAKEN = 1
    LOST = 2
    BACK = 3
    """The money is ours again: a refund that failed, a dispute that was won."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reversal:
    """A refund or a dispute at one moment; ``amount`` is in minor units."""

    kind: ReversalKind
    id: str
    amount: int
    currency: str
    stage: Stage
    at: datetime

    @property
    def takes(self) -> bool:
        return self.stage in (Stage.TAKEN, Stage.LOST)

    def _order(self) -> tuple[object, ...]:
        # A refund that failed stays failed. A dispute goes to and fro, so its time counts first.
        if self.kind is ReversalKind.REFUND:
            return (self.stage, self.at, self.amount)
        return (self.at, self.stage, self.amount)

    def supersedes(self, other: Reversal | None) -> bool:
        return other is None or self._order() > other._order()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the provider said once of one payment.

    Attributes:
        reference: The payment's, when it was said.
        session: The provider's name of the checkout.
        intent: The provider's name of the money's way, by which refunds and disputes name the payment.
        amount: Of the whole payment, in minor units of ``currency``; None when neither was said.
        refunded: All that was refunded by then.
    """

    at: datetime
    reference: UUID | None = None
    session: str | None = None
    intent: str | None = None
    amount: int | None = None
    currency: str | None = None
    processing: bool = False
    paid: bool = False
    failed: bool = False
    expired: bool = False
    refunded: int = 0
    reversal: Reversal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was ordered, and all that is known of it. ``refunded`` is the most that was ever told."""

    amount: int
    currency: str
    phone: int
    sms: int
    opened: bool = False
    processing: bool = False
    paid: bool = False
    failed: bool = False
    expired: bool = False
    refunded: int = 0
    reversals: Mapping[str, Reversal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Credits:
    phone: int
    sms: int


def contradiction(facts: Facts, told: Told) -> str | None:
    """Why what was told cannot be of this payment: another amount, or another currency."""
    said = [told.currency] if told.reversal is None else [told.currency, told.reversal.currency]
    for currency in said:
        if currency is not None and currency != facts.currency:
            return f"the provider tells of {currency}, and {facts.currency} was ordered"
    if told.amount is not None and told.amount != facts.amount:
        return f"the provider tells of {told.amount} {facts.currency}, and {facts.amount} was ordered"
    if told.paid and told.amount is None:
        return "the provider does not say how much was paid"
    return None


def learn(facts: Facts, told: Told) -> Facts:
    """The facts with what was told, which must not contradict them."""
    reversals = facts.reversals
    if told.reversal is not None and told.reversal.supersedes(reversals.get(told.reversal.id)):
        reversals = {**reversals, told.reversal.id: told.reversal}
    return replace(
        facts,
        opened=facts.opened or told.session is not None,
        processing=facts.processing or told.processing,
        paid=facts.paid or told.paid,
        failed=facts.failed or told.failed,
        expired=facts.expired or told.expired,
        refunded=max(facts.refunded, told.refunded),
        reversals=reversals,
    )


def due(facts: Facts) -> Credits:
    """The credits for the money that stays, each kind rounded up."""
    if not facts.paid:
        return Credits(0, 0)
    stays = facts.amount - min(facts.amount, refunded(facts) + disputed(facts))
    return Credits(*(-(-credits * stays // facts.amount) for credits in (facts.phone, facts.sms)))


def refunded(facts: Facts) -> int:
    """What was refunded for good, in minor units.

    It is told twice: in all, and each refund by itself. Of either something can be missing yet, and the
    total counts refunds that failed afterwards; so the greater of both is right once all was told.
    """
    refunds = [each for each in facts.reversals.values() if each.kind is ReversalKind.REFUND]
    failed = sum(each.amount for each in refunds if not each.takes)
    return max(0, facts.refunded - failed, sum(each.amount for each in refunds if each.takes))


def disputed(facts: Facts) -> int:
    """What banks have taken back, in minor units."""
    return sum(
        each.amount for each in facts.reversals.values() if each.kind is ReversalKind.DISPUTE and each.takes
    )


def state(facts: Facts) -> PaymentState:
    """What to call it."""
    if facts.paid:
        return _paid_state(facts)
    if facts.failed:
        return PaymentState.FAILED
    if facts.expired:
        return PaymentState.EXPIRED
    if facts.processing:
        return PaymentState.PROCESSING
    return PaymentState.OPEN if facts.opened else PaymentState.CREATED


def _paid_state(facts: Facts) -> PaymentState:
    if disputed(facts):
        return PaymentState.DISPUTED
    if refunded(facts) >= facts.amount:
        return PaymentState.REFUNDED
    return PaymentState.PARTLY_REFUNDED if refunded(facts) else PaymentState.PAID
