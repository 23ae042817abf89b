"""The SQL of balances and the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits.models import CreditBalance, Currency, EntryKind, LedgerEntry


@dataclass(frozen=True, slots=True)
class Balances:
    """What may still be spent, in credits; holds are already taken from it."""

    phone: int = 0
    sms: int = 0

    def of(self, currency: Currency) -> int:
        return self.phone if currency is Currency.PHONE else self.sms


async def open_account(session: AsyncSession, account_id: int) -> None:
    await session.execute(
        insert(CreditBalance)
        .values(account_id=account_id)
        .on_conflict_do_nothing(index_elements=["account_id"])
    )


async def read(session: AsyncSession, account_id: int) -> Balances:
    row = (
        await session.execute(
            select(CreditBalance.phone, CreditBalance.sms).where(CreditBalance.account_id == account_id)
        )
    ).one_or_none()
    return Balances(row.phone, row.sms) if row else Balances()


async def lock(session: AsyncSession, account_ids: list[int]) -> dict[int, Balances]:
    """Balances of the accounts, locked until the transaction ends, in one order everywhere."""
    rows = await session.execute(
        text(
            "SELECT account_id, phone, sms FROM credit_balances WHERE account_id = ANY(:ids)"
            " ORDER BY account_id FOR NO KEY UPDATE"
        ),
        {"ids": account_ids},
    )
    return {row.account_id: Balances(row.phone, row.sms) for row in rows}


async def lock_free(session: AsyncSession, account_ids: list[int]) -> set[int]:
    """As ``lock``, but for those that somebody else has locked."""
    rows = await session.scalars(
        text(
            "SELECT account_id FROM credit_balances WHERE account_id = ANY(:ids)"
            " ORDER BY account_id FOR NO KEY UPDATE SKIP LOCKED"
        ),
        {"ids": account_ids},
    )
    return set(rows)


async def enter(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    kind: EntryKind,
    amount: int,
    cause: str,
    *,
    plan_id: int | None = None,
    batch: UUID | None = None,
) -> None:
    """One ledger entry and its effect on the balance.

    Raises:
        IntegrityError: the balance would go below zero.
        LookupError: the account was never opened.
    """
    column = CreditBalance.phone if currency is Currency.PHONE else CreditBalance.sms
    changed = await session.scalars(
        update(CreditBalance)
        .where(CreditBalance.account_id == account_id)
        .values({column: column + amount})
        .returning(CreditBalance.account_id)
    )
    if changed.one_or_none() is None:
        raise LookupError(f"account {account_id} has no balance; open_account makes one")
    session.add(
        LedgerEntry(
            account_id=account_id,
            currency=currency,
            kind=kind,
            amount=amount,
            cause=cause,
            plan_id=plan_id,
            batch=batch,
        )
    )
    await session.flush()


async def ledger_sum(session: AsyncSession, account_id: int, currency: Currency) -> int:
    total = await session.scalar(
        select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(
            LedgerEntry.account_id == account_id, LedgerEntry.currency == currency
        )
    )
    return int(total or 0)
