"""Who asks the Toingg API: a token of its own face, in the query, in the body or as a bearer's."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query, Request

from ghanti.accounts.service import Principal
from ghanti.api.context import bearer_credential, client_address, parts_of

KEY = "apiKey"
"""Of the query."""

CHALLENGE_KEY = "ApiKey"
CHALLENGE_BEARER = "Bearer"


async def principal_of(request: Request, credential: str) -> Principal:
    """The bearer of a Toingg token, which both generations take.

    Raises UnauthenticatedError, ThrottledError.
    """
    return await parts_of(request).authenticator.toingg(credential, client_address(request))


async def _key_writer(request: Request, api_key: Annotated[str, Query(alias=KEY)]) -> Principal:
    principal = await principal_of(request, api_key)
    principal.require_write()
    return principal


async def _token_reader(request: Request) -> Principal:
    return await principal_of(request, bearer_credential(request))


async def _token_writer(request: Request) -> Principal:
    principal = await _token_reader(request)
    principal.require_write()
    return principal


ApiKeyWriter = Annotated[Principal, Depends(_key_writer)]
TokenReader = Annotated[Principal, Depends(_token_reader)]
TokenWriter = Annotated[Principal, Depends(_token_writer)]
