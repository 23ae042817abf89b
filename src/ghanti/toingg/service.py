"""The rules of Toingg campaigns: ours, which make calls that speak a script and ask where it asks.

A field that does nothing here is kept and shown again, so that a client finds what it sent. What cannot be
done without a conversational model is refused rather than kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError, NotFoundError, NotOfferedError
from ghanti.accounts.service import Principal
from ghanti.campaigns import scripted, views
from ghanti.campaigns import service as campaigns
from ghanti.campaigns.models import Campaign, Category, Services
from ghanti.campaigns.schemas import CampaignFields, CampaignFilter, CampaignView
from ghanti.database.lookups import Lookups
from ghanti.database.session import dump_json
from ghanti.settings import Settings
from ghanti.toingg import objectids, repository
from ghanti.toingg.schemas import DEFAULTS, FIGURES, Figures, Shown
from ghanti.toingg.voices import NamedVoice, choose, named
from ghanti.webhooks import service as webhooks

MOST_BYTES = 256 * 1024
"""All that is kept of one campaign, as JSON."""

LONGEST_SCRIPT = 10_000
"""Characters of the script with its first line, as of any message."""

_FIELD_OF = {"name": "title", "message": "script", "voice_id": "voice", "asks": "script"}
"""What Toingg calls what the rules of campaigns find wrong."""


async def voices(session: AsyncSession) -> list[NamedVoice]:
    """The voices there are, each under a name of its own."""
    return named(await campaigns.voices(session))


async def find(session: AsyncSession, account_id: int, object_id: str, field: str) -> Campaign:
    """The account's campaign with this id, whichever API made it.

    Raises InvalidError about ``field`` for what is no id, and NotFoundError.
    """
    parsed = objectids.parse(object_id)
    if parsed is None:
        raise InvalidError.of(field, "A campaign's id has 24 hexadecimal digits; get_campaigns lists them.")
    if objectids.can_exist(parsed):
        campaign = await views.found(session, account_id, parsed.campaign_id)
        if objectids.names(parsed, campaign.id, campaign.created_at):
            return campaign
    raise NotFoundError


async def create(session: AsyncSession, principal: Principal, sent: Mapping[str, Any]) -> Campaign:
    """A new campaign out of what a client sent, whose types were checked.

    Raises InvalidError, ForbiddenError, and NotOfferedError for what only a conversational model could do.
    """
    kept = _kept(sent)
    _refuse_model(kept)
    columns: CampaignFields = {
        "name": _title(kept),
        "services": Services.PHONE,
        "user_phone": [],
        "message": _message(kept),
        "asks": True,
        "draft": False,
    }
    await _check_hooks(session, principal.account_id, columns)
    there = await voices(session)
    chosen = choose(there, kept.get("voice"), kept.get("language"), None, premium=principal.premium)
    if chosen is not None:
        columns["voice"] = chosen.voice.id
    if kept.get("description"):
        columns["description"] = kept["description"]
    view = await campaigns.create(session, principal, columns)
    await repository.keep(session, principal.account_id, view.campaign.id, kept)
    return view.campaign


async def update(
    session: AsyncSession,
    principal: Principal,
    object_id: str,
    sent: Mapping[str, Any],
    settings: Settings,
) -> Campaign:
    """Change the fields that a client sent and leave the others; a draft that has a script is one no more.

    A campaign that runs, or did, keeps what it says. One that TingTing's API made asks for keys from the
    moment that its script is changed here.

    Raises as ``create`` does, NotFoundError, and ConflictError when it begins just now.
    """
    found = await find(session, principal.account_id, object_id, "campId")
    campaign = await views.locked(session, principal.account_id, found.id)
    stored = (await repository.fields(session, campaign.account_id, [campaign.id])).get(campaign.id, {})
    kept = _kept({**stored, **sent})
    columns: CampaignFields = {}
    if "title" in sent:
        columns["name"] = _title(kept)
    if "description" in sent:
        columns["description"] = kept["description"] or ""
    columns |= await _voice_change(session, principal, campaign, sent)
    columns |= _script_change(campaign, stored, sent)
    _refuse_model({**kept, **_said(campaign, stored), **_given(sent)})
    await _check_hooks(session, principal.account_id, columns)
    if columns:
        try:
            await campaigns.update(session, principal, campaign.id, columns, settings)
        except InvalidError as error:
            raise _renamed(error) from None
    await repository.keep(session, campaign.account_id, campaign.id, kept)
    return campaign


async def page(
    session: AsyncSession,
    lookups: Lookups,
    principal: Principal,
    limit: int,
    offset: int,
    *,
    oldest_first: bool = False,
) -> tuple[int, list[Shown]]:
    """How many campaigns the account has, and one page of them, by when they were changed."""
    wanted = CampaignFilter(oldest_first=oldest_first)
    total, listed = await views.page(lookups, principal.account_id, wanted, limit, offset)
    ids = [view.campaign.id for view in listed]
    kept = await repository.fields(session, principal.account_id, ids)
    counted = await repository.figures(session, principal.account_id, ids)
    by_id = {each.voice.id: each for each in await voices(session)}
    shown = []
    for view in listed:
        row = view.campaign
        voice = by_id.get(row.voice_id or principal.default_voice_id)
        fields = _shown_fields(view, kept.get(row.id, {}), voice)
        shown.append(Shown(view, fields, counted.get(row.id, Figures()), voice))
    return total, shown


def _kept(sent: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of what was sent. Raises InvalidError about the largest field when it is too much."""
    kept = {name: value for name, value in sent.items() if name not in FIGURES}
    if len(dump_json(kept).encode()) > MOST_BYTES:
        largest = max(kept, key=lambda name: len(dump_json(kept[name])))
        raise InvalidError.of(largest, f"A campaign may have {MOST_BYTES // 1024} kB in all, this included.")
    return kept


def _refuse_model(fields: Mapping[str, Any]) -> None:
    """Raise NotOfferedError for a campaign whose calls would have to be conversations."""
    for name in ("humanHandoff", "autoPilot"):
        wanted = fields.get(name)
        if wanted is True or (isinstance(wanted, Mapping) and wanted.get("enabled") is True):
            raise NotOfferedError(
                f"{name} needs a conversational model, which this installation has not."
                " Calls speak the campaign's script and take keys as answers."
            )
    free = fields.get("isFreeflow") is True or bool(fields.get("systemPrompt"))
    if free and not (fields.get("script") or "").strip():
        raise NotOfferedError(
            "A campaign without a script needs a conversational model, which this installation has not."
            " Send a script: it is spoken word for word, and asks for keys where it says so."
        )


def _title(fields: Mapping[str, Any]) -> str:
    title: str = (fields.get("title") or "").strip()
    if not title:
        raise InvalidError.of("title", "This field may not be blank.")
    return title


def _given(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {name: sent[name] for name in ("script", "firstLine") if name in sent}


def _composed(fields: Mapping[str, Any]) -> str:
    """The message that a campaign's calls speak: its first line and then its script."""
    lines = ((fields.get(name) or "").strip() for name in ("firstLine", "script"))
    return "\n\n".join(filter(None, lines))


def _message(fields: Mapping[str, Any]) -> str:
    """Raises InvalidError for a script that cannot be spoken, or asks as it cannot be asked."""
    message = _composed(fields)
    if not message:
        raise InvalidError.of("script", "There is nothing to say: the script is empty.")
    if len(message) > LONGEST_SCRIPT:
        raise InvalidError.of(
            "script", f"At most {LONGEST_SCRIPT} characters are spoken, the first line included."
        )
    if reason := scripted.fault(message):
        raise InvalidError.of("script", reason)
    return message


async def _check_hooks(session: AsyncSession, account_id: int, columns: CampaignFields) -> None:
    """Raise InvalidError for a script whose keys call web hooks that there are not."""
    called = scripted.hooks(columns.get("message", ""))
    if unknown := await webhooks.unknown(session, account_id, called):
        raise InvalidError.of(
            "script", f"There is no web hook named {', '.join(unknown)}; add_webhook makes one."
        )


def _said(campaign: Campaign, kept: Mapping[str, Any]) -> dict[str, str]:
    """First line and script as they are now, whichever API changed them last."""
    if campaign.message == _composed(kept):
        return {name: kept.get(name) or "" for name in ("script", "firstLine")}
    return {"script": campaign.message, "firstLine": ""}


def _script_change(campaign: Campaign, stored: Mapping[str, Any], sent: Mapping[str, Any]) -> CampaignFields:
    given = _given(sent)
    if not given:
        return {}
    fields = {**_said(campaign, stored), **given}
    if _composed(fields) == campaign.message and not campaign.draft:
        return {}
    if campaign.services == Services.SURVEY or campaign.category == Category.AUDIO:
        raise InvalidError.of(
            "script", "This campaign speaks no script: it is a survey, or plays a recording."
        )
    message = _message(fields)
    return {"message": message, "asks": True, "category": Category.TEXT, "draft": False}


async def _voice_change(
    session: AsyncSession, principal: Principal, campaign: Campaign, sent: Mapping[str, Any]
) -> CampaignFields:
    there = await voices(session)
    speaks = campaign.voice_id or principal.default_voice_id
    present = next((each for each in there if each.voice.id == speaks), None)
    chosen = choose(there, sent.get("voice"), sent.get("language"), present, premium=principal.premium)
    return {} if chosen is None or chosen is present else {"voice": chosen.voice.id}


def _renamed(error: InvalidError) -> InvalidError:
    if not error.fields:
        return error
    return InvalidError.of_fields({_FIELD_OF.get(name, name): told for name, told in error.fields.items()})


def _shown_fields(view: CampaignView, kept: Mapping[str, Any], voice: NamedVoice | None) -> dict[str, Any]:
    row = view.campaign
    real: dict[str, Any] = {"title": row.name, **_said(row, kept)}
    if voice is not None:
        real |= {"voice": voice.name, "language": voice.language}
    if "description" in kept or row.description:
        real["description"] = row.description
    return {**DEFAULTS, **kept, **real}
