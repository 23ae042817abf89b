"""The SQL of packages, payments and events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.payments.facts import Reversal, ReversalKind, Stage, Told
from ghanti.payments.models import CreditPackage, Payment, PaymentEvent, PaymentReversal
from ghanti.payments.port import Event
from ghanti.payments.schemas import PackageOrder

_told = TypeAdapter(Told)

_SHORTEST = timedelta(minutes=1)
"""Between two questions for one payment."""


@dataclass(frozen=True, slots=True)
class Key:
    """A payment's."""

    account_id: int
    id: int


async def packages(session: AsyncSession, *, on_sale: bool) -> Sequence[CreditPackage]:
    """In their order; all of them, or those on sale."""
    wanted = select(CreditPackage).order_by(CreditPackage.position, CreditPackage.id)
    return (await session.scalars(wanted.where(CreditPackage.active) if on_sale else wanted)).all()


async def put_package(session: AsyncSession, order: PackageOrder) -> CreditPackage:
    values = {
        name: getattr(order, name)
        for name in ("name", "phone", "sms", "amount", "currency", "valid_days", "active", "position")
    }
    statement = (
        insert(CreditPackage)
        .values(slug=order.slug, **values)
        .on_conflict_do_update(index_elements=["slug"], set_=values)
        .returning(CreditPackage)
    )
    made = await session.scalars(statement, execution_options={"populate_existing": True})
    return made.one()


async def remove_package(session: AsyncSession, slug: str) -> bool:
    removed = delete(CreditPackage).where(CreditPackage.slug == slug).returning(CreditPackage.id)
    return (await session.scalars(removed)).one_or_none() is not None


async def add(session: AsyncSession, payment: Payment, look_in: timedelta) -> None:
    payment.look_at = func.now() + look_in
    session.add(payment)
    await session.flush()
    await session.refresh(payment)


async def page(
    session: AsyncSession, account_id: int, limit: int, offset: int
) -> tuple[int, Sequence[Payment]]:
    """How many payments an account has, and some of them, the newest first."""
    mine = Payment.account_id == account_id
    total = await session.scalar(select(func.count()).select_from(Payment).where(mine))
    rows = await session.scalars(
        select(Payment).where(mine).order_by(Payment.id.desc()).limit(limit).offset(offset)
    )
    return int(total or 0), rows.all()


async def one(session: AsyncSession, account_id: int, payment_id: int) -> Payment | None:
    return await session.get(Payment, (account_id, payment_id))


async def locked(session: AsyncSession, key: Key) -> Payment:
    """The payment, locked until the transaction ends; its account's balance is locked before it."""
    row = await session.get(
        Payment, (key.account_id, key.id), with_for_update={"key_share": True}, populate_existing=True
    )
    if row is None:
        raise LookupError(f"payment {key.id} is gone")
    return row


async def lock_intent(session: AsyncSession, provider: str, intent: str) -> None:
    """Let what is told of one intent be taken up one after the other until the transaction ends.

    Otherwise a refund could come to wait for a payment while that one's payment looks for what waits.
    """
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('ghanti payment ' || :name, 0))"),
        {"name": f"{provider} {intent}"},
    )


async def find(session: AsyncSession, provider: str, live: bool, told: Told) -> Key | None:
    """Whose payment something is told of."""
    named: list[ColumnElement[bool]] = []
    if told.reference is not None:
        named.append(Payment.reference == told.reference)
    elif told.intent is not None:
        named.append(Payment.intent_id == told.intent)
    if not named:
        return None
    row = (
        await session.execute(
            select(Payment.account_id, Payment.id).where(
                Payment.provider == provider, Payment.live == live, *named
            )
        )
    ).first()
    return Key(row.account_id, row.id) if row else None


async def note(session: AsyncSession, provider: str, event: Event, key: Key | None) -> bool:
    """Keep an event; False when it is known. Waits while somebody else is about to keep it."""
    noted = await session.scalars(
        insert(PaymentEvent)
        .values(
            provider=provider,
            event_id=event.id,
            type=event.type,
            intent_id=event.told.intent,
            account_id=key.account_id if key else None,
            payment_id=key.id if key else None,
            told=_told.dump_python(event.told, mode="json"),
        )
        .on_conflict_do_nothing()
        .returning(PaymentEvent.event_id)
    )
    return noted.one_or_none() is not None


async def waiting(session: AsyncSession, provider: str, intent: str, key: Key) -> list[Told]:
    """What was told of the intent before its payment was known, which it is from now on."""
    told = await session.scalars(
        update(PaymentEvent)
        .where(
            PaymentEvent.provider == provider,
            PaymentEvent.intent_id == intent,
            PaymentEvent.payment_id.is_(None),
        )
        .values(account_id=key.account_id, payment_id=key.id)
        .returning(PaymentEvent.told)
    )
    return [_told.validate_python(each) for each in told]


async def reversals(session: AsyncSession, payment: Payment) -> dict[str, Reversal]:
    rows = await session.scalars(
        select(PaymentReversal).where(
            PaymentReversal.account_id == payment.account_id, PaymentReversal.payment_id == payment.id
        )
    )
    return {
        row.provider_id: Reversal(
            kind=ReversalKind(row.kind),
            id=row.provider_id,
            amount=row.amount,
            currency=payment.currency,
            stage=Stage(row.stage),
            at=row.at,
        )
        for row in rows
    }


async def put_reversals(session: AsyncSession, payment: Payment, changed: Iterable[Reversal]) -> None:
    for each in changed:
        values: dict[str, Any] = {
            "kind": each.kind,
            "amount": each.amount,
            "stage": int(each.stage),
            "at": each.at,
        }
        key = ["account_id", "payment_id", "provider_id"]
        names = dict(zip(key, (payment.account_id, payment.id, each.id), strict=True))
        put = insert(PaymentReversal).values(**names, **values)
        await session.execute(put.on_conflict_do_update(index_elements=key, set_=values))


@dataclass(frozen=True, slots=True)
class ToLookUp:
    """A payment whose end was not told yet."""

    key: Key
    session: str | None
    age: timedelta


async def claim_looks(
    session: AsyncSession, provider: str, live: bool, most: int, longest: timedelta
) -> list[ToLookUp]:
    """Payments that are to be asked for now; each is then next asked for when it is twice as old.

    That is at most ``longest`` later. Several processes get different ones.
    """
    age = func.now() - Payment.created_at
    due = (
        select(Payment.account_id, Payment.id)
        .where(Payment.look_at <= func.now(), Payment.provider == provider, Payment.live == live)
        .order_by(Payment.look_at)
        .limit(most)
        .with_for_update(skip_locked=True, key_share=True)
        .subquery()
    )
    rows = await session.execute(
        update(Payment)
        .where(Payment.account_id == due.c.account_id, Payment.id == due.c.id)
        .values(look_at=func.now() + func.greatest(func.least(age, longest), _SHORTEST))
        .returning(Payment.account_id, Payment.id, Payment.session_id, age.label("age"))
    )
    return [ToLookUp(Key(row.account_id, row.id), row.session_id, row.age) for row in rows]


async def look_no_more(session: AsyncSession, key: Key) -> None:
    await session.execute(
        update(Payment).where(Payment.account_id == key.account_id, Payment.id == key.id).values(look_at=None)
    )


async def forget_events(session: AsyncSession, after: timedelta, most: int) -> int:
    """Remove some events that were received so long ago; how many that were."""
    old = (
        select(PaymentEvent.provider, PaymentEvent.event_id)
        .where(PaymentEvent.received_at < func.now() - after)
        .limit(most)
        .subquery()
    )
    gone = await session.scalars(
        delete(PaymentEvent)
        .where(PaymentEvent.provider == old.c.provider, PaymentEvent.event_id == old.c.event_id)
        .returning(PaymentEvent.event_id)
    )
    return len(gone.all())
