"""The rules of credits: they are bought, held before use, settled after it, and never below zero."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import repository
from ghanti.credits.models import Currency, EntryKind
from ghanti.credits.repository import Balances


async def open_account(session: AsyncSession, account_id: int) -> None:
    await repository.open_account(session, account_id)


async def balances(session: AsyncSession, account_id: int) -> Balances:
    return await repository.read(session, account_id)


async def purchase(
    session: AsyncSession, account_id: int, currency: Currency, amount: int, cause: str
) -> None:
    """Add bought credits. ``amount`` must be positive."""
    if amount <= 0:
        raise ValueError("a purchase adds at least one credit")
    await repository.enter(session, account_id, currency, EntryKind.PURCHASE, amount, cause)


async def lock(session: AsyncSession, account_ids: list[int]) -> dict[int, Balances]:
    """Lock balances for the transaction; take this lock after a trunk's and before a plan's."""
    return await repository.lock(session, account_ids)


async def lock_free(session: AsyncSession, account_ids: list[int]) -> set[int]:
    """Lock those balances that nobody else holds, without waiting; answers whose."""
    return await repository.lock_free(session, account_ids)


async def reserve(
    session: AsyncSession, account_id: int, currency: Currency, amount: int, plan_id: int, batch: UUID
) -> None:
    """Hold credits for a batch of attempts; the caller has locked the balance and seen that it suffices."""
    if amount:
        await repository.enter(
            session,
            account_id,
            currency,
            EntryKind.RESERVE,
            -amount,
            "held for attempts",
            plan_id=plan_id,
            batch=batch,
        )


async def settle(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    held: int,
    charged: int,
    plan_id: int,
    batch: UUID,
) -> None:
    """Give back what a batch of ended attempts held beyond what it cost (``charged`` <= ``held``)."""
    if held - charged:
        await repository.enter(
            session,
            account_id,
            currency,
            EntryKind.SETTLE,
            held - charged,
            f"settled: {charged} of {held} held",
            plan_id=plan_id,
            batch=batch,
        )
