"""Credits that are bought: the page to pay on, and what the payment provider tells."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from ghanti.accounts.errors import InvalidError
from ghanti.accounts.service import Principal
from ghanti.api.body import limited
from ghanti.api.context import InParts, base_url
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.responses import answer
from ghanti.api.toingg.authentication import principal_of
from ghanti.api.toingg.bodies import Sent, read
from ghanti.api.toingg.documents import takes
from ghanti.api.toingg.first.models import APIKey

router = APIRouter(route_class=KeyedRoute)

_EVENT_MEGABYTES = 1
"""Several times as large as any event of a payment."""


async def _payer(request: Request, sent: Sent) -> Principal:
    """Who asks by the key in the body, as this endpoint alone has it."""
    principal = await principal_of(request, read(APIKey, sent).apikey)
    principal.require_write()
    return principal


@router.post("/create-checkout-session", openapi_extra=takes(APIKey, {"apikey": "your_api_key_here"}))
async def create_checkout_session(
    request: Request, principal: Annotated[Principal, Depends(_payer)], sent: Sent, parts: InParts
) -> Response:
    package = read(APIKey, sent).more.get("package") or None
    if package is not None and not isinstance(package, str):
        raise InvalidError.of("package", "Enter the name of a package.")
    made = await parts.payments.checkout(principal, package, base_url(request))
    return answer({"id": made.session, "sessionId": made.session, "url": made.url})


@router.post("/webhook")
async def stripe_webhook(request: Request, parts: InParts) -> Response:
    body = b"".join([chunk async for chunk in limited(request, _EVENT_MEGABYTES)])
    await parts.payments.handle_event(body, request.headers)
    return answer({"received": True})
