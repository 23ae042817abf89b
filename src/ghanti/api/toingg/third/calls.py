"""Calls: one at a time by the id of their campaign, and what became of them."""

from __future__ import annotations

from fastapi import APIRouter, Response

from ghanti.api.context import InParts, Reading, Transaction
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.toingg.authentication import TokenReader, TokenWriter
from ghanti.api.toingg.bodies import Sent, named, read
from ghanti.api.toingg.documents import takes
from ghanti.api.toingg.sids import call_of
from ghanti.api.toingg.third import envelopes
from ghanti.api.toingg.third.envelopes import enveloped
from ghanti.api.toingg.third.models import MakeCall
from ghanti.direct import service as direct
from ghanti.direct.schemas import Person
from ghanti.direct.sids import call_sid
from ghanti.toingg import lists, service

router = APIRouter(route_class=KeyedRoute)

_NAMES = {"number": "phoneNumber", "variables": "extraParams", "message": "campID"}


@router.post(
    "/make_call",
    openapi_extra=takes(
        MakeCall,
        {
            "name": "Sita",
            "phoneNumber": "+9779841234567",
            "campID": "668bd4e8a620ac9172c8d08b",
            "extraParams": {"ward": 4},
        },
    ),
)
async def make_call(principal: TokenWriter, session: Transaction, parts: InParts, sent: Sent) -> Response:
    """Call one person now with what a campaign says; `name` and `extraParams` fill its tags.

    What else is sent (`asr`, `whisperAsr`, `startMessage`, `clearMemory`) does nothing here.
    """
    order = read(MakeCall, sent)
    campaign = await service.find(session, principal.account_id, order.object_id, "campID")
    number = lists.international(order.number, parts.settings.home_country)
    person = Person(number, {**order.extra, "name": order.name})
    with named(_NAMES):
        sid = await direct.call(session, principal, campaign, person, parts.settings)
    return enveloped("Call initiated.", {"callId": call_sid(sid), "status": "queued"})


@router.get("/call_status")
async def call_status(callId: str, principal: TokenReader, session: Reading) -> Response:  # noqa: N803
    """Where a call is, and what became of it, in Twilio's words."""
    told = await call_of(session, principal.account_id, callId)
    return enveloped("Call details fetched.", envelopes.call(told))
