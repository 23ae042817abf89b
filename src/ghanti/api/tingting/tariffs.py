"""credits/tariffs/: what calls and messages cost, by prefix."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from ghanti.accounts.errors import InvalidError
from ghanti.api.context import InParts, Reader, Reading
from ghanti.api.pagination import envelope, window_of
from ghanti.api.responses import answer
from ghanti.api.tingting import shapes
from ghanti.api.tingting.examples import answers, queries
from ghanti.api.tingting.tariffs_examples import TARIFF_PAGE
from ghanti.contacts import numbers
from ghanti.contacts.errors import NumberError
from ghanti.credits import tariffs
from ghanti.credits.tariffs import Priced

router = APIRouter(prefix="/credits", tags=["Credits"])


@router.get(
    "/tariffs/",
    summary="What calls and messages cost",
    responses=answers(TARIFF_PAGE),
    openapi_extra=queries(
        number="A phone number: only the tariff that is its own",
        limit="Tariffs a page: 10 by default, at most 100",
        offset="Tariffs to skip, by prefix",
    ),
)
async def list_tariffs(request: Request, principal: Reader, session: Reading, parts: InParts) -> Response:
    """By prefix, in international form without a plus; the longest that begins a number is the number's.

    The empty prefix is of all numbers that no other begins. A call costs `credits_per_pulse` for each begun
    pulse of `pulse_seconds` once it is answered, a message `credits_per_segment` for each of its parts.
    """
    window = window_of(request)
    found = await tariffs.in_force(session, parts.settings)
    if (number := request.query_params.get("number")) is not None:
        found = [_own(found, number, parts.settings.home_country)]
    page = found[window.offset : window.offset + window.limit]
    shown = [_tariff(priced, principal.time_zone) for priced in page]
    return answer(envelope(request, window, len(found), shown))


def _own(found: list[Priced], written: str, region: str) -> Priced:
    try:
        digits = numbers.parse(written, region).number.removeprefix("+")
    except NumberError as error:
        raise InvalidError.of("number", str(error)) from None
    return max((p for p in found if digits.startswith(p.prefix)), key=lambda priced: len(priced.prefix))


def _tariff(priced: Priced, zone: ZoneInfo) -> dict[str, Any]:
    assert priced.tariff is not None  # What is in force has prices.
    return {
        "prefix": priced.prefix,
        "pulse_seconds": priced.tariff.pulse_seconds,
        "credits_per_pulse": priced.tariff.credits_per_pulse,
        "credits_per_segment": priced.tariff.credits_per_segment,
        "valid_from": shapes.moment(priced.valid_from, zone),
    }
