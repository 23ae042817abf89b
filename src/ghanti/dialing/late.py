"""Provisional outcomes that no truth replaced: from a moment on they stand."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import handlers
from ghanti.dialing.attempts import LATE_SECONDS
from ghanti.dialing.models import Channel, Outcome

_BATCH = 500


async def settle_provisional(sessions: SessionFactory) -> None:
    """Let outcomes stand that no event may replace any more, and tell the owners of open plans so."""
    while True:
        async with transaction(sessions) as session:
            if await _settle(session) < _BATCH:
                return


async def _settle(session: AsyncSession) -> int:
    rows = await session.execute(
        text(
            """
            UPDATE attempts a SET provisional = false
              FROM targets t, plans p
             WHERE (a.account_id, a.id) IN (
                   SELECT account_id, id FROM attempts
                    WHERE provisional AND sent_at <= now() - make_interval(secs => :late)
                    LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
               AND t.account_id = a.account_id AND t.id = a.target_id
               AND p.account_id = a.account_id AND p.id = a.plan_id
            RETURNING a.account_id, a.plan_id, t.id, t.contact_id, t.channel, t.outcome, t.attempts,
                      p.owner_kind, p.owner_id,
                      p.state <> 'finished' AND t.state = 'final' AND t.attempt_id = a.id AS stands
            """
        ),
        {"late": LATE_SECONDS, "limit": _BATCH},
    )
    batches: dict[str, list[handlers.TargetOutcome]] = defaultdict(list)
    settled = rows.all()
    for row in settled:
        if row.stands:
            batches[row.owner_kind].append(
                handlers.TargetOutcome(
                    row.account_id,
                    row.plan_id,
                    row.id,
                    row.contact_id,
                    Channel(row.channel),
                    Outcome(row.outcome),
                    row.owner_id,
                    dialled=row.attempts > 0,
                )
            )
    for owner_kind, batch in batches.items():
        await handlers.outcomes(session, owner_kind, batch)
    return len(settled)
