"""What a campaign may choose from: voices and caller numbers."""

from __future__ import annotations

from fastapi import APIRouter, Response

from ghanti.api.context import Reader, Reading
from ghanti.api.responses import answer
from ghanti.api.tingting import shapes
from ghanti.api.tingting.examples import PHONES, VOICES, answers
from ghanti.campaigns import service as campaigns
from ghanti.trunks import repository as trunks

router = APIRouter()


@router.get("/voice-models/", tags=["Campaign"], summary="List voices", responses=answers(VOICES))
async def voice_models(principal: Reader, session: Reading) -> Response:
    return answer([shapes.voice(row) for row in await campaigns.voices(session)])


@router.get(
    "/active-broker-phone/",
    tags=["Phone numbers"],
    summary="Shared caller numbers",
    responses=answers(PHONES),
)
async def active_broker_phone(principal: Reader, session: Reading) -> Response:
    return answer([shapes.phone(row) for row in await trunks.caller_numbers(session, None)])


@router.get(
    "/phone-number/active/",
    tags=["Phone numbers"],
    summary="The account's own caller numbers",
    responses=answers(PHONES),
)
async def phone_number_active(principal: Reader, session: Reading) -> Response:
    return answer([shapes.phone(row) for row in await trunks.caller_numbers(session, principal.account_id)])
