"""Pages by limit and offset, in the API's envelope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from ghanti.accounts.errors import InvalidError
from ghanti.api.context import base_url

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
_BIGGEST_OFFSET = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Window:
    limit: int
    offset: int


def window_of(request: Request) -> Window:
    """``limit`` (10, at most 100 is honoured) and ``offset``, or ``page`` in place of the latter.

    Raises InvalidError unless they are whole numbers, limit and page above zero.
    """
    query = request.query_params
    limit = min(_number(query, "limit", DEFAULT_LIMIT, least=1), MAX_LIMIT)
    if "page" in query and "offset" not in query:
        offset = (_number(query, "page", 1, least=1) - 1) * limit
        return Window(limit, min(offset, _BIGGEST_OFFSET))
    return Window(limit, _number(query, "offset", 0, least=0))


def envelope(
    request: Request,
    window: Window,
    total: int,
    results: Sequence[Any],
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """One page: count, total_pages, next, previous, results, and what the endpoint adds."""
    following, preceding = window.offset + window.limit, window.offset - window.limit
    return {
        "count": total,
        "total_pages": -(-total // window.limit),
        "next": _url(request, window.limit, following) if following < total else None,
        "previous": _url(request, window.limit, max(preceding, 0)) if window.offset > 0 else None,
        "results": results,
        **(extra or {}),
    }


def _number(query: Mapping[str, str], name: str, default: int, least: int) -> int:
    raw = query.get(name, "").strip()
    if not raw:
        return default
    if not (raw.isascii() and raw.isdigit()) or len(raw) > 18 or int(raw) < least:
        raise InvalidError.of(name, f"Enter a whole number of at least {least}.")
    return int(raw)


def _url(request: Request, limit: int, offset: int) -> str:
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("limit", "offset", "page")
    ]
    query = urlencode([*kept, ("limit", limit), ("offset", offset)])
    return f"{base_url(request)}{request.url.path}?{query}"
