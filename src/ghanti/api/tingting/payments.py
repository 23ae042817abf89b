"""credits/packages/, credits/checkout/ and credits/payments/: buying credits."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from ghanti.accounts.errors import InvalidError
from ghanti.api.body import Body
from ghanti.api.context import InParts, Reader, Reading, Sent, Writer, base_url
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.pagination import envelope, window_of
from ghanti.api.responses import answer
from ghanti.api.tingting import shapes
from ghanti.api.tingting.examples import accepts, answers, queries
from ghanti.api.tingting.payments_examples import CHECKOUT, CHECKOUT_BODY, PACKAGES, PAYMENT, PAYMENT_PAGE
from ghanti.payments import packages
from ghanti.payments import service as payments
from ghanti.payments.models import CreditPackage, Payment, PaymentState

router = APIRouter(prefix="/credits", tags=["Credits"], route_class=KeyedRoute)

_BIGGEST_ID = 2**63 - 1


@router.get("/packages/", summary="Packages of credits on sale", responses=answers(PACKAGES))
async def list_packages(_principal: Reader, session: Reading) -> Response:
    """In their order; `amount` is in minor units of `currency`, such as paisa."""
    return answer([_package(row) for row in await packages.on_sale(session)])


@router.post(
    "/checkout/",
    summary="Buy a package",
    responses=answers(CHECKOUT, 201),
    openapi_extra=accepts(CHECKOUT_BODY),
)
async def checkout(request: Request, principal: Writer, sent: Sent, parts: InParts) -> Response:
    """Answers with the `url` of the page to pay on; the credits come once the money has.

    Without `package` it is the first one. With `payment` in its place it goes on with one that was ordered
    before, such as when this was answered 502. Without a payment provider it is 501.
    """
    payment_id = _payment_id(sent)
    if payment_id is not None:
        made = await parts.payments.go_on(principal, payment_id, base_url(request))
    else:
        made = await parts.payments.checkout(principal, _slug(sent), base_url(request))
    return answer(
        {
            "id": made.id,
            "sessionId": made.session,
            "url": made.url,
            "expires_at": _moment(made.expires_at, principal.time_zone),
        },
        201,
    )


@router.get(
    "/payments/",
    summary="Payments of the account",
    responses=answers(PAYMENT_PAGE),
    openapi_extra=queries(
        limit="Payments a page: 10 by default, at most 100", offset="Payments to skip, the newest first"
    ),
)
async def list_payments(request: Request, principal: Reader, session: Reading) -> Response:
    """The newest first."""
    window = window_of(request)
    total, page = await payments.page(session, principal.account_id, window.limit, window.offset)
    return answer(envelope(request, window, total, [_payment(row, principal.time_zone) for row in page]))


@router.get("/payments/{payment_id:row}/", summary="One payment", responses=answers(PAYMENT))
async def one_payment(principal: Reader, payment_id: int, session: Reading) -> Response:
    """`phone_credits` and `sms_credits` are what was ordered, `credited` what the account has of them now."""
    found = await payments.one(session, principal.account_id, payment_id)
    return answer(_payment(found, principal.time_zone))


def _slug(sent: Body) -> str | None:
    value = sent.values.get("package")
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise InvalidError.of("package", "Enter the name of a package.")
    return value


def _payment_id(sent: Body) -> int | None:
    value = sent.values.get("payment")
    if value is None or value == "":
        return None
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and int(text) <= _BIGGEST_ID):
        raise InvalidError.of("payment", "Enter the id of a payment.")
    return int(text)


def _package(row: CreditPackage) -> dict[str, Any]:
    return {
        "package": row.slug,
        "name": row.name,
        "phone_credits": row.phone,
        "sms_credits": row.sms,
        "amount": row.amount,
        "currency": row.currency,
        "valid_days": row.valid_days,
    }


def _payment(row: Payment, zone: ZoneInfo) -> dict[str, Any]:
    payable = row.state == PaymentState.OPEN
    return {
        "id": row.id,
        "package": row.package,
        "name": row.description,
        "status": row.state,
        "amount": row.amount,
        "currency": row.currency,
        "phone_credits": row.phone,
        "sms_credits": row.sms,
        "credited": {"phone_credits": row.given_phone, "sms_credits": row.given_sms},
        "url": row.url if payable else None,
        "expires_at": _moment(row.expires_at, zone) if payable else None,
        "paid_at": _moment(row.paid_at, zone),
        "created_at": shapes.moment(row.created_at, zone),
        "updated_at": shapes.moment(row.updated_at, zone),
    }


def _moment(value: datetime | None, zone: ZoneInfo) -> str | None:
    return shapes.moment(value, zone) if value is not None else None
