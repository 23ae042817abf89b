"""Starting and stopping campaigns: what must hold before the first phone rings.

Everything here works on a locked campaign, so that of two runs at once one starts it and the
other finds it running.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import ConflictError, InvalidError
from ghanti.accounts.service import Principal
from ghanti.campaigns import content, failover, repository, schedule, views
from ghanti.campaigns.models import Campaign, CampaignStatus, Services
from ghanti.campaigns.schemas import OWNER_KIND, Started, Stopped
from ghanti.credits import service as credits
from ghanti.credits import tariffs
from ghanti.credits.repository import Balances
from ghanti.dialing import service as dialing
from ghanti.dialing.models import Channel, Plan
from ghanti.settings import Settings
from ghanti.trunks import repository as trunks


async def run(session: AsyncSession, principal: Principal, campaign_id: int, settings: Settings) -> Started:
    """Start a campaign, at its scheduled time or at once.

    A finished one calls only the contacts that it never called.

    Raises:
        NotFoundError: The account has no such campaign.
        ConflictError: It runs or is scheduled already.
        InvalidError: It cannot be run, with the reason; nothing was started.
    """
    campaign = await views.locked(session, principal.account_id, campaign_id)
    if campaign.status in (CampaignStatus.RUNNING, CampaignStatus.SCHEDULED):
        raise ConflictError(f"The campaign is already {campaign.status.lower()}.")
    return await place(session, principal, campaign, settings)


async def place(
    session: AsyncSession, principal: Principal, campaign: Campaign, settings: Settings
) -> Started:
    """Order the plan of a locked campaign that has none open. Raises InvalidError as ``run`` does."""
    now = await repository.clock(session)
    starts_at = schedule.start_of(campaign.schedule, now, principal.time_zone)
    said = await content.contents(session, principal, campaign, settings)
    order = await _order(session, campaign, said, starts_at, settings.ring_seconds)
    plan = await dialing.create_plan(session, order)
    calls = await dialing.add_targets(session, plan, [Channel.CALL]) if _services(campaign).calls else 0
    texts = await dialing.add_targets(session, plan, [Channel.SMS]) if _services(campaign).texts else 0
    if not calls + texts:
        raise InvalidError("Every contact of the campaign was called already; add contacts to run it again.")
    balances = await credits.balances(session, campaign.account_id)
    needed = await dialing.least(session, plan, await tariffs.current(session, settings))
    _check_credits(campaign, balances, needed)
    campaign.status = CampaignStatus.RUNNING if starts_at is None else CampaignStatus.SCHEDULED
    campaign.status_reason = None
    await repository.touch(session, campaign)
    return Started(balances, starts_at)


async def stop(session: AsyncSession, principal: Principal, campaign_id: int) -> Stopped:
    """End a running or scheduled campaign now: nothing more is dialled, calls in flight are hung up.

    Stopping a terminated one again changes nothing. Raises NotFoundError, and InvalidError for a
    campaign that does not run.
    """
    # Balance, plan, campaign: the engine takes its locks in this order.
    await credits.lock(session, [principal.account_id])
    campaign = await views.locked(session, principal.account_id, campaign_id)
    if campaign.status not in (
        CampaignStatus.RUNNING,
        CampaignStatus.SCHEDULED,
        CampaignStatus.TERMINATED,
    ):
        raise InvalidError("The campaign is not running.")
    if campaign.status != CampaignStatus.TERMINATED:
        await stop_plan(session, campaign, "emergency_stop")
        campaign.status = CampaignStatus.TERMINATED
        campaign.status_reason = "emergency_stop"
        await repository.touch(session, campaign)
    return Stopped(await views.view(session, campaign), await credits.balances(session, campaign.account_id))


async def stop_plan(session: AsyncSession, campaign: Campaign, reason: str) -> None:
    """Stop what runs for a locked campaign, if anything; the balance is locked already."""
    plan = await live_plan(session, campaign)
    if plan is not None:
        await dialing.stop_plan(session, plan.account_id, plan.id, reason)


async def join(
    session: AsyncSession, account_id: int, campaign_id: int, contact_ids: Sequence[int] | None = None
) -> Campaign:
    """Let contacts that were just added take part in the campaign's run, if it runs or is scheduled.

    Answers the campaign, locked.

    Called after they were inserted: a run that began meanwhile either saw them or is seen here.
    """
    campaign = await views.locked(session, account_id, campaign_id)
    plan = await live_plan(session, campaign)
    if plan is not None:
        await dialing.add_targets(session, plan, _channels(campaign), contact_ids)
    return campaign


async def live_plan(session: AsyncSession, campaign: Campaign) -> Plan | None:
    return await dialing.live_plan(session, campaign.account_id, OWNER_KIND, campaign.id)


def _services(campaign: Campaign) -> Services:
    return Services(campaign.services)


def _channels(campaign: Campaign) -> list[Channel]:
    services = _services(campaign)
    wanted = ((Channel.CALL, services.calls), (Channel.SMS, services.texts))
    return [channel for channel, uses in wanted if uses]


async def _order(
    session: AsyncSession,
    campaign: Campaign,
    said: content.Contents,
    starts_at: datetime | None,
    ring_seconds: int,
) -> dialing.PlanOrder:
    return dialing.PlanOrder(
        account_id=campaign.account_id,
        owner_kind=OWNER_KIND,
        owner_id=campaign.id,
        call_content=said.call,
        sms_content=said.sms,
        caller_numbers=await caller_numbers(session, campaign),
        credit_limit=campaign.credit_limit,
        starts_at=starts_at,
        ring_seconds=ring_seconds,
        retries=campaign.retries,
        pace=campaign.pace,
        text_instead=failover.applies(campaign),
    )


async def caller_numbers(session: AsyncSession, campaign: Campaign) -> list[str]:
    """The chosen numbers in the order chosen; without a choice the account's own, else the shared ones."""
    usable = await trunks.usable_caller_numbers(session, campaign.account_id)
    if campaign.user_phone:
        by_id = {number.id: number.number for number in usable}
        return [by_id[phone] for phone in campaign.user_phone if phone in by_id]
    own = [number.number for number in usable if number.account_id is not None]
    return own or [number.number for number in usable]


def _check_credits(campaign: Campaign, balances: Balances, needed: Balances) -> None:
    """Enough for one pulse or one segment a target, of which no more than the campaign's limit counts."""
    phone, sms = needed.phone, needed.sms
    total = min(phone + sms, campaign.credit_limit) if campaign.credit_limit else phone + sms
    usable = min(phone, balances.phone) + min(sms, balances.sms)
    if usable < total or (phone and not balances.phone) or (sms and not balances.sms):
        raise InvalidError(
            f"Not enough credits: the campaign needs {total} ({phone} phone, {sms} SMS), "
            f"the account has {balances.phone} phone and {balances.sms} SMS credits.",
            extra={
                "needed_phone_credits": phone,
                "needed_sms_credits": sms,
                "remaining_sms_credits": balances.sms,
                "remaining_phone_credits": balances.phone,
            },
        )
