"""Running and stopping campaigns, and their reports."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from ghanti.api.context import InParts, Reader, Transaction, Writer
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.responses import answer
from ghanti.api.tingting import links, shapes
from ghanti.api.tingting.examples import BEGAN, CSV_REPORT, STOPPED, answers
from ghanti.campaigns import running
from ghanti.campaigns.schedule import bikram_sambat
from ghanti.campaigns.schemas import Started
from ghanti.reports import service as reports

router = APIRouter(tags=["Campaign"], route_class=KeyedRoute)


@router.post("/run-campaign/{campaign_id:row}/", summary="Run a campaign", responses=answers(BEGAN))
async def run_campaign(campaign_id: int, principal: Writer, session: Transaction, parts: InParts) -> Response:
    """Starts it at its schedule, or at once without one. The date in the answer is Bikram Sambat."""
    started = await running.run(session, principal, campaign_id, parts.settings)
    return answer({"message": began(started, principal.time_zone), **shapes.remaining(started.balances)})


def began(started: Started, zone: ZoneInfo) -> str:
    """What is said of a campaign that was started, or will start."""
    if started.starts_at is None:
        return "Campaign Began Successfully!!"
    return f"Campaign Scheduled successfully for {bikram_sambat(started.starts_at, zone)}"


@router.post(
    "/campaign/emergency-stop/{campaign_id:row}/", summary="Stop a campaign now", responses=answers(STOPPED)
)
async def emergency_stop(
    request: Request, campaign_id: int, principal: Writer, session: Transaction
) -> Response:
    """Nothing more is dialled, calls in flight are hung up, the campaign is Terminated."""
    stopped = await running.stop(session, principal, campaign_id)
    return answer(
        {
            "message": "Campaign stopped successfully",
            "data": links.campaign(request, principal, stopped.view),
            **shapes.remaining(stopped.balances),
        }
    )


@router.api_route("/download/report/{campaign_id:row}/", methods=["POST"], include_in_schema=False)
@router.get(
    "/download/report/{campaign_id:row}/",
    summary="Download the report",
    responses=CSV_REPORT,
)
@router.get(
    "/download/{campaign_id:row}/report/",
    summary="Download the report (second path)",
    responses=CSV_REPORT,
)
async def download_report(campaign_id: int, principal: Reader, parts: InParts) -> Response:
    """A CSV line a contact, also while the campaign runs: its number, its variables, what became of it."""
    lines = reports.campaign_csv(parts.sessions, principal.account_id, campaign_id, principal.time_zone)
    return await parts.downloads.answer(
        lines, principal.account_id, f"campaign_{campaign_id}_report.csv", "text/csv; charset=utf-8"
    )
