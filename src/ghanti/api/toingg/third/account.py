"""The account: its credits, and keys of either face; and what this installation has not."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Response

from ghanti.accounts import service as accounts
from ghanti.accounts.errors import NotOfferedError
from ghanti.accounts.tokens import Face
from ghanti.api.context import InParts, Reading, Transaction
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.toingg.authentication import TokenReader, TokenWriter
from ghanti.api.toingg.bodies import Sent, read
from ghanti.api.toingg.documents import takes
from ghanti.api.toingg.third.envelopes import enveloped
from ghanti.api.toingg.third.models import NewKey
from ghanti.credits import service as credits
from ghanti.database.session import after_commit

router = APIRouter(route_class=KeyedRoute)


@router.get("/get_balance")
async def get_balance(principal: TokenReader, session: Reading) -> Response:
    """The credits that are left: `phoneCredits` for calls, `smsCredits` for messages."""
    left = await credits.balances(session, principal.account_id)
    return enveloped("Balance fetched.", {"phoneCredits": left.phone, "smsCredits": left.sms})


@router.post("/generate_api_key", openapi_extra=takes(NewKey, {"face": "toingg"}))
async def generate_api_key(
    principal: TokenReader, session: Transaction, parts: InParts, sent: Sent
) -> Response:
    """A new key of a face (`toingg` or `tingting`) in place of the user's former one of that face."""
    face = Face(read(NewKey, sent).face)
    key = await accounts.generate_api_token(session, principal, face)
    after_commit(session, partial(parts.authenticator.forget, principal.user_id))
    return enveloped("API key generated.", {"apiKey": key, "face": face})


@router.post("/send_whatsapp_templates")
async def send_whatsapp_templates(principal: TokenWriter) -> Response:
    """Not offered: answered 501."""
    raise NotOfferedError("WhatsApp is no channel of this installation; it places calls and sends SMS.")
