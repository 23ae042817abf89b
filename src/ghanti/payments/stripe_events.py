"""What Stripe's objects tell of a payment (https://docs.stripe.com/api/events/types).

Only what is needed is read, so that other versions of Stripe's API, whose objects have more or less
besides, say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, BeforeValidator

from ghanti.payments.facts import Reversal, ReversalKind, Stage, Told

METADATA = "ghanti_payment"
"""The key under which a checkout, and the intent of its payment, name our payment."""


def _id(value: Any) -> Any:
    """An object's id: there are fields that hold the id, or the object when it was asked for."""
    return value.get("id") if isinstance(value, dict) else value


Id = Annotated[str | None, BeforeValidator(_id)]


class _Session(BaseModel):
    id: str
    metadata: dict[str, str] | None = None
    client_reference_id: str | None = None
    payment_intent: Id = None
    amount_total: int | None = None
    currency: str | None = None
    payment_status: str = "unpaid"
    status: str | None = None


class _Charge(BaseModel):
    metadata: dict[str, str] | None = None
    payment_intent: Id = None
    amount: int
    amount_refunded: int = 0
    currency: str


class _Refund(BaseModel):
    id: str
    payment_intent: Id = None
    amount: int
    currency: str
    status: str | None = None


class _Dispute(_Refund):
    """With the same fields, read otherwise."""


class _Intent(BaseModel):
    status: str | None = None
    latest_charge: _Charge | str | None = None


Reader = Callable[[dict[str, Any], str, datetime], Told | None]


def read(kind: str, thing: dict[str, Any], at: datetime) -> Told | None:
    """What the object of an event of that type tells; None when it is nothing about a payment of ours.

    Raises pydantic.ValidationError for an object that Stripe does not make.
    """
    reader = _READERS.get(kind)
    return reader(thing, kind, at) if reader is not None else None


def _session(thing: dict[str, Any], kind: str, at: datetime) -> Told | None:
    session = _Session.model_validate(thing)
    reference = _reference(session.metadata, session.client_reference_id)
    if reference is None:
        return None
    completed = kind == "checkout.session.completed"
    return Told(
        at=at,
        reference=reference,
        session=session.id,
        intent=session.payment_intent,
        amount=session.amount_total,
        currency=session.currency,
        paid=session.payment_status == "paid",
        processing=completed and session.payment_status == "unpaid",
        failed=kind == "checkout.session.async_payment_failed",
        expired=kind == "checkout.session.expired",
    )


def _charge(thing: dict[str, Any], _kind: str, at: datetime) -> Told | None:
    charge = _Charge.model_validate(thing)
    reference = _reference(charge.metadata)
    if charge.payment_intent is None or (charge.metadata and reference is None):
        return None
    return Told(
        at=at,
        reference=reference,
        intent=charge.payment_intent,
        amount=charge.amount,
        currency=charge.currency,
        refunded=charge.amount_refunded,
    )


def _refund(thing: dict[str, Any], kind: str, at: datetime) -> Told | None:
    refund = _Refund.model_validate(thing)
    gone = refund.status in ("failed", "canceled") or kind == "refund.failed"
    return _reversal(refund, ReversalKind.REFUND, Stage.BACK if gone else Stage.TAKEN, at)


def _dispute(thing: dict[str, Any], kind: str, at: datetime) -> Told | None:
    dispute = _Dispute.model_validate(thing)
    return _reversal(dispute, ReversalKind.DISPUTE, _stage(dispute.status or "", kind), at)


def _stage(status: str, kind: str) -> Stage:
    if kind == "charge.dispute.funds_reinstated" or status in ("won", "warning_closed", "prevented"):
        return Stage.BACK
    if status == "lost":
        return Stage.LOST
    asks = status.startswith("warning_") and kind != "charge.dispute.funds_withdrawn"
    return Stage.ASKED if asks else Stage.TAKEN


def _reversal(thing: _Refund, kind: ReversalKind, stage: Stage, at: datetime) -> Told | None:
    if thing.payment_intent is None:
        return None
    taken = Reversal(kind=kind, id=thing.id, amount=thing.amount, currency=thing.currency, stage=stage, at=at)
    return Told(at=at, intent=thing.payment_intent, reversal=taken)


def looked_up(thing: dict[str, Any]) -> Told | None:
    """What a checkout tells that was asked for with its intent and that one's latest charge.

    None when it is none of ours. Raises as ``read`` does.
    """
    session = _Session.model_validate(thing)
    intent = thing.get("payment_intent")
    way = _Intent.model_validate(intent) if isinstance(intent, dict) else _Intent()
    charge = way.latest_charge if isinstance(way.latest_charge, _Charge) else None
    paid, done = session.payment_status == "paid", session.status == "complete"
    stuck = way.status in ("requires_payment_method", "canceled")
    return Told(
        at=datetime.now(UTC),
        reference=_reference(session.metadata, session.client_reference_id),
        session=session.id,
        intent=session.payment_intent,
        amount=session.amount_total,
        currency=session.currency,
        paid=paid,
        processing=done and not paid and not stuck,
        failed=done and not paid and stuck,
        expired=session.status == "expired",
        refunded=charge.amount_refunded if charge is not None else 0,
    )


def _reference(metadata: dict[str, str] | None, otherwise: str | None = None) -> UUID | None:
    """Our payment's, unless it is somebody else's kind of name."""
    try:
        return UUID((metadata or {}).get(METADATA) or otherwise or "")
    except ValueError:
        return None


_READERS: dict[str, Reader] = {
    "checkout.session.completed": _session,
    "checkout.session.async_payment_succeeded": _session,
    "checkout.session.async_payment_failed": _session,
    "checkout.session.expired": _session,
    "charge.refunded": _charge,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.refund.updated": _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": _dispute,
    "charge.dispute.closed": _dispute,
}

EVENTS = tuple(_READERS)
"""The types that an operator's web hook has to be sent."""
