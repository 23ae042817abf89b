"""What live attempts hold, counted: to check what balances keep of it."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits.models import Currency
from ghanti.dialing import attempts


async def live(session: AsyncSession) -> dict[tuple[int, Currency], int]:
    """Credits by account and currency, of those that hold any."""
    rows = await session.execute(
        text(
            "SELECT account_id, channel, sum(held)::bigint AS held FROM attempts WHERE state <> 'ended'"
            " GROUP BY account_id, channel HAVING sum(held) > 0"
        )
    )
    return {(row.account_id, attempts.currency(row.channel)): row.held for row in rows}
