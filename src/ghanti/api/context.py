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

from ghanti.accounts.errors import ForbiddenError, NotFoundError, UnauthenticatedError
from ghanti.accounts.service import Principal
from ghanti.accounts.throttle import LoginThrottle
from ghanti.accounts.tokens import SessionTokens, TokenType
from ghanti.api.authentication import Authenticator
from ghanti.api.body import Body, read_body
from ghanti.api.downloads import Downloads
from ghanti.api.media import MediaLinks
from ghanti.api.previews import Previews
from ghanti.database.lookups import Lookups
from ghanti.database.session import SessionFactory
from ghanti.database.session import transaction as begin
from ghanti.encryption import SecretBox
from ghanti.fetching import SafeFetcher
from ghanti.idempotency.service import AnswerSafe
from ghanti.media.store import MediaStore
from ghanti.payments.service import Payments
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
    readings: SessionFactory
    lookups: Lookups
    tokens: SessionTokens
    authenticator: Authenticator
    throttle: LoginThrottle
    store: MediaStore
    links: MediaLinks
    box: SecretBox
    answers: AnswerSafe
    downloads: Downloads
    fetcher: SafeFetcher
    previews: Previews
    payments: Payments


def parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


async def _parts(request: Request) -> Parts:
    return parts_of(request)  # FastAPI would call a plain function in a thread.


async def _transaction(request: Request) -> AsyncIterator[AsyncSession]:
    async with begin(parts_of(request).sessions) as session:
        yield session


async def _reading(request: Request) -> AsyncIterator[AsyncSession]:
    async with parts_of(request).readings() as session:
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
    return await parts_of(request).authenticator.cookie(cookie, client_address(request))


async def _bearer(request: Request) -> Principal:
    credential = bearer_credential(request)
    return await parts_of(request).authenticator.bearer(credential, client_address(request))


def bearer_credential(request: Request) -> str:
    """What the header ``Authorization`` bears. Raises UnauthenticatedError."""
    scheme, _, credential = request.headers.get("authorization", "").strip().partition(" ")
    credential = credential.strip()
    if scheme.lower() not in ("bearer", "token") or not credential:
        raise UnauthenticatedError("Authentication credentials were not provided.")
    return credential


async def _body(request: Request) -> AsyncIterator[Body]:
    async with aclosing(await read_body(request)) as body:
        yield body


async def _upload(request: Request) -> AsyncIterator[Body]:
    async with aclosing(await read_body(request, parts_of(request).settings.upload_megabytes)) as body:
        yield body


Transaction = Annotated[AsyncSession, Depends(_transaction, scope="function")]
"""The request's transaction: committed after the endpoint returns and before its answer is sent."""

Reading = Annotated[AsyncSession, Depends(_reading, scope="function")]
"""A session that only reads, each statement on its own: no round trips to begin and to commit."""

Reader = Annotated[Principal, Depends(_bearer)]
Writer = Annotated[Principal, Depends(_writer)]
KeyHolder = Annotated[Principal, Depends(_key_holder)]
Sent = Annotated[Body, Depends(_body)]
Upload = Annotated[Body, Depends(_upload)]
"""A body that may hold a file as large as the settings allow."""

InParts = Annotated[Parts, Depends(_parts)]


def base_url(request: Request) -> str:
    """Scheme and host of absolute URLs, without a slash at the end."""
    configured = parts_of(request).settings.public_url
    return (configured or str(request.base_url)).rstrip("/")


def client_address(request: Request) -> str:
    return request.client.host if request.client else ""


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
