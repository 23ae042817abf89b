"""Calls by the name of their campaign: one, one with a script of its own, or a list of them."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from ghanti.api.context import InParts, Transaction
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.responses import answer
from ghanti.api.toingg.authentication import ApiKeyWriter
from ghanti.api.toingg.bodies import SentWithKey, named, read
from ghanti.api.toingg.documents import takes
from ghanti.api.toingg.first import batches
from ghanti.api.toingg.first.models import makeBatchCallData, makeCallData, makeCallDetailsData
from ghanti.direct import service as direct
from ghanti.direct.schemas import Person
from ghanti.direct.sids import call_sid
from ghanti.toingg import one_off

router = APIRouter(route_class=KeyedRoute)

_CALL = {"campaign": "test_campaign", "name": "John Doe", "phoneNumber": "1234567890"}
_CALL_DETAILS = {
    "campaignName": "test_campaign",
    "campaignScript": "Namaste {name}, your water bill is due on Friday.",
    "name": "John Doe",
    "phoneNumber": "1234567890",
}
_BATCH = {
    "campaign": "test_campaign",
    "numberList": [
        {"clientName": "John Doe", "clientNumber": "1234567890"},
        {"clientName": "Jane Doe", "clientNumber": "1234567891"},
    ],
}
_LANGUAGE = "language"
_NAMES = {"number": "phoneNumber", "variables": ""}


@router.post("/make_toingg/", openapi_extra=takes(makeCallData, _CALL))
async def make_toingg(
    principal: ApiKeyWriter, session: Transaction, parts: InParts, sent: SentWithKey
) -> Response:
    """Call one person with what a campaign says; answers the call's SID.

    The campaign is the one of that name that was updated last. `name` and every further field fill its tags;
    `language` (`nepali`, `hindi` or `english`) chooses a voice of that language.
    """
    order = read(makeCallData, sent)
    more = order.more
    language = _text(more.pop(_LANGUAGE, None))
    campaign = await direct.campaign_by_name(session, principal.account_id, order.campaign)
    person = Person(order.number, {**more, "name": order.name})
    with named(_NAMES):
        sid = await direct.call(session, principal, campaign, person, parts.settings, language=language)
    return answer(call_sid(sid))


@router.post(
    "/make_toingg_details/", name="make_toingg", openapi_extra=takes(makeCallDetailsData, _CALL_DETAILS)
)
async def make_toingg_details(
    principal: ApiKeyWriter, session: Transaction, parts: InParts, sent: SentWithKey
) -> Response:
    """Call one person with a script that is sent along; answers the call's SID.

    The voice is that of the campaign of that name, whose own message stays as it is; without one a campaign
    is made of the name and the script.
    """
    order = read(makeCallDetailsData, sent)
    more = order.more
    language = _text(more.pop(_LANGUAGE, None))
    with named({"name": "campaignName", "message": "campaignScript"}):
        campaign = await one_off.campaign_of(session, principal, order.campaign, order.script)
    person = Person(order.number, {**more, "name": order.name})
    with named({**_NAMES, "text": "campaignScript"}):
        sid = await direct.call(
            session, principal, campaign, person, parts.settings, text=order.script, language=language
        )
    return answer(call_sid(sid))


@router.post("/make_batch_toingg/", name="make_toingg", openapi_extra=takes(makeBatchCallData, _BATCH))
async def make_batch_toingg(
    principal: ApiKeyWriter, session: Transaction, parts: InParts, sent: SentWithKey
) -> Response:
    """Call up to 50,000 people with what a campaign says; answers for each, in their order.

    A bad number, or one that the list has before, is refused with the reason; the others are called.
    """
    order = await batches.read_order(sent)
    campaign = await direct.campaign_by_name(session, principal.account_id, order.campaign)
    placed = await direct.call_many(session, principal, campaign, order.people, parts.settings)
    return await batches.told(order, placed)


def _text(value: Any) -> str | None:
    """A language as it was sent; none is chosen by what is empty."""
    return None if value in (None, "") else str(value)
