"""Credits that are bought: the page to pay on, and what the payment provider tells."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from ghanti.accounts.errors import NotOfferedError
from ghanti.accounts.service import Principal
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.toingg.authentication import principal_of
from ghanti.api.toingg.bodies import Sent, read
from ghanti.api.toingg.documents import takes
from ghanti.api.toingg.first.models import APIKey

router = APIRouter(route_class=KeyedRoute)


async def _payer(request: Request, sent: Sent) -> Principal:
    """Who asks by the key in the body, as this endpoint alone has it."""
    principal = await principal_of(request, read(APIKey, sent).apikey)
    principal.require_write()
    return principal


@router.post("/create-checkout-session", openapi_extra=takes(APIKey, {"apikey": "your_api_key_here"}))
async def create_checkout_session(principal: Annotated[Principal, Depends(_payer)], sent: Sent) -> Response:
    raise NotOfferedError("Nothing is for sale here.")


@router.post("/webhook")
async def stripe_webhook(request: Request) -> Response:
    raise NotOfferedError("Nothing is for sale here.")
