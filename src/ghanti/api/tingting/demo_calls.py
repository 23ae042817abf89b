"""Demo calls: a campaign's message on one contact's phone, before everybody hears it."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from ghanti.api.context import InParts, Reader, Transaction, Writer
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.responses import answer
from ghanti.api.tingting import shapes
from ghanti.api.tingting.demo_calls_examples import DEMO_CALL_BEGAN, DEMO_CALLS
from ghanti.api.tingting.examples import answers
from ghanti.campaigns import demo_calls, statuses
from ghanti.campaigns.demo_calls import DemoCall
from ghanti.dialing.models import Outcome, TargetState

router = APIRouter(tags=["Campaign"], route_class=KeyedRoute)


@router.post("/demo-call/{contact_id:row}/", summary="Call a contact now", responses=answers(DEMO_CALL_BEGAN))
async def demo_call(contact_id: int, principal: Writer, session: Transaction, parts: InParts) -> Response:
    """Says the campaign's own message, with its voice and this contact's variables, to this contact.

    It is charged as any call. The contact's status and the campaign's figures stay as they are. While three
    demo calls of the account are under way one more is 429 with `Retry-After`.
    """
    ordered = await demo_calls.demo_call(session, principal, contact_id, parts.settings)
    return answer(began(ordered, principal.time_zone))


@router.get("/demo-call/{contact_id:row}/", summary="A contact's demo calls", responses=answers(DEMO_CALLS))
async def list_demo_calls(contact_id: int, principal: Reader, session: Transaction) -> Response:
    """What became of the latest 100, the newest first."""
    rows = await demo_calls.listed(session, principal, contact_id)
    return answer({"results": [_listed(row, principal.time_zone) for row in rows]})


def began(ordered: DemoCall, zone: ZoneInfo, message: str = "Demo call began successfully") -> dict[str, Any]:
    """The answer to a demo call's order."""
    return {
        "message": message,
        "data": _listed(ordered.row, zone),
        **shapes.remaining(ordered.balances),
    }


def _listed(row: Any, zone: ZoneInfo) -> dict[str, Any]:
    """A demo call from a row of ``campaigns.repository.demo_calls``."""
    moments = {"started_at": row.sent_at, "ended_at": row.ended_at}
    return {
        "id": row.id,
        "contact_id": row.contact_id,
        "campaign_id": row.campaign_id,
        "number": row.number,
        "created_at": shapes.moment(row.created_at, zone),
        "status": _status(row),
        "call_duration": f"{-(-(row.duration_ms or 0) // 1000)}s",
        "playback": _playback(row),
        "credit_consumed": row.credits,
        "reason": row.reason or "",
        **{name: shapes.moment(value, zone) if value else None for name, value in moments.items()},
    }


def _status(row: Any) -> str:
    if row.state == TargetState.FINAL:
        return statuses.FINAL[Outcome(row.outcome)]
    if row.state == TargetState.ACTIVE:
        return statuses.IN_FLIGHT[row.attempt_state]
    return statuses.NOT_STARTED


def _playback(row: Any) -> str:
    """Percent of the message heard; empty before any answer."""
    if row.answered_at is None:
        return ""
    if row.outcome == Outcome.COMPLETED:
        return "100"
    return str(min(100, 100 * row.played_ms // row.total_ms) if row.total_ms else 0)
