"""The envelope of every good answer, and what campaigns and calls look like in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fastapi import Response

from ghanti.api.responses import answer
from ghanti.direct.schemas import DirectCall
from ghanti.direct.sids import call_sid
from ghanti.toingg import objectids, statuses
from ghanti.toingg.schemas import Figures, Shown


def enveloped(message: str, result: Any) -> Response:
    """``{"status": true, "message": …, "result": …}``."""
    return answer({"status": True, "message": message, "result": result})


def moment(value: datetime | None) -> str | None:
    """``2024-07-02T13:14:22+00:00``."""
    return None if value is None else value.astimezone(UTC).isoformat(timespec="seconds")


def campaign_key(shown: Shown) -> str:
    row = shown.view.campaign
    return objectids.object_id(row.id, row.created_at)


def campaign(shown: Shown) -> dict[str, Any]:
    """A campaign: what the client sent, and then what is so."""
    row = shown.view.campaign
    return {
        **shown.fields,
        "campID": campaign_key(shown),
        "name": row.name,
        "status": row.status,
        "draft": row.draft,
        "createdAt": moment(row.created_at),
        "updatedAt": moment(row.updated_at),
        "contactCount": shown.view.contacts,
        **figures(shown.figures),
    }


def figures(of: Figures) -> dict[str, Any]:
    """Calls by what became of them; money is credits."""
    by_status: Counter[str] = Counter()
    for outcome, calls in of.ended.items():
        by_status[statuses.ENDED[outcome]] += calls
    return {
        "callCount": of.ordered,
        "calls": dict(by_status),
        "totalNumCall": of.over,
        "totalSpent": of.credits,
        "averageCallCost": round(of.credits / of.over, 3) if of.over else 0,
    }


def call(told: DirectCall) -> dict[str, Any]:
    """A call; ``duration`` is whole seconds from the answer to the end, begun ones counted, as text."""
    started = moment(told.answered_at or told.sent_at)
    ended = moment(told.ended_at)
    error = statuses.error_of(told)
    return {
        "status": statuses.status_of(told),
        "start_time": started,
        "end_time": ended,
        "duration": str(-(-told.duration_ms // 1000)),
        "startTime": started,
        "endTime": ended,
        **({} if error is None else {"error": error}),
        "callId": call_sid(told.sid),
        "phoneNumber": told.number,
        "credits": told.credits,
    }


def added_up(every: Mapping[int, Figures]) -> Figures:
    """The sum of several campaigns' figures."""
    ended: Counter[Any] = Counter()
    for each in every.values():
        ended.update(each.ended)
    return Figures(
        sum(each.ordered for each in every.values()), ended, sum(each.credits for each in every.values())
    )
