"""Lists of contacts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel

from ghanti.accounts.errors import InvalidError
from ghanti.api.body import DATA_MEGABYTES, Body, limited, parse_json
from ghanti.api.context import InParts, Transaction
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.toingg.authentication import TokenWriter
from ghanti.api.toingg.documents import takes
from ghanti.api.toingg.third.envelopes import enveloped
from ghanti.api.toingg.third.models import NewContact
from ghanti.toingg import lists, objectids

router = APIRouter(route_class=KeyedRoute)

_ITEMS = "contacts"
_NAMES = {"number": "phone", "other_variables": "extraParams"}


async def _array(request: Request) -> AsyncIterator[Body]:
    data = b"".join([chunk async for chunk in limited(request, DATA_MEGABYTES)])
    try:
        items = parse_json(data.removeprefix(b"\xef\xbb\xbf").strip() or b"null")
    except (orjson.JSONDecodeError, InvalidError) as error:
        raise _wrong(("body",), str(error), "json_invalid") from None
    if not isinstance(items, list):
        raise _wrong(("body",), "Input should be a valid list", "list_type")
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise _wrong(("body", index), "Input should be a valid dictionary", "dict_type")
    yield Body({_ITEMS: items})


def _takes_list(item: type[BaseModel], example: dict[str, Any]) -> dict[str, Any]:
    said = takes(item, example)
    media = said["requestBody"]["content"]["application/json"]
    media |= {"schema": {"type": "array", "items": media["schema"]}, "example": [example]}
    return said


Contacts = Annotated[Body, Depends(_array)]


@router.post(
    "/add_contacts",
    openapi_extra=_takes_list(
        NewContact, {"name": "Sita", "phone": "9779841234567", "extraParams": {"context": "ward 4"}}
    ),
)
async def add_contacts(
    contactList: Annotated[str, Query(min_length=1, max_length=255)],  # noqa: N803
    principal: TokenWriter,
    session: Transaction,
    parts: InParts,
    sent: Contacts,
) -> Response:
    """Add contacts to the campaign of this name, which is made as a draft where there is none.

    An item is `{"name", "phone", "extraParams"}`. Bad ones are named, the others kept; numbers that the list
    has are skipped. Only when none is good is the answer 422.
    """
    items: list[dict[str, Any]] = sent.values[_ITEMS]
    name = contactList.strip()
    if not name or "\0" in name:
        raise _wrong(("query", "contactList"), "This is no name.", "value_error")
    added = await lists.add(session, principal, name, items, parts.settings.home_country)
    errors = [{**error, "field": _NAMES.get(error["field"], error["field"])} for error in added.result.errors]
    if errors and len(errors) == len(items):
        raise RequestValidationError(
            [
                {
                    "loc": ("body", error["index"], error["field"]),
                    "msg": error["message"],
                    "type": "value_error",
                }
                for error in errors
            ]
        )
    row = added.campaign
    result = {
        "contactList": row.name,
        "campaignId": objectids.object_id(row.id, row.created_at),
        "added": len(added.result.created),
        "skipped": added.result.skipped,
        "errors": errors,
    }
    return enveloped("Contacts added.", result)


def _wrong(loc: tuple[str | int, ...], message: str, kind: str) -> RequestValidationError:
    return RequestValidationError([{"loc": loc, "msg": message, "type": kind}])
