"""Previews: how a message will sound, before anybody is called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError
from ghanti.accounts.service import Principal
from ghanti.campaigns import repository, service, views
from ghanti.speech import template
from ghanti.speech.engines.base import EngineVoice
from ghanti.speech.pool import RenderRequest

_PREFIX = "tags_"


async def preview(
    session: AsyncSession, principal: Principal, campaign_id: int, voice: int | str | None, message: str
) -> RenderRequest:
    """What is to be spoken for a preview of a message of a campaign. It costs nothing.

    The tags are filled from the campaign's first contact. One that it has no value for is spoken as
    its own name, so that a message can be heard before there are contacts.

    Args:
        voice: An id or internal name; None for the campaign's voice, or else the account's default.

    Raises:
        NotFoundError: The account has no such campaign.
        InvalidError: There is no such voice.
        ForbiddenError: It is a premium voice, which the account does not have.
    """
    campaign = await views.found(session, principal.account_id, campaign_id)
    if voice is None:
        voice = principal.default_voice_id if campaign.voice_id is None else campaign.voice_id
    chosen = await service.chosen_voice(session, principal, voice)
    if chosen is None:
        raise InvalidError.of("voice_input", f"There is no voice {voice}; voice-models lists them.")
    variables = await repository.first_variables(session, campaign.account_id, campaign.id)
    return RenderRequest(
        spoken(message, variables),
        EngineVoice(chosen.engine, chosen.engine_voice, chosen.language),
        float(campaign.length_factor),
    )


def spoken(message: str, variables: Mapping[str, Any]) -> str:
    """The message with its tags filled; those without a value by their names."""
    nameless = {
        tag: tag.removeprefix(_PREFIX)
        for tag in template.tags(message)
        if template.resolve(tag, variables) is None
    }
    return template.fill(message, {**variables, **nameless}).text
