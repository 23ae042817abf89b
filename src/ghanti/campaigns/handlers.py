"""What a campaign does when the engine says that its plan began or ended, or what became of its calls."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns import failover, repository
from ghanti.campaigns.models import CampaignStatus
from ghanti.campaigns.schemas import DEMO_KIND, OWNER_KIND
from ghanti.dialing import handlers, ownership
from ghanti.dialing import service as dialing
from ghanti.dialing.models import Plan

_WHILE_PAUSED = (None, "credits")
"""Reasons of a plan that ended by itself: none, or that of a pause before its last calls ended."""


def register() -> None:
    """Make campaigns known to the engine; every process that records outcomes calls it once."""
    handlers.register(OWNER_KIND, failover.follow_up)
    handlers.register_started(OWNER_KIND, started)
    handlers.register_finished(OWNER_KIND, finished)
    handlers.register_finished(DEMO_KIND, demo_finished)


async def started(session: AsyncSession, plan: Plan) -> None:
    await repository.set_status(session, plan.account_id, plan.owner_id, CampaignStatus.RUNNING, None)


async def finished(session: AsyncSession, plan: Plan) -> None:
    """Completed when all was tried; Terminated, with the reason, when it was stopped before."""
    if not await repository.exists(session, plan.account_id, plan.owner_id):
        # Deleted while calls were in flight: its plan was kept until they were hung up and settled.
        await ownership.forget_finished_plans(session, plan.account_id, OWNER_KIND, plan.owner_id)
        return
    if await dialing.live_plan(session, plan.account_id, plan.owner_kind, plan.owner_id) is not None:
        return  # Run again meanwhile: the newer plan decides.
    stopped = plan.state_reason not in _WHILE_PAUSED
    await repository.set_status(
        session,
        plan.account_id,
        plan.owner_id,
        CampaignStatus.TERMINATED if stopped else CampaignStatus.COMPLETED,
        plan.state_reason if stopped else None,
    )


async def demo_finished(session: AsyncSession, plan: Plan) -> None:
    """A demo call changes nothing of its campaign, and goes with one that was deleted meanwhile."""
    if not await repository.exists(session, plan.account_id, plan.owner_id):
        await ownership.forget_finished_plans(session, plan.account_id, DEMO_KIND, plan.owner_id)
