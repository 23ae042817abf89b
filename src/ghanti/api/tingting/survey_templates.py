"""Survey templates: a voice and steps under a name, from which campaigns get theirs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, BackgroundTasks, Request, Response

from ghanti.accounts.errors import InvalidError
from ghanti.accounts.service import Principal
from ghanti.api.body import Body, parse_json
from ghanti.api.context import InParts, Parts, Reader, Transaction, Writer
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.pagination import numbered_envelope, numbered_window_of
from ghanti.api.responses import answer
from ghanti.api.tingting import links, survey_audio, survey_fields, survey_shapes
from ghanti.api.tingting.examples import accepts, answers, queries
from ghanti.api.tingting.fields import WrongValueError, campaign_fields, integer
from ghanti.api.tingting.survey_examples import (
    APPLIED,
    PARTLY_APPLIED,
    TEMPLATE,
    TEMPLATE_BODY,
    TEMPLATE_PAGE,
)
from ghanti.api.tingting.surveys import StepsSent
from ghanti.database.session import transaction
from ghanti.surveys import templates
from ghanti.surveys.schemas import StepDraft, TemplateFields

router = APIRouter(tags=["Survey templates"], route_class=KeyedRoute)


@router.get(
    "/survey-templates/",
    summary="List survey templates",
    responses=answers(TEMPLATE_PAGE),
    openapi_extra=queries(
        search="Part of the name, or of what a step says or is called, in any case",
        page="Which page: 1 by default",
        page_size="Templates a page: 10 by default, at most 100",
    ),
)
async def list_templates(request: Request, principal: Reader, session: Transaction) -> Response:
    """The newest first. The page has no `total_pages`."""
    window = numbered_window_of(request)
    search = request.query_params.get("search", "").strip()
    if "\0" in search:
        raise InvalidError("NUL characters cannot be searched for.")
    total, page = await templates.page(
        session, principal.account_id, search or None, window.limit, window.offset
    )
    link = partial(links.media_url, request)
    rows = [survey_shapes.template(view, link) for view in page]
    return answer(numbered_envelope(request, window, total, rows))


@router.post(
    "/survey-templates/",
    summary="Create a survey template",
    responses=answers(TEMPLATE, 201),
    openapi_extra=accepts(TEMPLATE_BODY, ["name", "voice", "content"]),
)
async def create_template(
    request: Request, principal: Writer, sent: StepsSent, session: Transaction, parts: InParts
) -> Response:
    """In a multipart form `voice` and `content` are JSON, and `step_<order>_audio_file` is a step's audio."""
    fields, written = _fields(principal, sent)
    async with _kept(parts, principal, sent, written or [], {}) as drafts:
        if written is not None:
            fields["content"] = drafts
        view = await templates.create(session, principal, fields)
    return answer(survey_shapes.template(view, partial(links.media_url, request)), 201)


@router.get("/survey-templates/{template_id:row}/", summary="A survey template", responses=answers(TEMPLATE))
async def get_template(
    request: Request, template_id: int, principal: Reader, session: Transaction
) -> Response:
    view = await templates.found(session, principal.account_id, template_id)
    return answer(survey_shapes.template(view, partial(links.media_url, request)))


@router.api_route("/survey-templates/{template_id:row}/", methods=["PUT", "POST"], include_in_schema=False)
@router.patch(
    "/survey-templates/{template_id:row}/",
    summary="Change a survey template",
    responses=answers(TEMPLATE),
    openapi_extra=accepts({"name": "Water supply, ward 7"}),
)
async def update_template(
    request: Request,
    template_id: int,
    principal: Writer,
    sent: StepsSent,
    session: Transaction,
    parts: InParts,
    afterwards: BackgroundTasks,
) -> Response:
    """Changes the fields that are sent; `content` replaces all steps."""
    async with transaction(parts.sessions) as looking:
        present = templates.sounds_of(
            (await templates.found(looking, principal.account_id, template_id)).template
        )
    fields, written = _fields(principal, sent)
    # A template's steps have no ids: what a step has of its present audio, it says by our link to it.
    keys = {-index: key for index, key in enumerate(present)}
    async with _kept(parts, principal, sent, written or [], keys) as drafts:
        if written is not None:
            fields["content"] = drafts
        change = await templates.update(session, principal, template_id, fields)
    for key in change.dropped:
        afterwards.add_task(parts.store.delete, key)
    return answer(survey_shapes.template(change.view, partial(links.media_url, request)))


@router.delete(
    "/survey-templates/{template_id:row}/",
    summary="Delete a survey template",
    status_code=204,
    responses={204: {"description": "It is gone; surveys that were made from it stay"}},
)
async def delete_template(
    template_id: int,
    principal: Writer,
    session: Transaction,
    parts: InParts,
    afterwards: BackgroundTasks,
) -> Response:
    for key in await templates.delete(session, principal, template_id):
        afterwards.add_task(parts.store.delete, key)
    return Response(status_code=204)


@router.post(
    "/survey-templates/{template_id:row}/apply-to-campaign/",
    summary="Make a campaign's steps from a template",
    responses={**answers(APPLIED, 201), **answers(PARTLY_APPLIED, 207)},
    openapi_extra=accepts({"campaign_id": 42}, ["campaign_id"]),
)
async def apply_template(
    request: Request,
    template_id: int,
    principal: Writer,
    sent: StepsSent,
    session: Transaction,
    parts: InParts,
    afterwards: BackgroundTasks,
) -> Response:
    """Gives the campaign the template's voice and length factor, and its steps in place of the campaign's.

    207 says which steps could not be made; the others were.
    """
    made = await templates.apply(
        session, principal, template_id, _campaign_id(sent), parts.settings, parts.store.exists
    )
    for key in made.dropped:
        afterwards.add_task(parts.store.delete, key)
    if made.errors:
        return answer(survey_shapes.partly_applied(made), 207)
    return answer(survey_shapes.applied(made, partial(links.media_url, request)), 201)


def _fields(principal: Principal, sent: Body) -> tuple[TemplateFields, list[StepDraft] | None]:
    """The fields that a body names but ``content``, and the steps that it brings, if any."""
    values: dict[str, Any] = {
        name: sent.values[name] for name in ("name", "voice", "length_factor") if name in sent.values
    }
    voice = values.get("voice")
    if isinstance(voice, str) and voice.lstrip().startswith("{"):
        try:
            values["voice"] = parse_json(voice)
        except orjson.JSONDecodeError:
            raise InvalidError.of(
                "voice", 'Enter a voice, such as {"voice_internal_name": "np_rija"}.'
            ) from None
    read = campaign_fields(Body(values), principal.time_zone)
    fields: TemplateFields = {}
    if "name" in read:
        fields["name"] = read["name"]
    if read.get("voice") is not None:
        fields["voice"] = read["voice"] or 0
    if "length_factor" in read:
        fields["length_factor"] = read["length_factor"]
    written = survey_fields.steps(sent, "content", ordered=True)
    if written is None and sent.files:
        raise InvalidError.of("content", "Send the steps that the files belong to.")
    return fields, written


def _kept(
    parts: Parts, principal: Principal, sent: Body, written: list[StepDraft], present: Mapping[int, str]
) -> AbstractAsyncContextManager[list[StepDraft]]:
    uploads = survey_fields.files(sent, written, "content")
    return survey_audio.kept(parts, principal, written, uploads, present, "content")


def _campaign_id(sent: Body) -> int | None:
    value = sent.values.get("campaign_id")
    try:
        return None if value is None or value == "" else integer(value)
    except WrongValueError:
        return None
