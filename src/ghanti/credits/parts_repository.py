"""The SQL of what is kept beside the ledger: credits that expire, debts, and events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits.models import CreditDebt, CreditEvent, CreditLot, Currency, EventKind, Source
from ghanti.credits.schemas import Debt, Lot, Reference, Standing


def reference_of(row: Any) -> Reference | None:
    """What a row of ``source`` and ``source_id`` refers to."""
    return Reference(Source(row.source), row.source_id) if row.source is not None else None


async def lots(session: AsyncSession, account_id: int, currency: Currency) -> list[Lot]:
    """Those that expire first in front. The clock is the database's."""
    rows = await session.execute(
        text(
            """
            SELECT id, unspent, created_at, expires_at, expires_at <= clock_timestamp() AS due,
                   source, source_id
              FROM credit_lots WHERE account_id = :account_id AND currency = :currency
             ORDER BY expires_at, id
            """
        ),
        {"account_id": account_id, "currency": currency},
    )
    return [
        Lot(row.id, row.unspent, row.created_at, row.expires_at, row.due, reference_of(row)) for row in rows
    ]


async def add_lot(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    amount: int,
    expires_at: datetime,
    reference: Reference | None,
) -> None:
    session.add(
        CreditLot(
            account_id=account_id,
            currency=currency,
            unspent=amount,
            expires_at=expires_at,
            source=reference and reference.source,
            source_id=reference and reference.id,
        )
    )
    await session.flush()


async def set_lot(session: AsyncSession, account_id: int, lot_id: int, unspent: int) -> None:
    """Keep what is unspent of a lot; one that is spent goes."""
    which = (CreditLot.account_id == account_id, CreditLot.id == lot_id)
    if unspent:
        await session.execute(update(CreditLot).where(*which).values(unspent=unspent))
    else:
        await session.execute(delete(CreditLot).where(*which))


async def due(session: AsyncSession, most: int) -> Sequence[tuple[int, Currency]]:
    """Accounts and currencies that have lots which expired, those that did so first in front."""
    rows = await session.execute(
        text(
            "SELECT account_id, currency FROM credit_lots WHERE expires_at <= clock_timestamp()"
            " GROUP BY account_id, currency ORDER BY min(expires_at), account_id LIMIT :most"
        ),
        {"most": most},
    )
    return [(row.account_id, Currency(row.currency)) for row in rows]


async def debts(session: AsyncSession, account_id: int, currency: Currency) -> list[Debt]:
    """The oldest in front."""
    rows = await session.scalars(
        select(CreditDebt)
        .where(CreditDebt.account_id == account_id, CreditDebt.currency == currency)
        .order_by(CreditDebt.id)
    )
    return [Debt(row.id, row.owed, row.cause, reference_of(row)) for row in rows]


async def add_debt(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    owed: int,
    cause: str,
    reference: Reference | None,
) -> None:
    session.add(
        CreditDebt(
            account_id=account_id,
            currency=currency,
            owed=owed,
            cause=cause,
            source=reference and reference.source,
            source_id=reference and reference.id,
        )
    )
    await session.flush()


async def set_debt(session: AsyncSession, account_id: int, debt_id: int, owed: int) -> None:
    """Keep what is still owed; a debt that is paid goes."""
    which = (CreditDebt.account_id == account_id, CreditDebt.id == debt_id)
    if owed:
        await session.execute(update(CreditDebt).where(*which).values(owed=owed))
    else:
        await session.execute(delete(CreditDebt).where(*which))


async def add_event(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    kind: EventKind,
    standing: Standing,
    threshold: int,
    plan_id: int | None,
) -> None:
    session.add(
        CreditEvent(
            account_id=account_id,
            currency=currency,
            kind=kind,
            balance=standing.balance,
            threshold=threshold,
            plan_id=plan_id,
        )
    )
    await session.flush()


async def events(
    session: AsyncSession, account_id: int, limit: int, offset: int
) -> tuple[int, Sequence[CreditEvent]]:
    """How many there are, and a page of them, the newest first."""
    own = CreditEvent.account_id == account_id
    total = await session.scalar(select(func.count()).select_from(CreditEvent).where(own))
    rows = await session.scalars(
        select(CreditEvent).where(own).order_by(CreditEvent.id.desc()).limit(limit).offset(offset)
    )
    return int(total or 0), rows.all()
