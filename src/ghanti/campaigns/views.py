"""Reading campaigns together with what is counted about them."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import NotFoundError
from ghanti.campaigns import repository
from ghanti.campaigns.models import Campaign
from ghanti.campaigns.schemas import OWNER_KIND, CampaignFilter, CampaignView
from ghanti.contacts import repository as contact_rows
from ghanti.database.lookups import Lookups
from ghanti.dialing import ownership
from ghanti.dialing.ownership import OwnerProgress
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
    account_id, ids = campaign.account_id, [campaign.id]
    contacts = await contact_rows.counts(session, account_id, ids)
    progress = await ownership.progress(session, account_id, OWNER_KIND, ids)
    return _view(campaign, None, contacts.get(campaign.id, 0), progress.get(campaign.id))


async def page(
    lookups: Lookups, account_id: int, wanted: CampaignFilter, limit: int, offset: int
) -> tuple[int, list[CampaignView]]:
    """How many campaigns pass the filter, and one page of them, to be read only."""
    rows = await repository.page(lookups, account_id, wanted, limit, offset)
    if not rows:
        return (await repository.count(lookups, account_id, wanted) if offset else 0), []
    # A row has the campaign's columns, and the progress'; to make objects of them takes longer than all the
    # rest.
    return rows[0].total, [_view(cast(Campaign, row), _voice(row), row.contacts, row) for row in rows]


class _Voice(NamedTuple):
    id: int
    display_name: str
    internal_name: str
    is_premium: bool


def _voice(row: Any) -> Voice | None:
    if row.voice_number is None:
        return None
    listed = _Voice(row.voice_number, row.voice_display_name, row.voice_internal_name, row.voice_is_premium)
    return cast(Voice, listed)


def _view(
    campaign: Campaign, voice: Voice | None, contacts: int, progress: OwnerProgress | None
) -> CampaignView:
    if progress is None:
        return CampaignView(campaign=campaign, voice=voice, contacts=contacts)
    return CampaignView(
        campaign=campaign,
        voice=voice,
        contacts=contacts,
        # Rounded down, so that 100 says that nothing is left.
        progress_percent=progress.final * 100 // progress.targets if progress.targets else 0,
        credits_consumed=progress.credits,
        paused_reason=progress.paused_reason,
    )
