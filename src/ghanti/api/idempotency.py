"""``Idempotency-Key``: a POST that is sent again under its key has its effect once.

The first answer is kept for a day, and given again with ``Idempotent-Replayed: true``; another request
under the same key is refused with 422, one while the first is under way with 409. Kept is every answer
but those that say nothing about the request: 401, 429 and server errors. Streams are not kept.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import BackgroundTasks, Depends, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError, RefusedError
from ghanti.accounts.service import Principal
from ghanti.api.body import DATA_MEGABYTES, Body, limited
from ghanti.api.context import Parts, parts_of
from ghanti.api.errors import refusal_at
from ghanti.api.responses import answer
from ghanti.database.session import transaction
from ghanti.idempotency import service as idempotency
from ghanti.idempotency.service import AnsweredBeforeError, KeyedRequest, KeyTakenError

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotent-Replayed": "true"}
_LONGEST_KEY = 255
_CHUNK = 1024 * 1024
_KEY_IN_QUERY = "apiKey="
"""How a credential begins that comes in the query."""

T = TypeVar("T")
Endpoint = Callable[..., Awaitable[Response]]


class KeyedRoute(APIRoute):
    """A route whose POSTs honour the key; every router that has POSTs makes its routes of this class."""

    def __init__(self, path: str, endpoint: Endpoint, **options: Any) -> None:
        super().__init__(path, _keyed(endpoint), **options)


async def _asked(request: Request) -> Request:
    return request


def _keyed(endpoint: Endpoint) -> Endpoint:
    if hasattr(endpoint, "is_keyed"):  # An included router's route is made again, of its finished endpoint.
        return endpoint

    @functools.wraps(endpoint)
    async def call(*, keyed_request: Request, **values: Any) -> Response:
        request, principal = keyed_request, _one_of(values, Principal)
        key = request.headers.get(HEADER)
        if key is None or request.method != "POST" or principal is None:
            return await endpoint(**values)
        if not (0 < len(key) <= _LONGEST_KEY and key.isprintable()):
            raise InvalidError(f"{HEADER} must have 1 to {_LONGEST_KEY} characters.")
        return await _once(request, principal, key, values, functools.partial(endpoint, **values))

    signature = inspect.signature(endpoint)
    mine = inspect.Parameter(
        "keyed_request", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[Request, Depends(_asked)]
    )
    call.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*signature.parameters.values(), mine]
    )
    call.is_keyed = True  # type: ignore[attr-defined]
    return call


async def _once(
    request: Request,
    principal: Principal,
    key: str,
    values: Mapping[str, Any],
    run: Callable[[], Awaitable[Response]],
) -> Response:
    parts = parts_of(request)
    fingerprint = await parts.answers.fingerprint(_request_parts(request, principal, values))
    keyed = KeyedRequest(principal.account_id, key, fingerprint)
    async with parts.readings() as looking:
        known = await idempotency.answered(looking, parts.answers, keyed)
    if known is not None:
        return _replay(known)
    session = _one_of(values, AsyncSession)
    if session is not None:
        idempotency.guard(session, parts.answers, keyed)
    try:
        return await _carried_out(request, keyed, session, _one_of(values, BackgroundTasks), run)
    except AnsweredBeforeError as before:
        return _replay(before.answer)


async def _carried_out(
    request: Request,
    keyed: KeyedRequest,
    session: AsyncSession | None,
    afterwards: BackgroundTasks | None,
    run: Callable[[], Awaitable[Response]],
) -> Response:
    try:
        response = await run()
    except KeyTakenError:
        raise
    except RefusedError as error:
        response = refusal_at(request, error)
        if not _says_something(response.status_code):
            raise
        if afterwards is not None:
            afterwards.tasks.clear()
        # A refusal leaves nothing but its answer.
        if session is not None:
            await session.rollback()
        session = None
    # A stream has no body yet, and none of them has an effect.
    if _says_something(response.status_code) and isinstance(getattr(response, "body", None), bytes):
        given = idempotency.Answer(response.status_code, response.media_type or "", bytes(response.body))
        await _keep(parts_of(request), keyed, session, given)
    return response


async def _keep(
    parts: Parts, keyed: KeyedRequest, session: AsyncSession | None, given: idempotency.Answer
) -> None:
    """Keep an answer in the transaction of its effect, or where there is none, in one of its own."""
    if session is not None:
        await idempotency.complete(session, parts.answers, keyed, given)
        return
    async with transaction(parts.sessions) as own:
        idempotency.guard(own, parts.answers, keyed)
        await idempotency.complete(own, parts.answers, keyed, given)


def _replay(known: idempotency.Answer) -> Response:
    if known.body is None:
        told = "This request was carried out before; its answer was too large to keep."
        return answer({"message": told}, known.status, REPLAYED)
    return Response(known.body, known.status, REPLAYED, known.media_type or None)


def _says_something(status: int) -> bool:
    return status < 500 and status not in (401, 429)


async def _request_parts(
    request: Request, principal: Principal, values: Mapping[str, Any]
) -> AsyncIterator[bytes]:
    """What makes two requests the same, wherever their application is mounted, and with whichever credential.

    A form by what it holds, since its boundary is chosen anew.
    """
    yield str(principal.user_id).encode()
    yield request.url.path.removeprefix(request.scope.get("root_path", "")).encode()
    yield "&".join(
        part for part in request.url.query.split("&") if not part.startswith(_KEY_IN_QUERY)
    ).encode()
    body = _one_of(values, Body)
    if body is None:
        yield b"".join([chunk async for chunk in limited(request, DATA_MEGABYTES)])
        return
    yield orjson.dumps(body.values, option=orjson.OPT_SORT_KEYS)
    for name, file in sorted(body.files.items()):
        yield name.encode()
        yield (file.filename or "").encode()
        while chunk := await file.read(_CHUNK):
            yield chunk
        await file.seek(0)


def _one_of(values: Mapping[str, Any], kind: type[T]) -> T | None:
    return next((value for value in values.values() if isinstance(value, kind)), None)
