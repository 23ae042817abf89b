"""dashboard/: what the account did of late, in figures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from ghanti.accounts.errors import InvalidError
from ghanti.api.context import Reader, Transaction
from ghanti.api.responses import answer
from ghanti.api.tingting import shapes
from ghanti.api.tingting.dashboard_examples import DASHBOARD
from ghanti.api.tingting.examples import answers, queries
from ghanti.api.tingting.fields import WrongValueError, integer
from ghanti.reports.dashboard import BestCampaign, Dashboard, dashboard

router = APIRouter(tags=["Dashboard"])

_DEFAULT_DAYS, _MOST_DAYS = 30, 366


@router.get(
    "/dashboard/",
    summary="Figures of the last days",
    responses=answers(DASHBOARD),
    openapi_extra=queries(days="Days, today among them: 30 by default, 1 to 366"),
)
async def get_dashboard(request: Request, principal: Reader, session: Transaction) -> Response:
    """All of the account's own, in its time zone; `remaining_credits` is what is left now."""
    days = _days(request)
    return answer(_shape(await dashboard(session, principal.account_id, principal.time_zone, days), days))


def _days(request: Request) -> int:
    raw = request.query_params.get("days", "").strip()
    try:
        days = integer(raw) if raw else _DEFAULT_DAYS
    except WrongValueError as error:
        raise InvalidError.of("days", str(error)) from None
    if not 1 <= days <= _MOST_DAYS:
        raise InvalidError.of("days", f"Enter a number of days from 1 to {_MOST_DAYS}.")
    return days


def _shape(figures: Dashboard, days: int) -> dict[str, Any]:
    return {
        "total_credits_purchased": figures.purchased,
        "credits_used": figures.used,
        "remaining_credits": figures.remaining.phone + figures.remaining.sms,
        "campaigns": figures.campaigns,
        "outbound_calls": figures.calls,
        "outbound_sms": figures.texts,
        "total_call_duration": _clock(figures.duration),
        "total_owned_numbers": figures.numbers,
        "total_playback": {
            "seconds": figures.playback.seconds,
            "calls": figures.playback.calls,
            "average_percent": figures.playback.percent,
        },
        "credit_spent": figures.credits_a_call,
        "top_performing_campaign": _best(figures.best),
        "playback_distribution": figures.heard,
        "campaign_type_ratio": figures.services,
        "call_outcomes": figures.outcomes,
        "credit_usage_overtime": [
            {"date": day.isoformat(), "phone": phone, "sms": sms} for day, phone, sms in figures.usage
        ],
        "days": days,
        **shapes.remaining(figures.remaining),
    }


def _best(campaign: BestCampaign | None) -> dict[str, Any]:
    if campaign is None:
        return {}
    return {
        "id": campaign.id,
        "name": campaign.name,
        "services": campaign.services,
        "completion_percent": campaign.completion_percent,
        "completed": campaign.completed,
        "total": campaign.ended,
    }


def _clock(duration: timedelta) -> str:
    """HH:MM:SS; more hours than a day has stay hours."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
