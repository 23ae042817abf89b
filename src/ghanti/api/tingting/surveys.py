"""Surveys: their steps, running and trying them, and their report."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Depends, Request, Response

from ghanti.accounts.errors import InvalidError
from ghanti.accounts.service import Principal
from ghanti.api.body import Body, read_body
from ghanti.api.context import InParts, Parts, Reader, Transaction, Writer, parts_of
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.responses import answer
from ghanti.api.tingting import demo_calls as demo_answers
from ghanti.api.tingting import links, runs, shapes, survey_audio, survey_fields, survey_shapes
from ghanti.api.tingting.examples import answers, queries
from ghanti.api.tingting.survey_examples import (
    REPLACED_STEPS,
    REPORT,
    STEPS,
    STEPS_BODY,
    SURVEY_BEGAN,
    TEST_BEGAN,
)
from ghanti.campaigns import audience, demo_calls, running, views
from ghanti.campaigns.models import Services
from ghanti.campaigns.schemas import CampaignFields
from ghanti.database.session import transaction
from ghanti.surveys import report
from ghanti.surveys import service as surveys
from ghanti.surveys.schemas import MOST_STEPS, StepDraft, SurveyView, draft_of

router = APIRouter(tags=["Surveys"], route_class=KeyedRoute)


async def _steps_body(request: Request) -> AsyncIterator[Body]:
    megabytes = parts_of(request).settings.upload_megabytes
    async with aclosing(await read_body(request, megabytes, MOST_STEPS)) as body:
        yield body


StepsSent = Annotated[Body, Depends(_steps_body)]


@router.get(
    "/campaign/create/{campaign_id:row}/survey/", summary="A survey's steps", responses=answers(STEPS)
)
async def get_steps(request: Request, campaign_id: int, principal: Reader, session: Transaction) -> Response:
    view = await surveys.survey(session, principal.account_id, campaign_id)
    return answer(survey_shapes.steps(view, partial(links.media_url, request)))


@router.api_route(
    "/campaign/create/{campaign_id:row}/survey/", methods=["PUT", "PATCH"], include_in_schema=False
)
@router.post(
    "/campaign/create/{campaign_id:row}/survey/",
    summary="Replace a survey's steps",
    responses=answers(REPLACED_STEPS),
    openapi_extra=STEPS_BODY,
)
async def set_steps(
    request: Request,
    campaign_id: int,
    principal: Writer,
    sent: StepsSent,
    session: Transaction,
    parts: InParts,
    afterwards: BackgroundTasks,
) -> Response:
    """Replaces all steps by those in `steps`, or gives those there are the audio files that come without.

    Audio comes as files named by the step's index, as `audio_file`, or as a URL in `text_or_url`; what a
    URL holds is fetched now, once. Without steps and files nothing changes.
    """
    link = partial(links.media_url, request)
    async with transaction(parts.sessions) as looking:
        view = await surveys.survey(looking, principal.account_id, campaign_id)
    written = survey_fields.steps(sent)
    if written is None and sent.files:
        written = [draft_of(step) for step in view.steps]
    if written is not None:
        uploads = survey_fields.files(sent, written)
        present = {step.id: step.audio_file for step in view.steps if step.audio_file is not None}
        async with survey_audio.kept(parts, principal, written, uploads, present) as drafts:
            replaced = await surveys.replace_steps(session, principal, campaign_id, drafts, parts.settings)
        view = replaced.view
        for key in replaced.dropped:
            afterwards.add_task(parts.store.delete, key)
    campaign = await views.view(session, await views.found(session, principal.account_id, campaign_id))
    return answer(
        {**survey_shapes.steps(view, link), "campaign": links.campaign(request, principal, campaign)}
    )


@router.post("/run-survey/{campaign_id:row}/", summary="Run a survey", responses=answers(SURVEY_BEGAN))
async def run_survey(
    request: Request, campaign_id: int, principal: Writer, session: Transaction, parts: InParts
) -> Response:
    """As run-campaign, of a SURVEY campaign; one without steps cannot run."""
    await surveys.survey(session, principal.account_id, campaign_id)
    started = await running.run(session, principal, campaign_id, parts.settings)
    campaign = await views.view(session, await views.found(session, principal.account_id, campaign_id))
    return answer(
        {
            "message": runs.began(started, principal.time_zone),
            "data": links.campaign(request, principal, campaign),
            **shapes.remaining(started.balances),
        }
    )


@router.post("/test-survey/{contact_id:row}/", summary="Try a survey", responses=answers(TEST_BEGAN))
async def test_survey(contact_id: int, principal: Writer, session: Transaction, parts: InParts) -> Response:
    """Calls one contact at once with the survey. The report leaves the answers of such calls out."""
    contact = await audience.contact(session, principal, contact_id)
    await surveys.survey(session, principal.account_id, contact.campaign_id)
    ordered = await demo_calls.demo_call(session, principal, contact_id, parts.settings)
    return answer(demo_answers.began(ordered, principal.time_zone, "Survey test call began successfully"))


@router.get(
    "/download/survey/{survey_id:row}/report/",
    summary="Download a survey's report",
    responses=REPORT,
    openapi_extra=queries(format="csv or json; csv by default"),
)
async def download_report(request: Request, survey_id: int, principal: Reader, parts: InParts) -> Response:
    """What each contact answered, by the id of the survey or of its campaign, also while it runs.

    An answer is what was pressed, or a link to a recording, `pending` until it is stored.
    """
    wanted = request.query_params.get("format", "").strip().lower() or "csv"
    link = partial(links.media_url, request)
    asked = (parts.sessions, principal.account_id, survey_id, principal.time_zone, link)
    if wanted == "csv":
        return await parts.downloads.answer(
            report.as_csv(*asked),
            principal.account_id,
            f"survey_{survey_id}_report.csv",
            "text/csv; charset=utf-8",
        )
    if wanted == "json":
        return await parts.downloads.answer(
            report.as_json(*asked, partial(survey_shapes.reported, link=link)),
            principal.account_id,
            f"survey_{survey_id}_report.json",
            "application/json",
        )
    raise InvalidError.of("format", "Enter csv or json.")


@asynccontextmanager
async def steps_of_new(
    parts: Parts, principal: Principal, sent: Body, fields: CampaignFields
) -> AsyncIterator[list[StepDraft]]:
    """The steps that a request to create a campaign brings, if it is to be a survey, with their audio."""
    if fields.get("services") is not Services.SURVEY:
        yield []
        return
    written = survey_fields.steps(sent) or []
    uploads = survey_fields.files(sent, written, others=("audio_file",))
    async with survey_audio.kept(parts, principal, written, uploads, {}) as drafts:
        yield drafts


def detail(view: SurveyView | None, request: Request) -> dict[str, Any]:
    """What a survey adds to its campaign."""
    return {} if view is None else {"survey": survey_shapes.survey(view, partial(links.media_url, request))}
