"""Single text messages."""

from __future__ import annotations

from fastapi import APIRouter, Response

from ghanti.api.context import InParts, Transaction
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.responses import answer
from ghanti.api.toingg.authentication import ApiKeyWriter
from ghanti.api.toingg.bodies import SentWithKey, named, read
from ghanti.api.toingg.documents import takes
from ghanti.api.toingg.first.models import smsData
from ghanti.direct import service as direct
from ghanti.direct.schemas import Person
from ghanti.direct.sids import message_sid

router = APIRouter(route_class=KeyedRoute)

_MESSAGE = {"name": "John Doe", "phoneNumber": "1234567890", "message": "Namaste {name}, thank you."}


@router.post("/send_sms/", openapi_extra=takes(smsData, _MESSAGE))
async def send_sms(
    principal: ApiKeyWriter, session: Transaction, parts: InParts, sent: SentWithKey
) -> Response:
    """Send one person a text message; answers the message's SID.

    `name` and every further field fill the tags of the message.
    """
    order = read(smsData, sent)
    person = Person(order.number, {**order.more, "name": order.name})
    with named({"number": "phoneNumber", "text": "message", "variables": ""}):
        sid = await direct.message(session, principal, person, order.message, parts.settings)
    return answer(message_sid(sid))
