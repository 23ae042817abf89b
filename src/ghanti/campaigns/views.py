"""Reading campaigns together with what is counted about them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import NotFoundError
from ghanti.campaigns import repository
from ghanti.campaigns.models import Campaign
from ghanti.campaigns.schemas import OWNER_KIND, CampaignFilter, CampaignView
from ghanti.dialing import ownership
from ghanti.dialing import service as dialing
from ghanti.dialing.models import Plan, PlanState
from ghanti.dialing.repository import PlanFigures
from ghanti.speech.models import Voice


async def found(session: AsyncSession, account_id: int, campaign_id: int) -> Campaign:
    """The account's campaign. Raises NotFoundError."""
    campaign = await repository.get(session, account_id, campaign_id)
    if campaign is None:
        raise NotFoundError
    return campaign


async def locked(session: AsyncSession, account_id: int, campaign_id: int) -> Campaign:
    """The account's campaign, locked until the transaction ends. Raises NotFoundError."""
    campaign = await repository.lock(session, account_id, campaign_id)
    if campaign is None:
        raise NotFoundError
    return campaign


async def view(session: AsyncSession, campaign: Campaign) -> CampaignView:
    return (await _views(session, campaign.account_id, [(campaign, None)]))[0]


async def page(
    session: AsyncSession, account_id: int, wanted: CampaignFilter, limit: int, offset: int
) -> tuple[int, list[CampaignView]]:
    """How many campaigns pass the filter, and one page of them."""
    total = await repository.count(session, account_id, wanted)
    rows = await repository.page(session, account_id, wanted, limit, offset)
    return total, await _views(session, account_id, [(row[0], row[1]) for row in rows])


async def _views(
    session: AsyncSession, account_id: int, rows: Sequence[tuple[Campaign, Voice | None]]
) -> list[CampaignView]:
    ids = [campaign.id for campaign, _ in rows]
    contacts = await repository.contact_counts(session, account_id, ids)
    plans: dict[int, list[Plan]] = {campaign_id: [] for campaign_id in ids}
    for plan in await ownership.plans(session, account_id, OWNER_KIND, ids):
        plans[plan.owner_id].append(plan)
    plan_ids = [plan.id for of_campaign in plans.values() for plan in of_campaign]
    figures = await dialing.figures(session, account_id, plan_ids)
    return [
        _view(campaign, voice, contacts.get(campaign.id, 0), plans[campaign.id], figures)
        for campaign, voice in rows
    ]


def _view(
    campaign: Campaign,
    voice: Voice | None,
    contacts: int,
    plans: Sequence[Plan],
    figures: dict[int, PlanFigures],
) -> CampaignView:
    mine = [figures[plan.id] for plan in plans]
    targets = sum(figure.targets for figure in mine)
    final = sum(figure.final for figure in mine)
    paused = (plan for plan in plans if plan.state == PlanState.PAUSED)
    return CampaignView(
        campaign=campaign,
        voice=voice,
        contacts=contacts,
        # Rounded down, so that 100 says that nothing is left.
        progress_percent=final * 100 // targets if targets else 0,
        credits_consumed=sum(figure.credits for figure in mine),
        paused_reason=next((plan.state_reason for plan in paused), None),
    )
