"""What a direct call says: its campaign's message, or a text in place of it, in the language asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError
from ghanti.accounts.service import Principal
from ghanti.campaigns import content
from ghanti.campaigns import repository as campaigns
from ghanti.campaigns.models import Campaign, Category, Services
from ghanti.contacts import variables as rules
from ghanti.contacts.errors import VariableError
from ghanti.dialing import contents
from ghanti.dialing.contents import CallContent
from ghanti.dialing.personal import templates_of
from ghanti.settings import Settings
from ghanti.speech.models import Voice
from ghanti.speech.template import tags
from ghanti.voice.script import MAIN_AUDIO

TEXT = "text"
LANGUAGES = {"nepali": "np", "hindi": "hi", "english": "en"}
"""Languages as callers name them, with the codes that voices have."""

_NAMES = {code: name.capitalize() for name, code in LANGUAGES.items()}
_DEFAULT = "np"
"""Of a voice that is there no more: the call will say so itself."""


@dataclass(frozen=True, slots=True)
class Said:
    """What calls say: the content of their plan, and what one of them says in place of its message.

    ``language`` is the code of the voice's.
    """

    content: dict[str, Any]
    text: str | None
    language: str

    def call(self, own: Mapping[str, Any]) -> CallContent:
        """The content as somebody hears it."""
        plan = contents.read(self.content)
        return replace(plan, templates=templates_of(plan.templates, own))

    def tags(self, own: Mapping[str, Any]) -> list[str]:
        """All tags that are to be filled."""
        return tags("\n".join(self.call(own).templates.values()))


async def said(
    session: AsyncSession,
    principal: Principal,
    campaign: Campaign,
    settings: Settings,
    text: str | None = None,
    language: str | None = None,
) -> Said:
    """What calls of a campaign say. Raises InvalidError when they cannot be made."""
    if not Services(campaign.services).calls:
        raise InvalidError("The campaign sends messages only; it makes no calls.")
    wanted = _code(language)
    voice = await _voice(session, principal, campaign, wanted)
    spoken = _changed(campaign, voice, text)
    if text is not None:
        check_text(text)
    made = await content.call_content(session, principal, spoken, settings, known=False)
    code = voice.language if voice is not None else _DEFAULT
    if text is None or "script" in made:
        return Said(made, None, code)
    # Beside the content, so that calls with texts of their own share a plan.
    own = made["audios"][MAIN_AUDIO]["template"]
    return Said({**made, "audios": {MAIN_AUDIO: {"template": ""}}}, own, code)


def check_text(text: str) -> None:
    """Raise InvalidError for a text that is empty or cannot be kept."""
    if not text.strip():
        raise InvalidError.of(TEXT, "The text is empty.")
    try:
        rules.check({TEXT: text})
    except VariableError as error:
        raise InvalidError.of(TEXT, error.message) from None


def _code(language: str | None) -> str | None:
    if language is None:
        return None
    code = LANGUAGES.get(language.strip().lower())
    if code is None:
        raise InvalidError.of("language", f"The language must be one of {', '.join(LANGUAGES)}.")
    return code


async def _voice(
    session: AsyncSession, principal: Principal, campaign: Campaign, wanted: str | None
) -> Voice | None:
    """The campaign's voice, or when its language is not the wanted one, the first of that language."""
    own = await campaigns.voice(session, content.voice(principal, campaign)["voice_id"])
    if wanted is None or (own is not None and own.language == wanted):
        return own
    usable = [voice for voice in await campaigns.voices(session) if principal.premium or not voice.is_premium]
    for voice in usable:
        if voice.language == wanted:
            return voice
    there = ", ".join(dict.fromkeys(_NAMES.get(voice.language, voice.language) for voice in usable))
    raise InvalidError.of(
        "language", f"There is no voice for {_NAMES[wanted]}; there are voices for {there}."
    )


def _changed(campaign: Campaign, voice: Voice | None, text: str | None) -> Campaign:
    """The campaign as this call has it, which is never kept."""
    values = {column.key: getattr(campaign, column.key) for column in inspect(Campaign).column_attrs}
    if voice is not None:
        values["voice_id"] = voice.id
    if text is not None:
        # A script that is sent along asks for keys where it says so, whichever campaign lends its voice.
        values |= {"services": Services.PHONE, "category": Category.TEXT, "message": text, "asks": True}
    return Campaign(**values)
