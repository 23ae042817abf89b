"""A list of people to call, as it is sent, and what is told of each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Response
from fastapi.exceptions import RequestValidationError

from ghanti.api.body import Body
from ghanti.api.responses import answer
from ghanti.api.toingg.bodies import read
from ghanti.api.toingg.errors import ListTooLongError
from ghanti.api.toingg.first.models import makeBatchCallData
from ghanti.direct.schemas import MOST_PEOPLE, Person, Placed, Refused
from ghanti.direct.sids import call_sid

_LIST = "numberList"
_FIELDS = {"number": "clientNumber", "variables": "clientName"}


@dataclass(frozen=True, slots=True)
class Order:
    campaign: str
    people: list[Person]


async def read_order(sent: Body) -> Order:
    """The order that was sent. Raises RequestValidationError, ListTooLongError."""
    found = sent.values.get(_LIST)
    if isinstance(found, list) and len(found) > MOST_PEOPLE:
        raise ListTooLongError(_LIST, MOST_PEOPLE)
    # In a thread, because calls and other requests go on meanwhile.
    order = await asyncio.to_thread(_read, sent)
    if not order.people:
        raise RequestValidationError([_item([], "The list is empty.")])
    if len(order.people) > MOST_PEOPLE:
        raise ListTooLongError(_LIST, MOST_PEOPLE)
    return order


async def told(order: Order, placed: Sequence[Placed | Refused]) -> Response:
    """What became of each. Raises RequestValidationError when nobody is called."""
    return await asyncio.to_thread(_told, order, placed)


def _read(sent: Body) -> Order:
    order = read(makeBatchCallData, sent)
    return Order(
        order.campaign, [Person(one.number, {**one.more, "name": one.name}) for one in order.numbers]
    )


def _told(order: Order, placed: Sequence[Placed | Refused]) -> Response:
    refused = [(place, one) for place, one in enumerate(placed) if isinstance(one, Refused)]
    if len(refused) == len(placed):
        raise RequestValidationError(
            [_item([place, _FIELDS.get(one.field, one.field)], one.message) for place, one in refused]
        )
    results = [_result(person, one) for person, one in zip(order.people, placed, strict=True)]
    return answer(
        {
            "campaign": order.campaign,
            "total": len(placed),
            "accepted": len(placed) - len(refused),
            "refused": len(refused),
            "results": results,
        }
    )


def _result(person: Person, one: Placed | Refused) -> dict[str, Any]:
    who = {"clientName": person.variables["name"], "clientNumber": person.number}
    if isinstance(one, Placed):
        return {**who, "status": "queued", "callSid": call_sid(one.sid)}
    return {**who, "status": "refused", "field": _FIELDS.get(one.field, one.field), "message": one.message}


def _item(place: Sequence[int | str], message: str) -> dict[str, Any]:
    return {"loc": ("body", _LIST, *place), "msg": message, "type": "value_error"}
