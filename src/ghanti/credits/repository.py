"""The SQL of balances and the ledger."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits.models import Alert, CreditBalance, Currency, EntryKind, LedgerEntry
from ghanti.credits.schemas import Balances, Reference, Standing

__all__ = ["Balances", "enter", "ledger_sum", "lock", "lock_free", "open_account", "read", "standing"]

_PARTS: Final = ("held", "owed", "stale", "lasting", "level", "low", "alert")


def _kept(currency: Currency) -> str:
    """The columns of a ``Standing``."""
    return ", ".join([f"{currency} AS balance", *(f"{currency}_{part} AS {part}" for part in _PARTS)])


_ENTER = {
    currency: text(
        f"""
        WITH changed AS (
             UPDATE credit_balances
                SET {currency} = {currency} + :amount,
                    {currency}_held = greatest({currency}_held + :held, 0),
                    changed_at = greatest(clock_timestamp(), changed_at)
              WHERE account_id = :account_id
             RETURNING {_kept(currency)}, changed_at),
        entered AS (
             INSERT INTO ledger_entries (account_id, currency, kind, amount, balance, plan_id, batch, cause,
                    source, source_id, created_at)
             SELECT :account_id, '{currency}', :kind, :amount, balance, :plan_id, :batch, :cause,
                    :source, :source_id, changed_at
               FROM changed WHERE :amount <> 0)
        SELECT {", ".join(["balance", *_PARTS])} FROM changed
        """  # noqa: S608 - made of constants
    )
    for currency in Currency
}
_STANDING = {
    currency: text(
        f"SELECT {_kept(currency)} FROM credit_balances WHERE account_id = :account_id FOR NO KEY UPDATE"  # noqa: S608
    )
    for currency in Currency
}


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


async def standing(session: AsyncSession, account_id: int, currency: Currency) -> Standing:
    """All that is kept of one currency, locked until the transaction ends. Raises as ``enter`` does."""
    row = (await session.execute(_STANDING[currency], {"account_id": account_id})).one_or_none()
    return _standing_of(row, account_id)


async def standings(session: AsyncSession, account_id: int) -> dict[Currency, Standing]:
    """As ``standing``, of all currencies and without a lock."""
    row = (
        await session.execute(
            select(*CreditBalance.__table__.c).where(CreditBalance.account_id == account_id)
        )
    ).one_or_none()
    if row is None:
        raise LookupError(_unopened(account_id))
    kept = row._mapping
    return {
        currency: Standing(
            balance=kept[currency],
            **{part: kept[f"{currency}_{part}"] for part in _PARTS if part != "alert"},
            alert=Alert(kept[f"{currency}_alert"]),
        )
        for currency in Currency
    }


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
    reference: Reference | None = None,
    held: int = 0,
) -> Standing:
    """One ledger entry and its effect on the balance, in one statement; what is there afterwards.

    The entry's id and moment are drawn under the balance's lock, so that both are in the order in which the
    entries of an account take effect, whenever their transactions began.

    Args:
        amount: Signed; without any there is no entry.
        held: What it changes of what attempts hold.

    Raises:
        IntegrityError: The balance would go below zero, or the amount's sign is not one of the kind's.
        LookupError: The account was never opened.
    """
    found = await session.execute(
        _ENTER[currency],
        {
            "account_id": account_id,
            "kind": kind,
            "amount": amount,
            "cause": cause,
            "plan_id": plan_id,
            "batch": batch,
            "source": reference and reference.source,
            "source_id": reference and reference.id,
            "held": held,
        },
    )
    return _standing_of(found.one_or_none(), account_id)


async def change(session: AsyncSession, account_id: int, currency: Currency, **parts: Any) -> None:
    """Set what is kept beside a balance, by the names of ``Standing``; the balance is locked already."""
    columns = ", ".join(f"{currency}_{part} = :{part}" for part in parts)
    await session.execute(
        text(f"UPDATE credit_balances SET {columns} WHERE account_id = :account_id"),  # noqa: S608 - names of ours
        {"account_id": account_id, **parts},
    )


async def ledger_sum(session: AsyncSession, account_id: int, currency: Currency) -> int:
    total = await session.scalar(
        select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(
            LedgerEntry.account_id == account_id, LedgerEntry.currency == currency
        )
    )
    return int(total or 0)


def _standing_of(row: Any, account_id: int) -> Standing:
    if row is None:
        raise LookupError(_unopened(account_id))
    return Standing(**{**row._mapping, "alert": Alert(row.alert)})


def _unopened(account_id: int) -> str:
    return f"account {account_id} has no balance; open_account makes one"
