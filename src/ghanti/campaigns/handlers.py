"""What a campaign does when the engine says that its plan began or ended, or what became of its calls."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns import failover, repository
from ghanti.campaigns.models import CampaignStatus
from ghanti.campaigns.schemas import DIRECT_KIND, OWNER_KIND
from ghanti.dialing import handlers, ownership
from ghanti.dialing.models import Plan
from ghanti.webhooks import firing

_WHILE_PAUSED = (None, "credits")
"""Reasons of a plan that ended by itself: none, or that of a pause before its last calls ended."""


def register() -> None:
    """Make campaigns known to the engine; every process that records outcomes calls it once."""
    handlers.register(OWNER_KIND, failover.follow_up, firing.fire)
    handlers.register(DIRECT_KIND, firing.fire)
    handlers.register_started(OWNER_KIND, started)
    handlers.register_finished(OWNER_KIND, finished)


async def started(session: AsyncSession, plan: Plan) -> None:
    await repository.set_status(session, plan.account_id, plan.owner_id, CampaignStatus.RUNNING, None)


async def finished(session: AsyncSession, plan: Plan) -> None:
    """Completed when all was tried; Terminated, with the reason, when it was stopped before."""
    if not await ownership.is_newest(session, plan):
        return  # Run again meanwhile: the newer plan decides, whether it runs or has ended already.
    stopped = plan.state_reason not in _WHILE_PAUSED
    await repository.set_status(
        session,
        plan.account_id,
        plan.owner_id,
        CampaignStatus.TERMINATED if stopped else CampaignStatus.COMPLETED,
        plan.state_reason if stopped else None,
    )
