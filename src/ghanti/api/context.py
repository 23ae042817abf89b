"""What every request has at hand: the application's parts, its transaction, and who asks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.convertors import IntegerConvertor, register_url_convertor

from ghanti.accounts import service as accounts
from ghanti.accounts.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from ghanti.accounts.service import Principal
from ghanti.accounts.throttle import LoginThrottle
from ghanti.accounts.tokens import SessionTokens, TokenType
from ghanti.api.body import Body, read_body
from ghanti.api.downloads import Downloads
from ghanti.api.media import MediaLinks
from ghanti.database.session import SessionFactory
from ghanti.database.session import transaction as begin
from ghanti.encryption import SecretBox
from ghanti.idempotency.service import AnswerSafe
from ghanti.media.store import MediaStore
from ghanti.settings import Settings

_BIGGEST_ID = 2**63 - 1


class _RowId(IntegerConvertor):
    """``{…:row}`` in a path: an id that a row can have; a bigger one is not found."""

    regex = "[0-9]{1,19}"

    def convert(self, value: str) -> int:
        if (number := int(value)) > _BIGGEST_ID:
            raise NotFoundError
        return number


register_url_convertor("row", _RowId())


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of the application that requests use."""

    settings: Settings
    sessions: SessionFactory
    tokens: SessionTokens
    throttle: LoginThrottle
    store: MediaStore
    links: MediaLinks
    box: SecretBox
    answers: AnswerSafe
    downloads: Downloads


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


async def _transaction(request: Request) -> AsyncIterator[AsyncSession]:
    async with begin(parts_of(request).sessions) as session:
        yield session


async def _writer(request: Request) -> Principal:
    principal = await _bearer(request)
    principal.require_write()
    return principal


async def _key_holder(request: Request) -> Principal:
    """A bearer, or the access cookie of a login: the one endpoint that takes it besides refresh."""
    if request.headers.get("authorization", "").strip():
        return await _bearer(request)
    cookie = request.cookies.get(TokenType.ACCESS)
    if not cookie:
        raise UnauthenticatedError("Authentication credentials were not provided.")
    check_origin(request)
    parts = parts_of(request)
    async with begin(parts.sessions) as session:
        return await accounts.authenticate_access(session, parts.tokens, cookie)


async def _bearer(request: Request) -> Principal:
    # A transaction of its own, over before the body is read: a slow upload must hold no connection.
    scheme, _, credential = request.headers.get("authorization", "").strip().partition(" ")
    credential = credential.strip()
    if scheme.lower() not in ("bearer", "token") or not credential:
        raise UnauthenticatedError("Authentication credentials were not provided.")
    parts = parts_of(request)
    async with begin(parts.sessions) as session:
        return await accounts.authenticate(session, parts.tokens, credential)


async def _body(request: Request) -> AsyncIterator[Body]:
    async with aclosing(await read_body(request)) as body:
        yield body


Transaction = Annotated[AsyncSession, Depends(_transaction, scope="function")]
"""The request's transaction: committed after the endpoint returns and before its answer is sent."""

Reader = Annotated[Principal, Depends(_bearer)]
Writer = Annotated[Principal, Depends(_writer)]
KeyHolder = Annotated[Principal, Depends(_key_holder)]
Sent = Annotated[Body, Depends(_body)]
InParts = Annotated[Parts, Depends(parts_of)]


def base_url(request: Request) -> str:
    """Scheme and host of absolute URLs, without a slash at the end."""
    configured = parts_of(request).settings.public_url
    return (configured or str(request.base_url)).rstrip("/")


def is_https(request: Request) -> bool:
    return base_url(request).startswith("https:")


def check_origin(request: Request) -> None:
    """Refuse a browser's request with cookies from another site."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    ours = urlsplit(base_url(request))
    if origin.lower() != f"{ours.scheme}://{ours.netloc}".lower():
        raise ForbiddenError("Requests from another origin may not use cookies.")
