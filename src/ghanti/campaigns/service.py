"""The rules of campaigns: creating, changing and deleting them. Running them is in ``running.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import ConflictError, ForbiddenError, InvalidError
from ghanti.accounts.service import Principal
from ghanti.campaigns import repository, running, views
from ghanti.campaigns.models import Campaign, CampaignStatus, Category, Services
from ghanti.campaigns.schemas import DEMO_KIND, DIRECT_KIND, OWNER_KIND, CampaignFields, CampaignView
from ghanti.contacts import service as contacts
from ghanti.credits import service as credits
from ghanti.dialing import ownership
from ghanti.dialing import service as dialing
from ghanti.dialing.closing import DELETED
from ghanti.media import uploads
from ghanti.settings import Settings
from ghanti.speech.models import Voice
from ghanti.surveys import repository as surveys
from ghanti.trunks import repository as trunks

_WHILE_RUNNING = frozenset({"name", "description", "credit_limit", "pace"})
# A finished campaign may be run again for new contacts; a start that passed long ago would bar that.
_ONCE_FINISHED = _WHILE_RUNNING | {"schedule"}
_NOT_IN_PLAN = frozenset({"name", "description"})

_SLOWEST, _FASTEST = Decimal("2.00"), Decimal("0.50")


async def voices(session: AsyncSession) -> Sequence[Voice]:
    """The voices a campaign may choose, by id."""
    return await repository.voices(session)


async def create(session: AsyncSession, principal: Principal, fields: CampaignFields) -> CampaignView:
    """A new campaign, not started.

    Raises InvalidError naming each missing or wrong field, and ForbiddenError for a premium voice
    that the account may not use.
    """
    if missing := _missing(fields):
        raise InvalidError.missing(missing)
    columns = await _columns(session, principal, fields)
    campaign = Campaign(account_id=principal.account_id, **{"category": Category.TEXT, **columns})
    await repository.add(session, campaign)
    await _open_survey(session, campaign)
    return await views.view(session, campaign)


async def update(
    session: AsyncSession, principal: Principal, campaign_id: int, fields: CampaignFields, settings: Settings
) -> CampaignView:
    """Change the named fields.

    Once it runs, only its name, description, credit limit and pace; a field given its present value is
    no change. A scheduled campaign moves with its schedule, and null unschedules it.

    Raises NotFoundError, InvalidError, ForbiddenError, and ConflictError when it begins just now.
    """
    campaign = await views.locked(session, principal.account_id, campaign_id)
    disused = await _change(session, principal, campaign, fields, settings)
    return replace(await views.view(session, campaign), disused=disused)


async def set_message(
    session: AsyncSession, principal: Principal, campaign_id: int, fields: CampaignFields, settings: Settings
) -> CampaignView:
    """Set voice and category, and the messages if given; makes a draft ready unless told otherwise.

    Raises as ``update`` does.
    """
    campaign = await views.locked(session, principal.account_id, campaign_id)
    required = ["category"] if campaign.services == Services.SMS else ["voice", "category"]
    missing = [name for name in required if name not in fields]
    if (
        fields.get("category") is Category.TEXT
        and campaign.services not in (Services.SMS, Services.SURVEY)
        and not fields.get("message", campaign.message)
    ):
        missing.append("message")
    if missing:
        raise InvalidError.missing(missing)
    disused = await _change(session, principal, campaign, {"draft": False, **fields}, settings)
    return replace(await views.view(session, campaign), disused=disused)


async def delete(session: AsyncSession, principal: Principal, campaign_id: int) -> list[str]:
    """Remove a campaign with its contacts and attempts, stopping it first; the ledger stays.

    Answers the keys of its uploads, to be removed from the media store after the commit. Targets and attempts
    go in the background, after the last call has been hung up.
    """
    await contacts.hold_additions(session, principal.account_id, campaign_id)
    await credits.lock(session, [principal.account_id])
    campaign = await views.locked(session, principal.account_id, campaign_id)
    await running.stop_plan(session, campaign, DELETED)
    for kind in (DEMO_KIND, DIRECT_KIND):
        await ownership.end_plans(session, campaign.account_id, kind, campaign.id, DELETED)
    await ownership.forget_plans(session, campaign.account_id, OWNER_KIND, campaign.id)
    sounds = await surveys.sounds(session, campaign.account_id, campaign.id)
    await repository.remove(session, campaign.account_id, campaign.id)
    spoken = await surveys.disused(session, campaign.account_id, sounds)
    contacts_file = [campaign.bulk_file] if campaign.bulk_file is not None else []
    return [*contacts_file, *_audio_keys(campaign), *spoken]


def _missing(fields: CampaignFields) -> list[str]:
    missing: list[str] = [name for name in ("name", "services", "user_phone") if name not in fields]
    services = fields.get("services")
    spoken = fields.get("category") is not Category.AUDIO and services not in (Services.SMS, Services.SURVEY)
    if spoken and "message" not in fields:
        missing.append("message")
    if services is not None and services.texts and "sms_message" not in fields:
        missing.append("sms_message")
    return missing


async def _columns(session: AsyncSession, principal: Principal, fields: CampaignFields) -> dict[str, Any]:
    """The fields as columns, checked against what the account has."""
    columns: dict[str, Any] = dict(fields)
    errors: dict[str, list[str]] = {}
    if "voice" in columns:
        columns["voice_id"] = await _voice_id(session, principal, columns.pop("voice"), errors)
    if phones := fields.get("user_phone"):
        usable = await trunks.usable_caller_numbers(session, principal.account_id, phones)
        if unknown := sorted(set(phones) - {number.id for number in usable}):
            errors["user_phone"] = [f"Unknown caller numbers: {', '.join(map(str, unknown))}."]
    if not _FASTEST <= fields.get("length_factor", Decimal(1)) <= _SLOWEST:
        errors["length_factor"] = [f"The length factor must be between {_FASTEST} and {_SLOWEST}."]
    if (fields.get("credit_limit") or 0) < 0:
        errors["credit_limit"] = ["The credit limit cannot be negative; 0 or null is no limit."]
    if errors:
        raise InvalidError.of_fields(errors)
    return columns


async def chosen_voice(session: AsyncSession, principal: Principal, wanted: int | str) -> Voice | None:
    """The voice with this id or internal name, or None. Raises ForbiddenError for one that is not theirs."""
    if isinstance(wanted, int):
        voice = await repository.voice(session, wanted)
    else:
        voice = await repository.voice_named(session, wanted)
    if voice is not None and voice.is_premium and not principal.premium:
        raise ForbiddenError(f"{voice.display_name} is a premium voice, which this account does not have.")
    return voice


async def _voice_id(
    session: AsyncSession, principal: Principal, wanted: int | str | None, errors: dict[str, list[str]]
) -> int | None:
    if wanted is None:
        return None
    voice = await chosen_voice(session, principal, wanted)
    if voice is None:
        errors["voice"] = [f"There is no voice {wanted}; voice-models lists them."]
        return None
    return voice.id


async def _change(
    session: AsyncSession,
    principal: Principal,
    campaign: Campaign,
    fields: CampaignFields,
    settings: Settings,
) -> list[str]:
    """Answers the keys of the media store that are needed no more."""
    columns = await _columns(session, principal, fields)
    changes = {name: value for name, value in columns.items() if getattr(campaign, name) != value}
    if not changes:
        return []
    _check_changes(campaign, changes)
    if "audio_file" in changes and await ownership.has_open_plan(
        session, campaign.account_id, DIRECT_KIND, campaign.id
    ):
        raise InvalidError.of("audio_file", "This cannot be changed while calls that play it are under way.")
    disused = _audio_keys(campaign) if "audio_file" in changes else []
    for name, value in changes.items():
        setattr(campaign, name, value)
    if "services" in changes:
        await _open_survey(session, campaign)
    if campaign.status == CampaignStatus.SCHEDULED and changes.keys() - _NOT_IN_PLAN:
        await place_anew(session, principal, campaign, settings)
    elif campaign.status == CampaignStatus.RUNNING:
        plan = await running.live_plan(session, campaign)
        if plan is not None and "credit_limit" in changes:
            await dialing.set_credit_limit(session, plan.account_id, plan.id, campaign.credit_limit)
        if plan is not None and "pace" in changes:
            await dialing.set_pace(session, plan.account_id, plan.id, campaign.pace)
    await repository.touch(session, campaign)
    return disused


def _audio_keys(campaign: Campaign) -> list[str]:
    return uploads.keys(campaign.audio_file) if campaign.audio_file is not None else []


def _check_changes(campaign: Campaign, changes: Mapping[str, Any]) -> None:
    allowed: frozenset[str] | None = {
        CampaignStatus.RUNNING: _WHILE_RUNNING,
        CampaignStatus.COMPLETED: _ONCE_FINISHED,
        CampaignStatus.TERMINATED: _ONCE_FINISHED,
    }.get(CampaignStatus(campaign.status))
    if allowed is None:
        return
    barred = sorted(changes.keys() - allowed)
    if barred:
        message = f"This cannot be changed when the campaign is {campaign.status}."
        raise InvalidError.of_fields({"voice" if name == "voice_id" else name: [message] for name in barred})


async def _open_survey(session: AsyncSession, campaign: Campaign) -> None:
    if campaign.services == Services.SURVEY:
        await surveys.open_survey(session, campaign.account_id, campaign.id)


async def place_anew(
    session: AsyncSession, principal: Principal, campaign: Campaign, settings: Settings
) -> None:
    """Take back the plan of a scheduled campaign and, unless it was unscheduled, order it as it is now.

    Raises ConflictError when it begins just now, and as ``running.place`` does.
    """
    plan = await running.live_plan(session, campaign)
    if plan is not None and not await ownership.withdraw_plan(session, plan.account_id, plan.id):
        raise ConflictError("The campaign has just begun.")
    if campaign.schedule is None:
        campaign.status = CampaignStatus.NOT_STARTED
    else:
        await running.place(session, principal, campaign, settings)
