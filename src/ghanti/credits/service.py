"""The rules of credits: they are bought, held before use, settled after it, and never below zero.

Each of these locks the account's balance until the transaction ends: after a trunk, before a plan.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError
from ghanti.credits import alerts, expiry, parts_repository, repository
from ghanti.credits.expiry import expire_due
from ghanti.credits.models import Currency, EntryKind
from ghanti.credits.schemas import Balances, Reference, Standing

__all__ = [
    "adjust",
    "balances",
    "charge_late",
    "expire_due",
    "lock",
    "lock_free",
    "open_account",
    "purchase",
    "reserve",
    "settle",
    "starved",
    "take_back",
]


async def open_account(session: AsyncSession, account_id: int) -> None:
    await repository.open_account(session, account_id)


async def balances(session: AsyncSession, account_id: int) -> Balances:
    return await repository.read(session, account_id)


async def lock(session: AsyncSession, account_ids: list[int]) -> dict[int, Balances]:
    """Lock balances for the transaction; take this lock after a trunk's and before a plan's."""
    return await repository.lock(session, account_ids)


async def lock_free(session: AsyncSession, account_ids: list[int]) -> set[int]:
    """Lock those balances that nobody else holds, without waiting; answers whose."""
    return await repository.lock_free(session, account_ids)


async def purchase(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    amount: int,
    cause: str,
    *,
    expires_at: datetime | None = None,
    reference: Reference | None = None,
) -> None:
    """Add bought credits; what the account owes is taken from them at once.

    Args:
        amount: Above zero.
        expires_at: What is unspent of them then goes; never without.
        reference: What they were bought by, such as a payment.
    """
    if amount <= 0:
        raise ValueError("a purchase adds at least one credit")
    if expires_at is not None and expires_at.tzinfo is None:
        raise ValueError("a moment of expiry has a time zone")
    await _add(session, account_id, currency, EntryKind.PURCHASE, amount, cause, expires_at, reference)


async def adjust(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    amount: int,
    cause: str,
    *,
    reference: Reference | None = None,
) -> None:
    """Correct a balance by hand, in either direction.

    Raises InvalidError for nothing to change, without a cause, and when there is less than is to go.
    """
    if not amount:
        raise InvalidError.of("amount", "Enter a number of credits other than zero.")
    if not cause.strip():
        raise InvalidError.missing(["cause"])
    if amount > 0:
        await _add(session, account_id, currency, EntryKind.ADJUST, amount, cause, None, reference)
        return
    before = await repository.standing(session, account_id, currency)
    if before.balance + amount < 0:
        raise InvalidError.of("amount", f"There are only {before.balance} {currency} credits.")
    after = await repository.enter(
        session, account_id, currency, EntryKind.ADJUST, amount, cause, reference=reference
    )
    await alerts.went_out(session, account_id, currency, after)


async def take_back(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    amount: int,
    cause: str,
    *,
    reference: Reference | None = None,
) -> int:
    """Take bought credits away again, as when their payment is refunded; answers how many were there.

    The rest is owed, and taken from whatever comes in later. ``amount`` is above zero.
    """
    if amount <= 0:
        raise ValueError("at least one credit is taken back")
    before = await repository.standing(session, account_id, currency)
    taken = min(amount, before.balance)
    if taken:
        after = await repository.enter(
            session, account_id, currency, EntryKind.REFUND, -taken, cause, reference=reference
        )
        await alerts.went_out(session, account_id, currency, after)
    if taken < amount:
        await parts_repository.add_debt(session, account_id, currency, amount - taken, cause, reference)
        await repository.change(session, account_id, currency, owed=before.owed + amount - taken)
    return taken


async def reserve(
    session: AsyncSession, account_id: int, currency: Currency, amount: int, plan_id: int, batch: UUID
) -> None:
    """Hold credits for a batch of attempts; the caller has locked the balance and seen that it suffices."""
    if amount:
        after = await repository.enter(
            session,
            account_id,
            currency,
            EntryKind.RESERVE,
            -amount,
            "held for attempts",
            plan_id=plan_id,
            batch=batch,
            held=amount,
        )
        await alerts.went_out(session, account_id, currency, after)


async def settle(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    held: int,
    charged: int,
    plan_id: int,
    batch: UUID,
) -> None:
    """Give back what a batch of ended attempts held beyond what it cost (``charged`` <= ``held``).

    What is owed is taken from that, and what has expired while it was held does not come back.
    """
    if not held:
        return
    after = await repository.enter(
        session,
        account_id,
        currency,
        EntryKind.SETTLE,
        held - charged,
        f"settled: {charged} of {held} held",
        plan_id=plan_id,
        batch=batch,
        held=-held,
    )
    if after.owed or after.stale:
        after, collected = await _collect(session, account_id, currency, after, held - charged)
        await expiry.settle_stale(session, account_id, currency, after, charged + collected, held)


async def charge_late(
    session: AsyncSession, account_id: int, currency: Currency, charged: int, plan_id: int, batch: UUID
) -> None:
    """Charge an attempt whose hold was given back when nothing was known of it; no more than there is."""
    if charged:
        after = await repository.enter(
            session,
            account_id,
            currency,
            EntryKind.SETTLE,
            -charged,
            "settled late: the outcome was unknown before",
            plan_id=plan_id,
            batch=batch,
        )
        await alerts.went_out(session, account_id, currency, after)


async def starved(session: AsyncSession, account_id: int, currency: Currency, plan_id: int) -> None:
    """Say that a plan cannot go on for want of credits, unless that was said since some were bought."""
    standing = await repository.standing(session, account_id, currency)
    await alerts.starved(session, account_id, currency, standing, plan_id)


async def _add(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    kind: EntryKind,
    amount: int,
    cause: str,
    expires_at: datetime | None,
    reference: Reference | None,
) -> None:
    before = await repository.standing(session, account_id, currency)
    _, lasting = await expiry.share(session, account_id, currency, before)
    after = await repository.enter(session, account_id, currency, kind, amount, cause, reference=reference)
    if expires_at is None:
        lasting += amount
    else:
        await parts_repository.add_lot(session, account_id, currency, amount, expires_at, reference)
    after, _ = await _collect(session, account_id, currency, after, amount)
    after = replace(after, level=after.balance)
    await repository.change(session, account_id, currency, lasting=lasting, level=after.level)
    await alerts.came_in(session, account_id, currency, after)


async def _collect(
    session: AsyncSession, account_id: int, currency: Currency, after: Standing, most: int
) -> tuple[Standing, int]:
    """Take what is owed, the oldest debt first, from what came in."""
    collected = 0
    for debt in await parts_repository.debts(session, account_id, currency) if after.owed else []:
        taken = min(debt.owed, most - collected)
        if not taken:
            break
        after = await repository.enter(
            session,
            account_id,
            currency,
            EntryKind.REFUND,
            -taken,
            f"owed: {debt.cause}",
            reference=debt.reference,
        )
        await parts_repository.set_debt(session, account_id, debt.id, debt.owed - taken)
        collected += taken
    if collected:
        after = replace(after, owed=after.owed - collected)
        await repository.change(session, account_id, currency, owed=after.owed)
    return after, collected
