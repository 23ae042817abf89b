"""The rules of survey templates: making and changing them, and making a campaign's steps from one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError, NotFoundError
from ghanti.accounts.service import Principal
from ghanti.campaigns import repository as campaign_rows
from ghanti.campaigns import service as campaigns
from ghanti.campaigns.models import Services
from ghanti.settings import Settings
from ghanti.speech.models import Voice
from ghanti.surveys import drafts, repository, service
from ghanti.surveys.models import SurveyTemplate
from ghanti.surveys.schemas import (
    Applied,
    Sound,
    StepDraft,
    TemplateChange,
    TemplateFields,
    TemplateView,
    sound_of,
)
from ghanti.surveys.sounds import settled

R = TypeVar("R", InvalidError, NotFoundError)

_SLOWEST, _FASTEST = Decimal("2.00"), Decimal("0.50")
_LONGEST_NAME = 255
_NOT_FOUND = "No SurveyTemplate matches the given query."


async def page(
    session: AsyncSession, account_id: int, search: str | None, limit: int, offset: int
) -> tuple[int, list[TemplateView]]:
    """How many templates match, and one page of them, newest first."""
    total, rows = await repository.template_page(session, account_id, search, limit, offset)
    return total, [TemplateView(row[0], row[1]) for row in rows]


async def found(session: AsyncSession, account_id: int, template_id: int) -> TemplateView:
    """The account's template. Raises NotFoundError."""
    return await _view(session, await _row(session, account_id, template_id))


async def create(session: AsyncSession, principal: Principal, fields: TemplateFields) -> TemplateView:
    """A new template. Raises InvalidError, and ForbiddenError for a premium voice that is not theirs."""
    if missing := [name for name in ("name", "voice", "content") if name not in fields]:
        raise InvalidError.missing(missing)
    row = SurveyTemplate(account_id=principal.account_id)
    await _set(session, principal, row, fields)
    await repository.save(session, row)
    return await _view(session, row)


async def update(
    session: AsyncSession, principal: Principal, template_id: int, fields: TemplateFields
) -> TemplateChange:
    """Change the named fields; a content replaces all steps. Raises NotFoundError and as ``create`` does."""
    row = await _row(session, principal.account_id, template_id, lock=True)
    sounds = sounds_of(row)
    if "content" in fields:
        fields["content"] = [settled(draft, sounds) for draft in fields["content"]]
    await _set(session, principal, row, fields)
    row.updated_at = func.clock_timestamp()
    await repository.save(session, row)
    dropped = await repository.disused(session, row.account_id, sounds)
    return TemplateChange(await _view(session, row), dropped)


async def delete(session: AsyncSession, principal: Principal, template_id: int) -> list[str]:
    """Remove a template; surveys made from it stay. Answers keys of files to be removed after the commit.

    Raises NotFoundError.
    """
    row = await _row(session, principal.account_id, template_id, lock=True)
    await repository.remove_template(session, row)
    return await repository.disused(session, principal.account_id, sounds_of(row))


async def apply(
    session: AsyncSession,
    principal: Principal,
    template_id: int,
    campaign_id: int | None,
    settings: Settings,
    exists: Callable[[str], bool],
) -> Applied:
    """Give a campaign the template's voice and length factor, and its steps in place of the campaign's own.

    Steps that cannot be made are left out and told; if none can, nothing changes. ``exists`` says whether
    the media store has a key.

    Raises NotFoundError, InvalidError and ConflictError, each with an ``error`` as this endpoint prints it.
    """
    row = await _row(session, principal.account_id, template_id, lock=True)
    if campaign_id is None:
        raise _told(InvalidError("campaign_id is required."))
    present = await campaign_rows.get(session, principal.account_id, campaign_id)
    if present is None:
        raise _told(NotFoundError("Campaign not found."))
    if present.services != Services.SURVEY:
        raise _told(InvalidError("Template can only be applied to SURVEY campaigns."))
    if not row.content:
        raise _told(InvalidError("Template has no steps to apply."))
    made, errors = revived(row.content, exists)
    if not made:
        raise _told(InvalidError("None of the template's steps can be applied.", extra={"errors": errors}))
    campaign, survey = await service.locked(session, principal.account_id, campaign_id)
    old = {
        sound.key
        for step in await repository.steps(session, row.account_id, survey.id)
        if (sound := sound_of(step)) is not None
    }
    steps = await repository.replace_steps(session, row.account_id, survey.id, made)
    campaign.voice_id, campaign.length_factor = row.voice_id, row.length_factor
    await service.changed(session, principal, campaign, settings)
    return Applied(survey.id, steps, errors, await repository.disused(session, row.account_id, old))


def revived(
    content: Sequence[dict[str, Any]], exists: Callable[[str], bool]
) -> tuple[list[StepDraft], list[dict[str, list[str]]]]:
    """The steps that a kept content makes, and the messages by field of those that it doesn't."""
    made: list[StepDraft] = []
    errors: list[dict[str, list[str]]] = []
    for index, item in enumerate(content):
        try:
            draft = drafts.read_step({**item, **item.get("options", {})}, index)
        except drafts.StepError as error:
            errors.append(error.fields)
            continue
        sound = Sound(**item["sound"]) if item.get("sound") else None
        if sound is not None and not exists(sound.key):
            errors.append({"audio_file": ["The audio file is there no more."]})
            continue
        made.append(replace(draft, sound=sound))
    return made, errors


def sounds_of(row: SurveyTemplate) -> dict[str, Sound]:
    """The audio of a template's steps, by key."""
    sounds = [Sound(**step["sound"]) for step in row.content if step.get("sound")]
    return {sound.key: sound for sound in sounds}


async def _set(
    session: AsyncSession, principal: Principal, row: SurveyTemplate, fields: TemplateFields
) -> None:
    errors: dict[str, list[str]] = {}
    if "name" in fields:
        row.name = fields["name"]
        if not row.name.strip() or len(row.name) > _LONGEST_NAME:
            errors["name"] = [f"Enter a name of 1 to {_LONGEST_NAME} characters."]
    if "length_factor" in fields:
        row.length_factor = fields["length_factor"]
        if not _FASTEST <= row.length_factor <= _SLOWEST:
            errors["length_factor"] = [f"The length factor must be between {_FASTEST} and {_SLOWEST}."]
    if errors:
        raise InvalidError.of_fields(errors)
    if "voice" in fields:
        row.voice_id = (await _voice(session, principal, fields["voice"])).id
    if "content" in fields:
        row.content = [
            draft.as_content() for draft in sorted(fields["content"], key=lambda draft: draft.order)
        ]


async def _voice(session: AsyncSession, principal: Principal, wanted: int | str) -> Voice:
    """The chosen voice, of the account's language. Its errors are printed under ``voice`` in two ways."""
    voice = await campaigns.chosen_voice(session, principal, wanted)
    if voice is None:
        message = f"There is no voice {wanted}; voice-models lists them."
        raise InvalidError(message, extra={"voice": {"non_field_errors": [message]}})
    language = await repository.language(session, principal.account_id)
    if voice.language != language:
        message = (
            f"This voice belongs to the '{voice.language}' language but your account language is "
            f"'{language}'. Please select a voice that matches your language."
        )
        raise InvalidError(message, extra={"voice": message})
    return voice


async def _row(
    session: AsyncSession, account_id: int, template_id: int, *, lock: bool = False
) -> SurveyTemplate:
    row = await repository.template(session, account_id, template_id, lock=lock)
    if row is None:
        raise NotFoundError(_NOT_FOUND)
    return row


async def _view(session: AsyncSession, row: SurveyTemplate) -> TemplateView:
    return TemplateView(row, await session.get_one(Voice, row.voice_id))


def _told(error: R) -> R:
    """The error with its message under ``error`` too, where this endpoint prints it."""
    error.extra = {"error": error.message, **error.extra}
    return error
