"""Accounts that speak the Toingg API, in process: fixtures for tests over HTTP, on those of ``api_world``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount

from api_world import Tenant
from ghanti.accounts import service as accounts
from ghanti.accounts.tokens import Face
from ghanti.database.session import SessionFactory, transaction

__all__ = ["Speaker", "new_speaker", "site", "speaker"]

NUMBER = "9841000001"


@dataclass
class Speaker:
    """A tenant with a Toingg key, and a client at the root of the site that bears none."""

    tenant: Tenant
    key: str
    http: httpx.AsyncClient

    async def first(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """Post to the first generation, with the key in the query."""
        parts = {} if body is None else {"json": body}
        params = {**more.pop("params", {}), "apiKey": self.key}
        return await self.http.post(f"/api{path}", params=params, **parts, **more)

    async def call(self, campaign: str = "tax", **fields: Any) -> httpx.Response:
        body = {"campaign": campaign, "name": "Sita", "phoneNumber": NUMBER, **fields}
        return await self.first("/make_toingg/", body)


@pytest.fixture
async def site(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that nobody knows, at the root of the site."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ghanti.test") as client:
        yield client


@pytest.fixture
def new_speaker(site: httpx.AsyncClient, sessions: SessionFactory) -> Callable[..., Any]:
    """``await new_speaker(tenant)`` gives its user a Toingg key."""

    async def make(tenant: Tenant) -> Speaker:
        async with transaction(sessions) as session:
            key = await accounts.replace_token(session, tenant.account_id, tenant.user_id, Face.TOINGG)
        return Speaker(tenant, key, site)

    return make


@pytest.fixture
async def speaker(new_speaker: Callable[..., Any], tenant: Tenant) -> Speaker:
    made: Speaker = await new_speaker(tenant)
    return made


def generation(app: FastAPI, prefix: str) -> FastAPI:
    """The application of the Toingg API that is mounted there, ``/api`` or ``/api/v3``."""
    (found,) = [route for route in app.routes if isinstance(route, Mount) and route.path == prefix]
    across_origins = found.app
    assert isinstance(across_origins, CORSMiddleware)
    assert isinstance(across_origins.app, FastAPI)
    return across_origins.app
