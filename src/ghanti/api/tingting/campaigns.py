"""campaign/: creating, listing, reading, changing and deleting campaigns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from fastapi import APIRouter, BackgroundTasks, Request, Response

from ghanti.accounts.errors import InvalidError
from ghanti.accounts.service import Principal
from ghanti.api.context import InParts, Parts, Reader, Reading, Transaction, Upload, Writer
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.pagination import envelope, window_of
from ghanti.api.responses import answer
from ghanti.api.tingting import audio, links, shapes, surveys
from ghanti.api.tingting.examples import (
    CAMPAIGN,
    CAMPAIGN_BODY,
    CAMPAIGN_PAGE,
    CREATED_CAMPAIGN,
    DELETED_CAMPAIGN,
    MESSAGE_STEP,
    accepts,
    answers,
    queries,
)
from ghanti.api.tingting.fields import WrongValueError, boolean, campaign_fields, campaign_status, integer
from ghanti.campaigns import service as campaigns
from ghanti.campaigns import views
from ghanti.campaigns.schemas import CampaignFilter, CampaignView
from ghanti.surveys import service as survey_rules

T = TypeVar("T")

router = APIRouter(tags=["Campaign"], route_class=KeyedRoute)

_MESSAGE_FIELDS = frozenset({"voice", "category", "length_factor", "draft", "message", "sms_message"})

_LATEST = 32_503_680_000
"""The year 3000, in Unix time."""


@router.get(
    "/campaign/",
    summary="List campaigns",
    responses=answers(CAMPAIGN_PAGE),
    openapi_extra=queries(
        limit="Campaigns a page: 10 by default, at most 100",
        offset="Campaigns to skip",
        status="Not Started, Scheduled, Running, Completed or Terminated",
        search="Part of the name, in any case",
        draft="true for drafts only, false for the others only",
        sort_by="asc or des, by updated_at; des by default",
        from_date="Unix time: updated at or after it",
        to_date="Unix time: updated on or before its day",
    ),
)
async def list_campaigns(request: Request, principal: Reader, parts: InParts) -> Response:
    window = window_of(request)
    wanted = _filter(request, principal)
    total, page = await views.page(parts.lookups, principal.account_id, wanted, window.limit, window.offset)
    rows = [links.campaign(request, principal, view, voice_object=True) for view in page]
    return answer(envelope(request, window, total, rows))


@router.post(
    "/campaign/create/",
    summary="Create a campaign",
    responses=answers(CREATED_CAMPAIGN, 201),
    openapi_extra=accepts(CAMPAIGN_BODY, ["name", "services", "user_phone", "message"], audio.FILES),
)
async def create_campaign(
    request: Request, principal: Writer, sent: surveys.StepsSent, session: Transaction, parts: InParts
) -> Response:
    """A SURVEY campaign may bring its `steps`, as those of campaign/create/{id}/survey/."""
    fields = campaign_fields(sent, principal.time_zone)
    async with (
        audio.taken(parts, principal, sent, fields),
        surveys.steps_of_new(parts, principal, sent, fields) as drafts,
    ):
        view = await campaigns.create(session, principal, fields)
        if drafts:
            await survey_rules.replace_steps(session, principal, view.campaign.id, drafts, parts.settings)
    unset = "category" not in fields
    survey = await survey_rules.survey_if_any(session, view.campaign)
    created = links.campaign(request, principal, view, category_unset=unset)
    return answer({**created, **surveys.detail(survey, request)}, 201)


@router.api_route(
    "/campaign/create/{campaign_id:row}/message/", methods=["PUT", "POST"], include_in_schema=False
)
@router.patch(
    "/campaign/create/{campaign_id:row}/message/",
    summary="Set voice and category",
    responses=answers(MESSAGE_STEP),
    openapi_extra=accepts({"voice": 3, "category": "Text"}, ["voice", "category"], audio.FILES),
)
async def set_message(
    request: Request,
    campaign_id: int,
    principal: Writer,
    sent: Upload,
    session: Transaction,
    parts: InParts,
    afterwards: BackgroundTasks,
) -> Response:
    """Sets what the calls say: a text and its voice, or with category `Audio` the file in `audio_file`."""
    fields = campaign_fields(sent, principal.time_zone)
    for name in fields.keys() - _MESSAGE_FIELDS:
        del fields[name]  # type: ignore[misc]
    async with audio.taken(parts, principal, sent, fields, campaign_id):
        view = await campaigns.set_message(session, principal, campaign_id, fields, parts.settings)
    _discard(parts, view, afterwards)
    return answer(shapes.message_step(view.campaign, links.media_url(request, view.campaign.audio_file)))


@router.get("/campaign/{campaign_id:row}/", summary="A campaign", responses=answers(CAMPAIGN))
async def get_campaign(request: Request, campaign_id: int, principal: Reader, session: Reading) -> Response:
    campaign = await views.found(session, principal.account_id, campaign_id)
    shown = links.campaign(request, principal, await views.view(session, campaign))
    survey = await survey_rules.survey_if_any(session, campaign)
    return answer({**shown, **surveys.detail(survey, request)})


@router.api_route("/campaign/{campaign_id:row}/", methods=["PUT", "POST"], include_in_schema=False)
@router.patch(
    "/campaign/{campaign_id:row}/",
    summary="Update a campaign",
    responses=answers(CAMPAIGN),
    openapi_extra=accepts(
        {"name": "updated name", "services": "SMS & PHONE", "schedule": "2025-07-09"}, files=audio.FILES
    ),
)
async def update_campaign(
    request: Request,
    campaign_id: int,
    principal: Writer,
    sent: Upload,
    session: Transaction,
    parts: InParts,
    afterwards: BackgroundTasks,
) -> Response:
    """Changes the fields that are sent; while it runs only name, description and credit_limit may change."""
    fields = campaign_fields(sent, principal.time_zone)
    async with audio.taken(parts, principal, sent, fields, campaign_id):
        view = await campaigns.update(session, principal, campaign_id, fields, parts.settings)
    _discard(parts, view, afterwards)
    return answer(links.campaign(request, principal, view))


@router.delete(
    "/campaign/{campaign_id:row}/", summary="Delete a campaign", responses=answers(DELETED_CAMPAIGN)
)
async def delete_campaign(
    campaign_id: int,
    principal: Writer,
    session: Transaction,
    parts: InParts,
    afterwards: BackgroundTasks,
) -> Response:
    """Removes the campaign with its contacts; one that runs is stopped first."""
    for key in await campaigns.delete(session, principal, campaign_id):
        afterwards.add_task(parts.store.delete, key)
    return answer({"message": "Campaign deleted successfully", "data": {"id": campaign_id}})


def _discard(parts: Parts, view: CampaignView, afterwards: BackgroundTasks) -> None:
    """Delete what the campaign no longer needs, after the commit."""
    for key in view.disused:
        afterwards.add_task(parts.store.delete, key)


def _filter(request: Request, principal: Principal) -> CampaignFilter:
    query = {name: value.strip() for name, value in request.query_params.items() if value.strip()}
    if any("\0" in value for value in query.values()):
        raise InvalidError("NUL characters cannot be searched for.")
    errors: dict[str, list[str]] = {}

    def read(name: str, reader: Callable[[str], T]) -> T | None:
        if name not in query:
            return None
        try:
            return reader(query[name])
        except WrongValueError as error:
            errors[name] = [str(error)]
            return None

    def day_after(value: str) -> datetime:
        local = _moment(value).astimezone(principal.time_zone)
        return local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)

    wanted = CampaignFilter(
        status=read("status", campaign_status),
        search=query.get("search"),
        draft=read("draft", boolean),
        oldest_first=read("sort_by", _oldest_first) or False,
        updated_from=read("from_date", _moment),
        updated_before=read("to_date", day_after),
    )
    if errors:
        raise InvalidError.of_fields(errors)
    return wanted


def _oldest_first(value: str) -> bool:
    if value not in ("asc", "des", "desc"):
        raise WrongValueError("Enter asc or des.")
    return value == "asc"


def _moment(value: str) -> datetime:
    seconds = integer(value)
    if not 0 <= seconds <= _LATEST:
        raise WrongValueError("Enter a Unix time in seconds.")
    return datetime.fromtimestamp(seconds, UTC)
