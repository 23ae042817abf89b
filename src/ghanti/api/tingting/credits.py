"""credits/: balances, the statement, events, and when a balance is low."""

from __future__ import annotations

from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from ghanti.accounts.errors import InvalidError
from ghanti.api.context import InParts, Reader, Reading, Sent, Transaction, Writer
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.pagination import envelope, window_of
from ghanti.api.responses import answer
from ghanti.api.tingting import shapes
from ghanti.api.tingting.credits_examples import ALERTS, ALERTS_BODY, BALANCE, EVENTS, STATEMENTS
from ghanti.api.tingting.examples import accepts, answers, queries
from ghanti.api.tingting.fields import WrongValueError, integer
from ghanti.credits import alerts, statement
from ghanti.credits.models import CreditEvent, Currency
from ghanti.credits.schemas import Balances
from ghanti.credits.statement import Overview, Period

router = APIRouter(prefix="/credits", tags=["Credits"], route_class=KeyedRoute)

_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9998
_HIGHEST_THRESHOLD: Final = 2**53 - 1


@router.get("/balance/", summary="Balances", responses=answers(BALANCE))
async def get_balance(principal: Reader, session: Reading) -> Response:
    """What may be spent of each currency, what calls under way hold, what is owed, what expires first.

    `days_left` is how long the balance lasts at the pace of the last seven days. `alert` is what was last
    said of it: `low`, `empty`, or nothing since credits were bought.
    """
    told = await statement.overview(session, principal.account_id)
    balances = Balances(**{currency: view.standing.balance for currency, view in told.items()})
    return answer(
        shapes.remaining(balances)
        | {currency: _currency(view, principal.time_zone) for currency, view in told.items()}
    )


@router.get(
    "/statement/",
    summary="The statement",
    responses=STATEMENTS,
    openapi_extra=queries(
        **{"from": "First day, such as 2026-11-01, in the account's zone", "to": "Last day"},
        format="csv or json; csv by default",
        limit="Entries a page of JSON: 10 by default, at most 100",
        offset="Entries of JSON to skip, the newest first",
    ),
)
async def get_statement(request: Request, principal: Reader, session: Reading, parts: InParts) -> Response:
    """Every entry of the ledger with the balance after it: all of a period as CSV, the oldest first.

    With `format=json` in pages, the newest first.
    """
    period = _period(request)
    wanted = request.query_params.get("format", "").strip().lower() or "csv"
    if wanted == "csv":
        lines = statement.as_csv(parts.sessions, principal.account_id, period, principal.time_zone)
        return await parts.downloads.answer(
            lines, principal.account_id, "credits.csv", "text/csv; charset=utf-8"
        )
    if wanted != "json":
        raise InvalidError.of("format", "Enter csv or json.")
    window = window_of(request)
    zone = principal.time_zone
    total, rows = await statement.page(
        session, principal.account_id, period, zone, window.limit, window.offset
    )
    told = await statement.overview(session, principal.account_id)
    owed = {currency: view.standing.owed for currency, view in told.items()}
    return answer(envelope(request, window, total, [_entry(row, zone) for row in rows], {"owed": owed}))


@router.get(
    "/events/",
    summary="Low, empty and restored balances",
    responses=answers(EVENTS),
    openapi_extra=queries(
        limit="Events a page: 10 by default, at most 100", offset="Events to skip, the newest first"
    ),
)
async def get_events(request: Request, principal: Reader, session: Reading) -> Response:
    """`low` and `empty` are said once until credits come in from outside; then `restored`.

    `empty` is said too when there is too little for a plan to go on: `plan` says which.
    """
    window = window_of(request)
    total, rows = await statement.events(session, principal.account_id, window.limit, window.offset)
    return answer(envelope(request, window, total, [_event(row, principal.time_zone) for row in rows]))


@router.patch(
    "/alerts/",
    summary="Set when a balance is low",
    responses=answers(ALERTS),
    openapi_extra=accepts(ALERTS_BODY),
)
async def set_alerts(principal: Writer, sent: Sent, session: Transaction) -> Response:
    """The balance at which each currency is low: a number of credits, 0 for never, null for the default.

    The default is a part of what there was after the last purchase.
    """
    wanted = {
        currency: _low(currency, sent.values[currency]) for currency in Currency if currency in sent.values
    }
    for currency, low in wanted.items():
        await alerts.set_low(session, principal.account_id, currency, low)
    told = await statement.overview(session, principal.account_id)
    return answer(
        {
            currency: {"low_threshold": view.low, "own": view.standing.low is not None}
            for currency, view in told.items()
        }
    )


def _low(currency: Currency, value: Any) -> int | None:
    if value is None or value == "":
        return None
    try:
        low = integer(value)
    except WrongValueError as error:
        raise InvalidError.of(currency, str(error)) from None
    if not 0 <= low <= _HIGHEST_THRESHOLD:
        raise InvalidError.of(currency, f"Enter a number of credits from 0 to {_HIGHEST_THRESHOLD}.")
    return low


def _period(request: Request) -> Period:
    first, last = _day(request, "from"), _day(request, "to")
    if first and last and last < first:
        raise InvalidError.of("to", "The last day is before the first.")
    return Period(first, last)


def _day(request: Request, name: str) -> date | None:
    raw = request.query_params.get(name, "").strip()
    if not raw:
        return None
    try:
        day = date.fromisoformat(raw)
    except ValueError:
        day = None
    if day is None or not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise InvalidError.of(name, "Enter a day like 2026-11-23.")
    return day


def _currency(view: Overview, zone: ZoneInfo) -> dict[str, Any]:
    credits, at = view.expiring or (0, None)
    return {
        "balance": view.standing.balance,
        "held": view.standing.held,
        "owed": view.standing.owed,
        "expiring": {"credits": credits, "at": shapes.moment(at, zone)} if at else None,
        "low_threshold": view.low,
        "alert": view.standing.alert or None,
        "days_left": view.days_left,
    }


def _entry(row: Any, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": row.id,
        "time": shapes.moment(row.created_at, zone),
        "kind": row.kind,
        "currency": row.currency,
        "amount": row.amount,
        "balance_after": row.balance,
        "cause": row.cause,
        "reference": row.reference,
    }


def _event(row: CreditEvent, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": row.id,
        "event": row.kind,
        "currency": row.currency,
        "balance": row.balance,
        "low_threshold": row.threshold,
        "plan": row.plan_id,
        "time": shapes.moment(row.created_at, zone),
    }
