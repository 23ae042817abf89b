"""Every error answer, in one place.

Each is a JSON object with ``message`` (a rule was broken) or ``detail`` (the request was not
understood or not allowed), as the API's documents print them; messages by field stand beside
it, by name and together under ``errors``. None holds a trace.
"""

from __future__ import annotations

import logging
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
    RefusedError,
    ThrottledError,
    UnauthenticatedError,
    UnprocessableError,
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
}
_DETAIL = frozenset({401, 404, 413, 415, 429})

_SENTENCES = {404: "Not found.", 405: "Method not allowed."}


def install(app: FastAPI) -> None:
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
    return refusal(error)


async def _no_turn(request: Request, error: Exception) -> Response:
    assert isinstance(error, NoTurnError)
    return refusal(ThrottledError(error.message, error.retry_after))


def refusal(error: RefusedError) -> Response:
    """What a refusal is answered with."""
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
    body: dict[str, Any] = {"detail" if status in _DETAIL else "message": error.message, **error.extra}
    if error.fields:
        body["errors"] = error.fields
        body |= {name: texts for name, texts in error.fields.items() if name not in body}
    headers = {}
    if isinstance(error, ThrottledError):
        headers["Retry-After"] = str(error.retry_after)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return answer(body, status, headers)


async def _not_understood(request: Request, error: Exception) -> Response:
    return answer({"detail": "Bad request."}, 400)


async def _broken_off(request: Request, error: Exception) -> Response:
    """Nobody is left to read it: the client went away in the middle of its body."""
    return answer({"detail": "The request was broken off."}, 400)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    return answer({"detail": _SENTENCES.get(error.status_code, error.detail)}, error.status_code, headers)


def _methods(request: Request) -> list[str]:
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
