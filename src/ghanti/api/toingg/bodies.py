"""What was sent, read into the models of the documents."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing, contextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from ghanti.accounts.errors import InvalidError
from ghanti.api.body import Body, read_body
from ghanti.api.toingg.authentication import KEY

M = TypeVar("M", bound=BaseModel)


async def _read(request: Request) -> Body:
    try:
        return await read_body(request)
    except InvalidError as error:
        raise RequestValidationError(
            [{"loc": ("body",), "msg": error.message, "type": "json_invalid"}]
        ) from None


async def _sent(request: Request) -> AsyncIterator[Body]:
    async with aclosing(await _read(request)) as body:
        yield body


async def _sent_with_key(request: Request) -> AsyncIterator[Body]:
    if KEY not in request.query_params:
        yield Body()  # It is refused, whatever it holds.
        return
    async with aclosing(await _read(request)) as body:
        yield body


Sent = Annotated[Body, Depends(_sent)]
"""A body of any form that sane clients send; one that cannot be read is answered 422."""

SentWithKey = Annotated[Body, Depends(_sent_with_key)]
"""The same, where a key stands in the query: of who has none nothing is read."""


def read(model: type[M], sent: Body) -> M:
    """What was sent as a model. Raises RequestValidationError, which says what is wrong where."""
    try:
        return model.model_validate(sent.values)
    except ValidationError as error:
        found: list[Any] = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in found]) from None


@contextmanager
def named(names: Mapping[str, str]) -> Iterator[None]:
    """Tell what a rule finds wrong by the names that the fields have here; they are by those of the rules."""
    try:
        yield
    except InvalidError as error:
        if not names.keys() & error.fields:
            raise
        found = {names.get(name, name): messages for name, messages in error.fields.items()}
        raise type(error).of_fields(found) from None
