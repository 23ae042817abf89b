"""Contacts of a campaign: adding one, many or a file of them, and changing them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from fastapi import APIRouter, BackgroundTasks, Request, Response
from starlette.datastructures import UploadFile

from ghanti.accounts.errors import InvalidError
from ghanti.accounts.service import Principal
from ghanti.api.body import Body, parse_json
from ghanti.api.context import (
    InParts,
    Parts,
    Reader,
    Sent,
    Transaction,
    Upload,
    Writer,
)
from ghanti.api.idempotency import HEADER, KeyedRoute
from ghanti.api.pagination import envelope, window_of
from ghanti.api.responses import answer
from ghanti.api.tingting import shapes
from ghanti.api.tingting.examples import (
    ADDED_CONTACT,
    ADDED_CONTACTS,
    ATTRIBUTES,
    CONTACT_BODY,
    CONTACT_PAGE,
    CONTACT_PROGRESS,
    DELETED_CONTACT,
    IMPORTED,
    SKIPPED_CONTACTS,
    UPLOAD,
    accepts,
    answers,
    queries,
)
from ghanti.campaigns import audience
from ghanti.contacts.service import reading_turn
from ghanti.reports import service as reports

_MOST_CONTACTS = 50_000

router = APIRouter(tags=["Campaign"], route_class=KeyedRoute)


@router.post(
    "/campaign/{campaign_id:row}/add-contact/",
    summary="Add one contact or many",
    responses=answers(ADDED_CONTACT, 201, also=ADDED_CONTACTS) | answers(SKIPPED_CONTACTS),
    openapi_extra=accepts(CONTACT_BODY),
)
async def add_contact(
    request: Request, campaign_id: int, principal: Writer, sent: Sent, session: Transaction, parts: InParts
) -> Response:
    """`{"number", "other_variables"}` adds one; `{"contacts": […]}` many, skipping numbers it has already."""
    region = parts.settings.home_country
    if "contacts" in sent.values:
        items = _items(sent.values["contacts"])
        result = await audience.add_many(session, principal, campaign_id, items, region)
        body = {
            "created": len(result.created),
            "skipped": result.skipped,
            "contacts": [shapes.added_contact(row, principal.time_zone) for row in result.created],
            "errors": result.errors,
        }
        if not result.created and not result.skipped:
            raise InvalidError("No contact could be added.", extra=body)
        return answer(body, 201 if result.created else 200)
    number, variables = _number(sent), _variables(sent.values.get("other_variables"))
    # What is done under a key is committed together with its answer.
    lookups = None if HEADER in request.headers else parts.lookups
    contact = await audience.add_one(session, principal, campaign_id, number, variables, region, lookups)
    return answer(shapes.new_contact(contact, principal.time_zone), 201)


@router.api_route(
    "/campaign/create/{campaign_id:row}/detail/", methods=["POST", "PUT"], include_in_schema=False
)
@router.patch(
    "/campaign/create/{campaign_id:row}/detail/",
    summary="Upload contacts",
    responses=answers(IMPORTED),
    openapi_extra=UPLOAD,
)
async def upload_contacts(
    campaign_id: int,
    principal: Writer,
    sent: Upload,
    session: Transaction,
    parts: InParts,
    afterwards: BackgroundTasks,
) -> Response:
    """Saves the contacts of an .xlsx or .csv file and answers a preview of its columns.

    Bad rows are listed in `error_list` and the good ones kept; numbers that the campaign has are skipped.
    """
    try:
        file = sent.files.get("bulk_file")
        if file is None:
            raise InvalidError.of("bulk_file", "Send a file, as multipart form data, in the field bulk_file.")
        key = await _store(parts, principal, campaign_id, file)
    finally:
        await sent.aclose()
    try:
        async with reading_turn(principal.account_id):
            imported = await audience.import_file(
                session,
                principal,
                campaign_id,
                parts.store.path(key),
                file.filename or "",
                key,
                parts.settings,
            )
    except BaseException:
        await asyncio.to_thread(parts.store.delete, key)
        raise
    if imported.replaced is not None:
        afterwards.add_task(parts.store.delete, imported.replaced)
    return answer(shapes.imported(imported.result))


@router.get(
    "/campaign-detail/{campaign_id:row}/",
    summary="List contacts and what became of them",
    responses=answers(CONTACT_PAGE),
    openapi_extra=queries(limit="Contacts a page: 10 by default, at most 100", offset="Contacts to skip"),
)
async def campaign_detail(request: Request, campaign_id: int, principal: Reader, parts: InParts) -> Response:
    window = window_of(request)
    page = await reports.contact_page(
        parts.lookups, principal.account_id, campaign_id, window.limit, window.offset
    )
    rows = [shapes.contact_progress(row, principal.time_zone) for row in page.rows]
    totals = {"total_credits_consumed": page.credits_consumed, "carrier_summary": page.carriers}
    return answer(envelope(request, window, page.total, rows, totals))


# The vendor's own client asks for them where contacts are deleted.
@router.api_route("/phone-number/delete/{contact_id:row}/", methods=["GET"], include_in_schema=False)
@router.get(
    "/campaign/{contact_id:row}/attributes/", summary="A contact's variables", responses=answers(ATTRIBUTES)
)
async def get_attributes(contact_id: int, principal: Reader, session: Transaction) -> Response:
    return answer((await audience.contact(session, principal, contact_id)).variables)


@router.patch(
    "/campaign/{contact_id:row}/attributes/",
    summary="Set a contact's variables",
    responses=answers(ATTRIBUTES),
    openapi_extra=accepts({"age": "22", "name": "Ram", "salary": "200000"}),
)
async def set_attributes(contact_id: int, principal: Writer, sent: Sent, session: Transaction) -> Response:
    """Sets the variables that are sent and keeps the others."""
    contact = await audience.merge_variables(session, principal, contact_id, sent.values)
    return answer(contact.variables)


@router.patch(
    "/phone-number/update/{contact_id:row}/",
    summary="Change a contact's number",
    responses=answers(CONTACT_PROGRESS),
    openapi_extra=accepts({"number": 9808684325}, ["number"]),
)
async def update_number(
    contact_id: int, principal: Writer, sent: Sent, session: Transaction, parts: InParts
) -> Response:
    contact = await audience.update_number(
        session, principal, contact_id, _number(sent), parts.settings.home_country
    )
    row = await reports.contact_progress(session, contact)
    return answer(shapes.contact_progress(row, principal.time_zone))


@router.delete(
    "/phone-number/delete/{contact_id:row}/", summary="Delete a contact", responses=answers(DELETED_CONTACT)
)
async def delete_contact(contact_id: int, principal: Writer, session: Transaction) -> Response:
    await audience.delete(session, principal, contact_id)
    return answer({"message": "Successfully Deleted."})


async def _store(parts: Parts, principal: Principal, campaign_id: int, file: UploadFile) -> str:
    """Keep an upload in the media store, under a name that tells nothing of its sender's machine."""
    ending = Path(file.filename or "").suffix.lower()
    ending = ending if re.fullmatch(r"\.[a-z0-9]{1,8}", ending) else ""
    key = f"uploads/{principal.account_id}/{campaign_id}/{uuid4().hex}{ending}"
    data = await file.read()
    await asyncio.to_thread(parts.store.put, key, data)
    return key


def _number(sent: Body) -> Any:
    number = sent.values.get("number")
    if number is None or number == "":
        raise InvalidError.missing(["number"])
    return number


def _items(value: Any) -> list[Mapping[str, Any]]:
    value = _from_text(value, "contacts")
    if not isinstance(value, list) or not value:
        raise InvalidError.of("contacts", "Enter a list of contacts that is not empty.")
    if len(value) > _MOST_CONTACTS:
        raise InvalidError.of("contacts", f"At most {_MOST_CONTACTS:,} contacts are added at once.")
    # A bare number in place of an object is plain enough to take.
    items = [item if isinstance(item, dict) else {"number": item} for item in value]
    return [{**item, "other_variables": item.get("other_variables") or {}} for item in items]


def _variables(value: Any) -> Mapping[str, Any]:
    value = _from_text(value, "other_variables")
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise InvalidError.of("other_variables", "Enter an object of names and values.")
    return value


def _from_text(value: Any, field: str) -> Any:
    """Forms carry objects and lists as JSON text."""
    if not isinstance(value, str) or not value.strip():
        return value
    try:
        return parse_json(value)
    except orjson.JSONDecodeError:
        raise InvalidError.of(field, "Enter valid JSON.") from None
