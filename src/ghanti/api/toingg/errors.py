"""Every error answer of the Toingg API: ``{"detail": …}``, a sentence or FastAPI's list of what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ghanti.accounts.errors import InvalidError, NoCreditsError, RefusedError
from ghanti.api import errors
from ghanti.api.errors import PayloadTooLargeError, allowed_methods, headers_of, status_of
from ghanti.api.responses import answer

MOST_ITEMS = 100
"""Of what is wrong with one request, so that the answer to a bad list is no larger than the list."""


class ListTooLongError(PayloadTooLargeError):
    """A list is longer than ``most``."""

    def __init__(self, name: str, most: int) -> None:
        RefusedError.__init__(self, f"{name} has more than {most} items.")


def install(app: FastAPI, challenge: str) -> None:
    """Answer every error; ``challenge`` is how a credential should come."""
    errors.install(app, partial(refusal, challenge=challenge))
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _http)


def refusal(error: RefusedError, challenge: str) -> Response:
    """How the Toingg API answers a refusal."""
    headers = headers_of(error, challenge)
    if isinstance(error, NoCreditsError):
        return answer({"detail": error.message}, 402, headers)
    if isinstance(error, InvalidError) and error.fields:
        items = [
            {"loc": ["body", name] if name else ["body"], "msg": message, "type": "value_error"}
            for name, messages in error.fields.items()
            for message in messages
        ]
        return answer({"detail": items[:MOST_ITEMS]}, 422, headers)
    return answer({"detail": error.message}, status_of(error), headers)


def items_of(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What pydantic found wrong, by where it is, what it is and of which kind: and no more."""
    return [{"loc": item["loc"], "msg": item["msg"], "type": item["type"]} for item in found]


async def _not_understood(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return answer({"detail": items_of(error.errors()[:MOST_ITEMS])}, 422)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(allowed_methods(request))
    return answer({"detail": error.detail}, error.status_code, headers)
