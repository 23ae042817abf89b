"""The end of a call before it ends by itself."""

from __future__ import annotations

from fastapi import APIRouter, Response

from ghanti.api.context import Transaction
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.responses import answer
from ghanti.api.toingg.authentication import ApiKeyWriter
from ghanti.api.toingg.sids import call_of
from ghanti.direct import service as direct
from ghanti.direct.sids import call_sid
from ghanti.toingg.statuses import status_of

router = APIRouter(route_class=KeyedRoute)


@router.post("/hang_up_call/")
async def hang_up_call(
    callSid: str,  # noqa: N803 - its name on the wire
    principal: ApiKeyWriter,
    session: Transaction,
) -> Response:
    """End one call: a phone that rings or was answered within a second, one that waits never rings.

    A call that has ended stays as it is. Answers the call's status before it was hung up.
    """
    call = await call_of(session, principal.account_id, callSid)
    await direct.hang_up(session, principal.account_id, call.sid)
    return answer({"callSid": call_sid(call.sid), "status": status_of(call)})
