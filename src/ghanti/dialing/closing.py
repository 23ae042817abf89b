"""Stopping and finishing plans, and ending targets that were never dialled."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import service as credits
from ghanti.database.outage import DATABASE_ERRORS
from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import attempts, claims, handlers, repository
from ghanti.dialing.models import Channel, Outcome, Plan, PlanState
from ghanti.dialing.repository import FigureDelta, FinalTarget

logger = logging.getLogger(__name__)

DELETED = "deleted"
"""The reason of plans whose owner was deleted: they go when they are finished (``removal.py``)."""

WITHDRAWN = "contact deleted"
"""The reason of targets whose contact was deleted."""

HUNG_UP = "hung up"
"""The reason of targets that whoever ordered them ended before they were dialled."""

STOP_BATCH = 5000
"""Waiting targets that one transaction of a stop ends; the sweep ends the rest."""


async def lock_with_balance(session: AsyncSession, account_id: int, plan_id: int) -> Plan | None:
    """The plan, locked after its account's balance: the order that every transaction keeps."""
    await credits.lock(session, [account_id])
    return await repository.lock_plan(session, account_id, plan_id)


async def stop(session: AsyncSession, plan: Plan, reason: str, batch: int = STOP_BATCH) -> None:
    plan.state = PlanState.STOPPED
    plan.state_reason = reason
    await session.flush()
    await attempts.void_leased_of_plan(session, plan.account_id, plan.id)
    ended = await repository.close_waiting(
        session, plan.account_id, plan.id, Outcome.CANCELLED, reason, batch
    )
    await announce(session, repository.NOBODY, plan, ended)


async def refuse(
    session: AsyncSession, plan: Plan, refusals: Mapping[int, tuple[Outcome, str]], worker: UUID
) -> None:
    """End waiting targets of one plan that must not be dialled: free of charge, with their reasons."""
    ended = await repository.close_targets(session, plan.account_id, refusals)
    await announce(session, worker, plan, ended)


async def announce(session: AsyncSession, worker: UUID, plan: Plan, ended: Sequence[FinalTarget]) -> None:
    """Count ended targets and tell the plan's owner, in the transaction that ended them."""
    await repository.add_figures(
        session,
        worker,
        [FigureDelta(t.account_id, t.plan_id, t.channel, t.outcome, 1, 0) for t in ended],
    )
    await handlers.outcomes(
        session,
        plan.owner_kind,
        [
            handlers.TargetOutcome(
                t.account_id,
                t.plan_id,
                t.target_id,
                t.contact_id,
                Channel(t.channel),
                Outcome(t.outcome),
                plan.owner_id,
                dialled=t.attempts > 0,
            )
            for t in ended
        ],
    )


async def sweep_plans(sessions: SessionFactory) -> bool:
    """Announce begun plans, drain stopped and expired ones, finish those without open targets: one by one.

    Answers whether any plan is or will within a second be there to be dialled.
    """
    async with transaction(sessions) as session:
        live = await repository.live_plans(session)
    for row in live:
        if not row.due:
            continue
        try:
            async with transaction(sessions) as session:
                # What somebody else holds is left for the next sweep: others wait behind it.
                if await claims.claim(session, [(row.account_id, row.id)]):
                    await _sweep_locked(session, row)
        except DATABASE_ERRORS:
            raise
        except Exception:
            logger.exception("plan %d could not be swept; others go on", row.id)
    return any(row.near for row in live)


async def _sweep_locked(session: AsyncSession, row: Any) -> None:
    plan = await repository.lock_plan(session, row.account_id, row.id)
    if plan is not None and plan.state != PlanState.FINISHED:
        await _sweep(session, plan, row.now)


async def _sweep(session: AsyncSession, plan: Plan, now: datetime) -> None:
    if plan.state != PlanState.STOPPED and plan.starts_at > now:
        return  # Put off since it was seen.
    if plan.state == PlanState.STOPPED:
        await stop(session, plan, plan.state_reason or "stopped")
    elif not plan.announced:
        plan.announced = True
        await handlers.started(session, plan)
    withdrawn = await repository.close_withdrawn(session, plan.account_id, plan.id, WITHDRAWN, HUNG_UP)
    await announce(session, repository.NOBODY, plan, withdrawn)
    if plan.expires_at is not None and plan.expires_at <= now:
        await _expire(session, plan)
    if not await repository.is_open(session, plan.account_id, plan.id):
        plan.state = PlanState.FINISHED
        plan.finished_at = func.now()
        await session.flush()
        await session.refresh(plan)
        await handlers.finished(session, plan)


async def _expire(session: AsyncSession, plan: Plan) -> None:
    """End what waits; what is under way goes on."""
    ended = await repository.close_waiting(
        session, plan.account_id, plan.id, Outcome.EXPIRED, "not sent in time", STOP_BATCH
    )
    await announce(session, repository.NOBODY, plan, ended)
