"""The SQL of the dashboard: aggregates of one account's rows of a period, each read by an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns.schemas import OWNER_KIND
from ghanti.trunks.models import CallerNumber


@dataclass(frozen=True, slots=True)
class AttemptSums:
    """Attempts of one channel that ended alike, or are under way (``outcome`` None).

    ``heard`` counts answered calls by the quarter of the message they were heard to; durations are in ms.
    """

    channel: str
    outcome: str | None
    attempts: int
    answered: int
    charged: int
    duration_ms: int
    played_ms: int
    percents: int
    heard: list[int]


async def attempts(session: AsyncSession, account_id: int, since: datetime) -> list[AttemptSums]:
    """Calls and texts that were sent, by channel and outcome."""
    rows = await session.execute(
        text(
            """
            SELECT channel, outcome, count(*) AS attempts, count(answered_at) AS answered,
                   sum(charged)::bigint AS charged, sum(duration_ms)::bigint AS duration_ms,
                   sum(played_ms)::bigint AS played_ms, coalesce(sum(percent), 0)::bigint AS percents,
                   ARRAY[count(*) FILTER (WHERE percent < 25),
                         count(*) FILTER (WHERE percent >= 25 AND percent < 50),
                         count(*) FILTER (WHERE percent >= 50 AND percent < 75),
                         count(*) FILTER (WHERE percent >= 75)] AS heard
              FROM (SELECT channel, outcome, answered_at, charged, duration_ms, played_ms,
                           CASE WHEN channel <> 'call' OR answered_at IS NULL OR outcome IS NULL THEN NULL
                                WHEN outcome = 'completed' THEN 100
                                ELSE coalesce(least(100, 100 * played_ms / nullif(total_ms, 0)), 0)
                           END AS percent
                      FROM attempts
                     WHERE account_id = :account_id AND leased_at >= :since AND sent_at IS NOT NULL) attempt
             GROUP BY channel, outcome
            """
        ),
        {"account_id": account_id, "since": since},
    )
    return [AttemptSums(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class CreditDay:
    """Credits of one currency on one day of the account: bought, and spent, holds included."""

    day: date
    currency: str
    bought: int
    spent: int


async def credit_days(
    session: AsyncSession, account_id: int, since: datetime, zone: ZoneInfo
) -> list[CreditDay]:
    """What the ledger says of each day that has entries."""
    rows = await session.execute(
        text(
            """
            SELECT (created_at AT TIME ZONE :zone)::date AS day, currency,
                   coalesce(sum(amount) FILTER (WHERE kind = 'purchase'), 0)::bigint AS bought,
                   -coalesce(sum(amount) FILTER (WHERE kind IN ('reserve', 'settle')), 0)::bigint AS spent
              FROM ledger_entries
             WHERE account_id = :account_id AND created_at >= :since
             GROUP BY day, currency
            """
        ),
        {"account_id": account_id, "since": since, "zone": zone.key},
    )
    return [CreditDay(*row) for row in rows]


async def campaigns(session: AsyncSession, account_id: int, since: datetime) -> Sequence[Any]:
    """Rows of (status, services, campaigns) of those that changed."""
    rows = await session.execute(
        text(
            """
            SELECT status, services, count(*) AS campaigns FROM campaigns
             WHERE account_id = :account_id AND updated_at >= :since
             GROUP BY status, services
            """
        ),
        {"account_id": account_id, "since": since},
    )
    return rows.all()


async def best_campaign(session: AsyncSession, account_id: int, since: datetime) -> Any:
    """The campaign, of those that changed, that completed the most of what it ended; None without any.

    A row of (id, name, services, completed, ended), from the figures of its plans.
    """
    rows = await session.execute(
        text(
            """
            SELECT c.id, c.name, c.services,
                   coalesce(sum(f.targets) FILTER (WHERE f.outcome = 'completed'), 0)::bigint AS completed,
                   sum(f.targets)::bigint AS ended
              FROM campaigns c
              JOIN plans p ON p.account_id = c.account_id AND p.owner_kind = :owner_kind AND p.owner_id = c.id
              JOIN plan_figures f ON f.account_id = p.account_id AND f.plan_id = p.id AND f.outcome <> ''
             WHERE c.account_id = :account_id AND c.updated_at >= :since
             GROUP BY c.id, c.name, c.services
            HAVING sum(f.targets) > 0
             ORDER BY coalesce(sum(f.targets) FILTER (WHERE f.outcome = 'completed'), 0)
                      / sum(f.targets) DESC, sum(f.targets) DESC, c.id DESC
             LIMIT 1
            """
        ),
        {"account_id": account_id, "since": since, "owner_kind": OWNER_KIND},
    )
    return rows.one_or_none()


async def owned_numbers(session: AsyncSession, account_id: int) -> int:
    statement = select(func.count()).select_from(CallerNumber).where(CallerNumber.account_id == account_id)
    return int(await session.scalar(statement) or 0)
