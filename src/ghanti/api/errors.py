"""Every error answer, in one place.

Each is a JSON object with ``message`` (a rule was broken) or ``detail`` (the request was not
understood or not allowed), as the API's documents print them; messages by field stand beside
it, by name and together under ``errors``. None holds a trace.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from ghanti.accounts.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    NotOfferedError,
    RefusedError,
    ThrottledError,
    UnauthenticatedError,
    UnprocessableError,
    UpstreamError,
)
from ghanti.api.responses import answer
from ghanti.database.errors import reason
from ghanti.database.outage import DATABASE_ERRORS
from ghanti.turns import NoTurnError

logger = logging.getLogger(__name__)


class PayloadTooLargeError(RefusedError):
    """The body is larger than ``megabytes``."""

    def __init__(self, megabytes: int) -> None:
        super().__init__(f"The request is larger than {megabytes} MB.")


class UnsupportedMediaTypeError(RefusedError):
    """The body is of a type that no endpoint reads."""


Refusal = Callable[[RefusedError], Response]
"""How an API answers a refusal; the application's ``state.refusal``."""

_STATUS: dict[type[RefusedError], int] = {
    InvalidError: 400,
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    PayloadTooLargeError: 413,
    UnsupportedMediaTypeError: 415,
    UnprocessableError: 422,
    ThrottledError: 429,
    NotOfferedError: 501,
    UpstreamError: 502,
}
_DETAIL = frozenset({401, 404, 413, 415, 429})

_SENTENCES = {404: "Not found.", 405: "Method not allowed."}


def refusal(error: RefusedError) -> Response:
    """How TingTing's API answers a refusal."""
    status = status_of(error)
    body: dict[str, Any] = {"detail" if status in _DETAIL else "message": error.message, **error.extra}
    if error.fields:
        body["errors"] = error.fields
        body |= {name: texts for name, texts in error.fields.items() if name not in body}
    return answer(body, status, headers_of(error))


def install(app: FastAPI, refusal: Refusal = refusal) -> None:
    """Answer every error, refusals as ``refusal`` has it."""
    app.state.refusal = refusal
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(NoTurnError, _no_turn)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(ClientDisconnect, _broken_off)
    app.add_exception_handler(HTTPException, _http)
    for outage in DATABASE_ERRORS:
        app.add_exception_handler(outage, _unavailable)
    app.add_exception_handler(DBAPIError, _unexpected)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return refusal_at(request, error)


async def _no_turn(request: Request, error: Exception) -> Response:
    assert isinstance(error, NoTurnError)
    return refusal_at(request, ThrottledError(error.message, error.retry_after))


def refusal_at(request: Request, error: RefusedError) -> Response:
    """What a refusal is answered with by the API that was asked."""
    answered: Response = request.app.state.refusal(error)
    return answered


def status_of(error: RefusedError) -> int:
    return next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)


def headers_of(error: RefusedError, challenge: str = "Bearer") -> dict[str, str]:
    """What a refusal says beside its body; ``challenge`` is how a credential should come (RFC 9110, 11.6)."""
    if isinstance(error, ThrottledError):
        return {"Retry-After": str(error.retry_after)}
    return {"WWW-Authenticate": challenge} if isinstance(error, UnauthenticatedError) else {}


async def _not_understood(request: Request, error: Exception) -> Response:
    return answer({"detail": "Bad request."}, 400)


async def _broken_off(request: Request, error: Exception) -> Response:
    """Nobody is left to read it: the client went away in the middle of its body."""
    return answer({"detail": "The request was broken off."}, 400)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(allowed_methods(request))
    return answer({"detail": _SENTENCES.get(error.status_code, error.detail)}, error.status_code, headers)


def allowed_methods(request: Request) -> list[str]:
    """The methods that the request's path has; of several routes the router names but the first one's."""
    return [
        method
        for method in ("DELETE", "GET", "PATCH", "POST", "PUT")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]


async def _unavailable(request: Request, error: Exception) -> Response:
    logger.error("the database is not available: %s", reason(error))
    return answer({"detail": "The service is not available. Try again."}, 503, {"Retry-After": "1"})


async def _unexpected(request: Request, error: Exception) -> Response:
    logger.exception("%s %s failed", request.method, request.url.path, exc_info=error)
    return answer({"detail": "An unexpected error occurred on the server."}, 500)
