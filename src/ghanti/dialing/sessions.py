"""Worker sessions and takeover: whose attempts are whose, and what becomes of a dead worker's.

A voice process' session is kept alive by the dialler that speaks to it; an SMS process keeps its
own. A session that is silent for one takeover interval is dead: what it had leased goes back
to the queue, what it had sent becomes ``unknown``, provisionally.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import attempts, outcomes
from ghanti.dialing.models import Outcome
from ghanti.dialing.outcomes import AttemptOutcome

_BATCH = 500


async def open_session(session: AsyncSession, worker: UUID, role: str) -> None:
    """Register a worker's life, or take it up again: a voice process outlives its dialler."""
    await session.execute(
        text(
            """
            INSERT INTO worker_sessions (id, role, host) VALUES (:id, :role, :host)
            ON CONFLICT (id) DO UPDATE SET heartbeat_at = now(), ended_at = NULL
            """
        ),
        {"id": worker, "role": role, "host": socket.gethostname()},
    )


async def heartbeat(session: AsyncSession, worker: UUID) -> float:
    """Say that the worker lives, and answer after how many seconds, by the database's clock.

    A session that was declared dead meanwhile is alive again.
    """
    gap = await session.scalar(
        text(
            """
            WITH before AS (SELECT heartbeat_at FROM worker_sessions WHERE id = :id)
            UPDATE worker_sessions s SET heartbeat_at = now(), ended_at = NULL
              FROM before WHERE s.id = :id
            RETURNING CASE WHEN isfinite(before.heartbeat_at)
                           THEN extract(epoch FROM now() - before.heartbeat_at) ELSE 0 END
            """
        ),
        {"id": worker},
    )
    return float(gap or 0)


async def end_session(session: AsyncSession, worker: UUID) -> None:
    """Declare a session dead now: its process is known to be gone."""
    await session.execute(
        text("UPDATE worker_sessions SET heartbeat_at = '-infinity' WHERE id = :id"), {"id": worker}
    )


async def live_roles(session: AsyncSession, within_seconds: float) -> set[str]:
    """The roles that have a live session."""
    rows = await session.scalars(
        text(
            "SELECT DISTINCT role FROM worker_sessions"
            " WHERE ended_at IS NULL AND heartbeat_at > now() - make_interval(secs => :seconds)"
        ),
        {"seconds": within_seconds},
    )
    return set(rows)


async def take_over(sessions: SessionFactory, worker: UUID, silence_seconds: float) -> int:
    """End the attempts of dead sessions and give back leases that ran out; answers how many."""
    async with transaction(sessions) as session:
        total = await attempts.void_expired_leases(session)
    for dead in await _dead_sessions(sessions, worker, silence_seconds):
        total += await _bury(sessions, dead, worker)
    return total


async def _dead_sessions(sessions: SessionFactory, myself: UUID, silence_seconds: float) -> Sequence[UUID]:
    async with transaction(sessions) as session:
        rows = await session.scalars(
            text(
                """
                SELECT id FROM worker_sessions
                 WHERE ended_at IS NULL AND heartbeat_at < now() - make_interval(secs => :seconds)
                   AND id <> :myself
                """
            ),
            {"seconds": silence_seconds, "myself": myself},
        )
        return list(rows)


async def _bury(sessions: SessionFactory, dead: UUID, worker: UUID) -> int:
    async with transaction(sessions) as session:
        total = await attempts.void_leased_of_session(session, dead)
    while True:
        async with transaction(sessions) as session:
            rows = await _sent_attempts(session, dead)
            ended = await outcomes.record(session, [_lost(row) for row in rows], worker)
            total += len(ended)
            # Rows that no outcome can reach belong to targets that moved on; the session ends all the same.
            if not ended:
                await session.execute(
                    text("UPDATE worker_sessions SET ended_at = now() WHERE id = :id"), {"id": dead}
                )
                return total


async def unaccounted(
    session: AsyncSession, worker: UUID, known: Sequence[UUID], after_seconds: float
) -> list[AttemptOutcome]:
    """Attempts of a session sent so long ago of which its process knows nothing, as unknown ones."""
    rows = await session.execute(
        text(
            """
            SELECT id, now() AS now FROM attempts
             WHERE session_id = :session_id AND state IN ('sending', 'ringing', 'answered')
               AND sent_at < clock_timestamp() - make_interval(secs => :after)
               AND NOT id = ANY(:known)
            """
        ),
        {"session_id": worker, "known": list(known), "after": after_seconds},
    )
    return [_lost(row) for row in rows]


def _lost(row: Any) -> AttemptOutcome:
    """The outcome of an attempt whose worker died after it was sent."""
    now: datetime = row.now
    return AttemptOutcome(
        attempt_id=row.id,
        outcome=Outcome.UNKNOWN,
        reason="worker_lost",
        ended_at=now,
        provisional=True,
    )


async def _sent_attempts(session: AsyncSession, worker: UUID) -> list[Any]:
    rows = await session.execute(
        text(
            "SELECT id, now() AS now FROM attempts"
            " WHERE session_id = :session_id AND state IN ('sending', 'ringing', 'answered') LIMIT :limit"
        ),
        {"session_id": worker, "limit": _BATCH},
    )
    return list(rows)
