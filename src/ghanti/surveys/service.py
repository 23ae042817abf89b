"""The rules of surveys: which steps a campaign may have, and when they may change."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError
from ghanti.accounts.service import Principal
from ghanti.campaigns import repository as campaign_rows
from ghanti.campaigns import service as campaigns
from ghanti.campaigns import views
from ghanti.campaigns.models import Campaign, CampaignStatus, Services
from ghanti.campaigns.schemas import DIRECT_KIND
from ghanti.credits import service as credits
from ghanti.dialing import ownership
from ghanti.dialing import service as dialing
from ghanti.settings import Settings
from ghanti.surveys import repository
from ghanti.surveys.models import Survey
from ghanti.surveys.schemas import Replaced, StepDraft, SurveyView, sound_of
from ghanti.surveys.sounds import settled

STEPS_CHANGED = "steps changed"
"""The reason of test calls that the survey's owner overtook."""


async def survey(session: AsyncSession, account_id: int, campaign_id: int) -> SurveyView:
    """A campaign's survey. Raises NotFoundError, and InvalidError for a campaign that is none."""
    view = await survey_if_any(session, await views.found(session, account_id, campaign_id))
    if view is None:
        raise _no_survey()
    return view


async def survey_if_any(session: AsyncSession, campaign: Campaign) -> SurveyView | None:
    """A campaign's survey, or None for a campaign that is none."""
    if campaign.services != Services.SURVEY:
        return None
    row = await repository.of_campaign(session, campaign.account_id, campaign.id)
    if row is None:
        return None
    return SurveyView(campaign, row.id, await repository.steps(session, campaign.account_id, row.id))


async def replace_steps(
    session: AsyncSession,
    principal: Principal,
    campaign_id: int,
    drafts: Sequence[StepDraft],
    settings: Settings,
) -> Replaced:
    """Give a survey these steps in place of its own.

    Raises NotFoundError; InvalidError for a campaign that is no survey or ran already; ConflictError when it
    begins just now, or when its steps were changed since the drafts were made from them.
    """
    campaign, row = await locked(session, principal.account_id, campaign_id)
    present = await repository.steps(session, row.account_id, row.id)
    sounds = {sound.key: sound for step in present if (sound := sound_of(step)) is not None}
    drafts = [settled(draft, sounds) for draft in drafts]
    steps = await repository.replace_steps(session, row.account_id, row.id, drafts)
    await changed(session, principal, campaign, settings)
    dropped = await repository.disused(session, row.account_id, sounds.keys())
    return Replaced(SurveyView(campaign, row.id, steps), dropped)


async def locked(session: AsyncSession, account_id: int, campaign_id: int) -> tuple[Campaign, Survey]:
    """A campaign and its survey, locked, whose steps may be changed.

    Test calls that were to say the former steps, whose audio goes, are withdrawn; those that are heard go on.

    Raises NotFoundError, and InvalidError for a campaign that is no survey or ran already.
    """
    # Balance and plans before the campaign; while the balance is locked no other test call is ordered.
    await credits.lock(session, [account_id])
    for plan_id in await repository.waiting_tests(session, account_id, campaign_id):
        await dialing.stop_plan(session, account_id, plan_id, STEPS_CHANGED)
    called = await ownership.has_open_plan(session, account_id, DIRECT_KIND, campaign_id)
    campaign = await views.locked(session, account_id, campaign_id)
    row = await repository.of_campaign(session, account_id, campaign_id)
    if campaign.services != Services.SURVEY or row is None:
        raise _no_survey()
    if called:
        raise InvalidError.of("steps", "This cannot be changed while calls of the survey are under way.")
    if campaign.status not in (CampaignStatus.NOT_STARTED, CampaignStatus.SCHEDULED):
        raise InvalidError.of("steps", f"This cannot be changed when the campaign is {campaign.status}.")
    return campaign, row


async def changed(
    session: AsyncSession, principal: Principal, campaign: Campaign, settings: Settings
) -> None:
    """Let a locked campaign whose steps were changed run with them, if it is scheduled."""
    if campaign.status == CampaignStatus.SCHEDULED:
        await campaigns.place_anew(session, principal, campaign, settings)
    await campaign_rows.touch(session, campaign)


def _no_survey() -> InvalidError:
    return InvalidError("The campaign is no survey; its services must be SURVEY.")
