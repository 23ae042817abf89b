"""Pages by limit and offset, or by their number and size, in the API's envelopes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from ghanti.accounts.errors import InvalidError
from ghanti.api.context import base_url, parts_of

DEFAULT_LIMIT = 10
_BIGGEST_OFFSET = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Window:
    limit: int
    offset: int


def window_of(request: Request) -> Window:
    """``limit`` (10, honoured up to the setting ``page_limit``) and ``offset``, or ``page`` in place of that.

    Raises InvalidError unless they are whole numbers, limit and page above zero.
    """
    query = request.query_params
    limit = min(_number(query, "limit", DEFAULT_LIMIT, least=1), _most(request))
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


def numbered_window_of(request: Request) -> Window:
    """``page`` (from 1) and ``page_size`` (10, honoured up to the setting ``page_limit``).

    Raises InvalidError unless they are whole numbers above zero.
    """
    query = request.query_params
    size = min(_number(query, "page_size", DEFAULT_LIMIT, least=1), _most(request))
    offset = (_number(query, "page", 1, least=1) - 1) * size
    return Window(size, min(offset, _BIGGEST_OFFSET))


def numbered_envelope(request: Request, window: Window, total: int, results: Sequence[Any]) -> dict[str, Any]:
    """One page by its number: count, next, previous, results."""
    page = window.offset // window.limit + 1
    more = window.offset + window.limit < total
    return {
        "count": total,
        "next": _numbered_url(request, page + 1) if more else None,
        "previous": _numbered_url(request, page - 1) if page > 1 else None,
        "results": results,
    }


def _most(request: Request) -> int:
    return parts_of(request).settings.page_limit


def _number(query: Mapping[str, str], name: str, default: int, least: int) -> int:
    raw = query.get(name, "").strip()
    if not raw:
        return default
    if not (raw.isascii() and raw.isdigit()) or len(raw) > 18 or int(raw) < least:
        raise InvalidError.of(name, f"Enter a whole number of at least {least}.")
    return int(raw)


def _url(request: Request, limit: int, offset: int) -> str:
    return _url_with(request, {"limit": limit, "offset": offset}, dropped=("page",))


def _numbered_url(request: Request, page: int) -> str:
    return _url_with(request, {"page": page})


def _url_with(request: Request, changed: Mapping[str, int], dropped: Sequence[str] = ()) -> str:
    """The request's own URL, with these parameters in place of its own."""
    kept = [
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in changed and name not in dropped
    ]
    return f"{base_url(request)}{request.url.path}?{urlencode([*kept, *changed.items()])}"
