"""The SQL of statements, of what was used lately, and of the check of all ledgers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits.models import Currency
from ghanti.database.copying import copy_out, defused, moment

_REFERENCE: Final = "CASE WHEN source IS NOT NULL THEN source || ' ' || source_id ELSE 'plan ' || plan_id END"
_WITHIN: Final = (
    "account_id = :account_id AND (CAST(:since AS timestamptz) IS NULL OR created_at >= :since)"
    " AND (CAST(:until AS timestamptz) IS NULL OR created_at < :until)"
)


async def page(
    session: AsyncSession,
    account_id: int,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    offset: int,
) -> tuple[int, Sequence[Any]]:
    """How many entries a period has, and a page of them, the newest first."""
    values = {"account_id": account_id, "since": since, "until": until}
    total = await session.scalar(text(f"SELECT count(*) FROM ledger_entries WHERE {_WITHIN}"), values)  # noqa: S608
    rows = await session.execute(
        text(
            f"""
            SELECT id, created_at, kind, currency, amount, balance, cause, {_REFERENCE} AS reference
              FROM ledger_entries WHERE {_WITHIN} ORDER BY id DESC LIMIT :limit OFFSET :offset
            """  # noqa: S608 - made of constants
        ),
        {**values, "limit": limit, "offset": offset},
    )
    return int(total or 0), rows.all()


async def lines(
    session: AsyncSession, account_id: int, since: datetime | None, until: datetime | None, zone: ZoneInfo
) -> AsyncGenerator[bytes, None]:
    """The entries of a period as CSV without header, the oldest first, with moments in the zone."""
    await session.execute(text("SELECT set_config('TimeZone', :zone, true)"), {"zone": zone.key})
    within = sql.SQL("account_id = {}").format(account_id)
    if since is not None:
        within = sql.SQL("{} AND created_at >= {}").format(within, since)
    if until is not None:
        within = sql.SQL("{} AND created_at < {}").format(within, until)
    query = sql.SQL(
        "SELECT {time}, kind, currency, amount, balance, {cause}, {reference}"
        " FROM ledger_entries WHERE {within} ORDER BY id"
    ).format(
        time=moment(sql.SQL("created_at")),
        cause=defused(sql.SQL("cause")),
        reference=defused(sql.SQL("({})").format(sql.SQL(_REFERENCE))),
        within=within,
    )
    async for chunk in copy_out(session, query):
        yield chunk


async def spent(session: AsyncSession, account_id: int, days: int) -> dict[Currency, int]:
    """Credits of each currency that were used in the last days, holds included."""
    rows = await session.execute(
        text(
            """
            SELECT currency, -sum(amount)::bigint AS spent FROM ledger_entries
             WHERE account_id = :account_id AND created_at >= now() - make_interval(days => :days)
               AND kind IN ('reserve', 'settle')
             GROUP BY currency
            """
        ),
        {"account_id": account_id, "days": days},
    )
    return {Currency(row.currency): row.spent for row in rows}


async def begin_check(session: AsyncSession) -> None:
    """Have all that is read next belong to one moment; first in a transaction."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))


async def differing(session: AsyncSession) -> Sequence[Any]:
    """Rows of account, currency and what differs: the kept figure, and the one that its entries make."""
    rows = await session.execute(
        text(
            """
            WITH running AS (
                 SELECT account_id, currency, amount, balance,
                        sum(amount) OVER (PARTITION BY account_id, currency ORDER BY id) AS sum
                   FROM ledger_entries),
            ledger AS (
                 SELECT account_id, currency, sum(amount) AS total,
                        count(*) FILTER (WHERE sum <> balance) AS wrong
                   FROM running GROUP BY account_id, currency),
            debt AS (SELECT account_id, currency, sum(owed) AS owed FROM credit_debts
                      GROUP BY account_id, currency)
            SELECT b.account_id, kept.currency, figure.what, figure.kept::bigint, figure.found::bigint
              FROM credit_balances b
             CROSS JOIN LATERAL (VALUES ('phone', b.phone, b.phone_owed), ('sms', b.sms, b.sms_owed))
                        AS kept (currency, balance, owed)
              LEFT JOIN ledger ON ledger.account_id = b.account_id AND ledger.currency = kept.currency
              LEFT JOIN debt ON debt.account_id = b.account_id AND debt.currency = kept.currency
             CROSS JOIN LATERAL (VALUES ('balance', kept.balance, coalesce(ledger.total, 0)),
                                        ('entries with a wrong balance', coalesce(ledger.wrong, 0), 0),
                                        ('owed', kept.owed, coalesce(debt.owed, 0)))
                        AS figure (what, kept, found)
             WHERE figure.kept <> figure.found
             ORDER BY b.account_id, kept.currency, figure.what
            """
        )
    )
    return rows.all()


async def held(session: AsyncSession) -> dict[tuple[int, Currency], int]:
    """What the balances say that attempts hold, where they hold anything."""
    rows = await session.execute(
        text(
            """
            SELECT account_id, currency, held FROM credit_balances
             CROSS JOIN LATERAL (VALUES ('phone', phone_held), ('sms', sms_held)) AS kept (currency, held)
             WHERE held <> 0
            """
        )
    )
    return {(row.account_id, Currency(row.currency)): row.held for row in rows}
