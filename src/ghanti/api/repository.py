"""The SQL behind /healthz."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.dialing.models import WorkerSession


async def live_roles(session: AsyncSession, silence: timedelta) -> set[str]:
    """Roles of which a worker lives, that is, whose latest heartbeat is younger than ``silence``."""
    statement = select(WorkerSession.role).where(
        WorkerSession.ended_at.is_(None), WorkerSession.heartbeat_at > func.clock_timestamp() - silence
    )
    return set(await session.scalars(statement))
