"""What a campaign says: the contents of its plan, and what must hold before anybody hears them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError
from ghanti.accounts.service import Principal
from ghanti.campaigns import failover, repository, scripted
from ghanti.campaigns.models import Campaign, Category, Services
from ghanti.contacts import service as contacts
from ghanti.contacts.variables import MAX_VARIABLES
from ghanti.media import uploads
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.speech.template import spellings, tags
from ghanti.surveys import compiling
from ghanti.surveys import repository as surveys
from ghanti.voice.script import MAIN_AUDIO


@dataclass(frozen=True, slots=True)
class Contents:
    """Contents of a plan (see ``dialing/contents.py``); None where the campaign has no such channel."""

    call: dict[str, Any] | None
    sms: dict[str, Any] | None


async def contents(
    session: AsyncSession, principal: Principal, campaign: Campaign, settings: Settings
) -> Contents:
    """What the campaign's plan is to say.

    Raises InvalidError, with the field and the reason, when it cannot be said to anybody.
    """
    _check_draft(campaign)
    if not await contacts.count(session, campaign.account_id, campaign.id):
        raise InvalidError("The campaign has no contacts.")
    services = Services(campaign.services)
    call = await _call(session, principal, campaign, settings) if services.calls else None
    texts = services.texts or failover.applies(campaign)
    sms = await _message(session, campaign) if texts else None
    return Contents(call, sms)


async def call_content(
    session: AsyncSession,
    principal: Principal,
    campaign: Campaign,
    settings: Settings,
    *,
    known: bool = True,
) -> dict[str, Any]:
    """What the campaign's calls alone are to say. Raises InvalidError as ``contents`` does.

    Args:
        known: Whether its contacts bring all values for tags; else whoever calls looks at each person's.
    """
    _check_draft(campaign)
    return await _call(session, principal, campaign, settings, known)


def _check_draft(campaign: Campaign) -> None:
    if campaign.draft:
        raise InvalidError("The campaign is a draft. Set its voice and category first, with draft false.")


async def _call(
    session: AsyncSession, principal: Principal, campaign: Campaign, settings: Settings, known: bool = True
) -> dict[str, Any]:
    content = await _said(session, principal, campaign, settings, known)
    # Direct calls, and campaigns that are written as conversations, have transcripts (docs/transcripts.md).
    recorded = settings.transcribe and (campaign.asks or not known)
    return {**content, "record": True} if recorded else content


async def _said(
    session: AsyncSession, principal: Principal, campaign: Campaign, settings: Settings, known: bool
) -> dict[str, Any]:
    if campaign.services == Services.SURVEY:
        return await _survey(session, principal, campaign, known)
    if campaign.category == Category.AUDIO:
        return {"audios": {MAIN_AUDIO: _audio(campaign, settings)}}
    if campaign.asks:
        return await _asking(session, principal, campaign, known)
    await check_template(session, campaign, "message", campaign.message, known=known)
    return {**voice(principal, campaign), "audios": {MAIN_AUDIO: {"template": campaign.message}}}


async def _asking(
    session: AsyncSession, principal: Principal, campaign: Campaign, known: bool
) -> dict[str, Any]:
    """The message as a call script, where it asks for keys; one that does not is one play like any other."""
    if reason := scripted.fault(campaign.message):
        raise InvalidError.of("message", reason)
    parts = scripted.read(campaign.message)
    said = "\n\n".join(part.text for part in parts)
    await check_template(session, campaign, "message", said, known=known)
    manner = voice(principal, campaign)
    if not any(part.keys for part in parts):
        return {**manner, "audios": {MAIN_AUDIO: {"template": said}}}
    speaker = await repository.voice(session, manner["voice_id"])
    return {**manner, **scripted.compiled(parts, speaker.language if speaker else "")}


def _audio(campaign: Campaign, settings: Settings) -> dict[str, Any]:
    if campaign.audio_file is None:
        raise InvalidError.of("audio_file", "An Audio campaign needs an audio file.")
    audio = uploads.kept_audio(MediaStore(settings.media_folder), campaign.audio_file)
    if audio is None:
        raise InvalidError.of("audio_file", "The audio file is there no more; send it again.")
    return {"media": audio.ulaw_key, "ms": audio.ms}


async def _survey(
    session: AsyncSession, principal: Principal, campaign: Campaign, known: bool
) -> dict[str, Any]:
    steps = await surveys.steps_of_campaign(session, campaign.account_id, campaign.id)
    if not steps:
        raise InvalidError.of("steps", "The survey has no steps.")
    for index, step in enumerate(steps):
        name = f"step {index + 1} ({step.input_name})"
        if reason := compiling.fault(step):
            raise InvalidError.of(name, reason)
        if step.audio_file is None:
            await check_template(session, campaign, name, step.text_or_url, known=known)
    return {**voice(principal, campaign), **compiling.compiled(steps)}


async def _message(session: AsyncSession, campaign: Campaign) -> dict[str, Any]:
    template = failover.text_of(campaign) if failover.applies(campaign) else campaign.sms_message
    await check_template(session, campaign, "sms_message", template)
    return {"template": template}


def voice(principal: Principal, campaign: Campaign) -> dict[str, Any]:
    """The part of a call content that says how templates are spoken."""
    return {
        "voice_id": principal.default_voice_id if campaign.voice_id is None else campaign.voice_id,
        "length_factor": f"{campaign.length_factor:.2f}",
    }


async def check_template(
    session: AsyncSession, campaign: Campaign, field: str, template: str, *, known: bool = True
) -> None:
    """Raise InvalidError for a template that is empty, or bears a tag that no contact has a value for.

    Without ``known`` the contacts are not asked.
    """
    if not template.strip():
        raise InvalidError.of(field, "The message is empty.")
    used = tags(template)
    if len(used) > MAX_VARIABLES:
        raise InvalidError.of(field, f"A message has at most {MAX_VARIABLES} different tags.")
    unknown = []
    for tag in used if known else ():
        if not await contacts.has_value(session, campaign.account_id, campaign.id, spellings(tag)):
            unknown.append(f"{{{tag}}}")
    if unknown:
        raise InvalidError.of(field, f"No contact has a value for {', '.join(unknown)}.")
