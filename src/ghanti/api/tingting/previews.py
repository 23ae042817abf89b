"""test-speak/: hearing a message before anybody is called."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ghanti.accounts.errors import InvalidError
from ghanti.api.body import Body
from ghanti.api.context import InParts, Reader, Sent
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.previews import LIFETIME
from ghanti.api.responses import answer
from ghanti.api.tingting import links
from ghanti.api.tingting.examples import accepts, answers
from ghanti.api.tingting.fields import WrongValueError, text, voice
from ghanti.campaigns import previews
from ghanti.database.session import transaction

_LONGEST_MESSAGE = 5000

_BODY = {"voice_input": 5, "message": "नमस्ते {name}, यो परीक्षण सन्देश हो"}
_URL = "https://ghanti.example/api/v1/media/MTc4.c2ln/eccc8258894076a9dc9e00cf4ebf472a.mp3"

router = APIRouter(tags=["Campaign"], route_class=KeyedRoute)


@router.post(
    "/test-speak/riri/{campaign_id:row}/",
    summary="Hear a message",
    responses=answers(_URL),
    openapi_extra=accepts(_BODY, ["message"]),
)
async def test_speak(
    request: Request, campaign_id: int, principal: Reader, sent: Sent, parts: InParts
) -> Response:
    """Answers the URL of an MP3 file, which plays without a token for a day. Free of charge.

    `voice_input` is a voice's id or internal name; without it the campaign's voice speaks. Tags are filled
    from the campaign's first contact; one without a value is spoken as its name.
    """
    chosen, message = _read(sent)
    # Over before the speech is made: no connection waits for it.
    async with transaction(parts.sessions) as session:
        wanted = await previews.preview(session, principal, campaign_id, chosen, message)
    key = await parts.previews.render(wanted, principal.account_id)
    return answer(links.media_url(request, key, LIFETIME))


def _read(sent: Body) -> tuple[int | str | None, str]:
    if sent.values.get("message") in (None, ""):
        raise InvalidError.missing(["message"])
    errors: dict[str, list[str]] = {}
    chosen: int | str | None = None
    message = ""
    try:
        chosen = voice(sent.values.get("voice_input"))
    except WrongValueError as error:
        errors["voice_input"] = [str(error)]
    try:
        message = text(sent.values["message"], _LONGEST_MESSAGE)
    except WrongValueError as error:
        errors["message"] = [str(error)]
    if errors:
        raise InvalidError.of_fields(errors)
    return chosen, message
