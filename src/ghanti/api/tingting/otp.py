"""auths/send/otp/ and auths/list/send-otps/: one-time passwords by text and by voice."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from ghanti.accounts.models import Role
from ghanti.accounts.service import Principal
from ghanti.api.context import InParts, Reader, Sent, Transaction, Writer
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.pagination import envelope, window_of
from ghanti.api.responses import answer
from ghanti.api.tingting import shapes
from ghanti.api.tingting.examples import accepts, answers, queries
from ghanti.api.tingting.otp_examples import OTP_BODY, OTP_PAGE, SENT_OTP
from ghanti.api.tingting.otp_fields import otp_order
from ghanti.otp import service as otps
from ghanti.otp.models import Way
from ghanti.otp.schemas import Accepted, Listed, OtpOrder

router = APIRouter(tags=["OTP"], route_class=KeyedRoute)


@router.post(
    "/auths/send/otp/",
    summary="Send a one-time password",
    responses=answers(SENT_OTP),
    openapi_extra=accepts(OTP_BODY, ["number", "message", "sms_send_options"]),
)
async def send_otp(principal: Writer, sent: Sent, session: Transaction, parts: InParts) -> Response:
    """Texts the code, or calls and reads it out twice, before all campaigns.

    With `otp_options` `personnel` the code is your own `otp`, else one is made. It is in the answer, for you
    to check. Too many at once are 429 with `Retry-After`.
    """
    order = otp_order(sent, parts.settings.home_country)
    accepted = await otps.send(session, principal, order, parts.settings, parts.box)
    called = order.way is Way.VOICE
    return answer(
        {
            "status": 200,
            "success": True,
            "message": "OTP Call Initiated Successfully." if called else "OTP Sent Successfully.",
            "errors": [],
            "data": {"details": _details(order, accepted)},
        }
    )


@router.get(
    "/auths/list/send-otps/",
    summary="List one-time passwords",
    responses=answers(OTP_PAGE),
    openapi_extra=queries(
        limit="OTPs a page: 10 by default, at most 100", offset="OTPs to skip, the newest first"
    ),
)
async def list_sent_otps(
    request: Request, principal: Reader, session: Transaction, parts: InParts
) -> Response:
    """What was sent and what became of it; codes and texts are blank once erased, and for viewers."""
    window = window_of(request)
    total, page = await otps.page(session, principal.account_id, parts.box, window.limit, window.offset)
    results = {
        "status": 200,
        "success": True,
        "errors": [],
        "data": [_listed(row, principal) for row in page],
    }
    return answer(envelope(request, window, total, []) | {"results": results})


def _details(order: OtpOrder, accepted: Accepted) -> dict[str, Any]:
    spoken = {"voice_input": accepted.voice_name, "length_factor": float(order.length_factor)}
    return {
        "number": order.number.sent,
        "otp_options": order.origin,
        "message": accepted.message,
        "otp": accepted.code,
        "sms_send_options": order.way,
        "credits_used": accepted.credits,
        **shapes.remaining(accepted.remaining),
        "company_name": order.company_name,
        **(spoken if accepted.voice_name is not None else {}),
        "id": accepted.id,
    }


def _listed(row: Listed, principal: Principal) -> dict[str, Any]:
    # Whoever reads a code in time can use it: looking into an account is no reason to.
    shown = principal.role is not Role.VIEWER
    return {
        "id": row.id,
        "phone_number": row.number,
        "message": (row.message or "") if shown else "",
        "otp": (row.code or "") if shown else "",
        "otp_options": row.origin,
        "sms_send_options": row.way,
        "created_at": shapes.moment(row.created_at, principal.time_zone),
        "status": row.status,
        "delivery": row.delivery,
        "credits_used": row.credits,
        "reason": row.reason,
    }
