"""Who asks too much is told to wait, in the API's shape and without asking the database; nobody else is."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_world import PASSWORD, Tenant, assert_error, execute
from ghanti.accounts.errors import ThrottledError
from ghanti.accounts.service import Principal
from ghanti.api import authentication
from ghanti.api.context import Parts
from ghanti.api.limits import MOST_ADDRESSES, RequestLimits
from ghanti.database.session import SessionFactory
from ghanti.settings import Settings

REQUESTS, FAILURES = 20, 10


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, api_requests_per_minute=REQUESTS, api_failures_per_minute=FAILURES)


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_one_request_too_many_is_429(tenant: Tenant, other: Tenant) -> None:
    for _ in range(REQUESTS):
        assert (await tenant.http.get("voice-models/")).status_code == 200
    refused = await tenant.http.get("voice-models/")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 64
    assert_error(refused)
    assert (await tenant.http.post("campaign/create/", json={})).status_code == 429
    assert (await other.http.get("voice-models/")).status_code == 200


async def test_a_login_has_no_allowance_of_its_own(tenant: Tenant, http: httpx.AsyncClient) -> None:
    login = await http.post("auths/login/", json={"email": tenant.email, "password": PASSWORD})
    headers = _bearer(login.cookies["access"])
    http.cookies.clear()
    for _ in range(REQUESTS // 2):
        assert (await tenant.http.get("voice-models/")).status_code == 200
        assert (await http.get("voice-models/", headers=headers)).status_code == 200
    assert (await http.get("voice-models/", headers=headers)).status_code == 429


async def test_too_much_is_said_without_the_database(tenant: Tenant, sessions: SessionFactory) -> None:
    for _ in range(REQUESTS):
        await tenant.http.get("voice-models/")
    await execute(sessions, "ALTER TABLE api_tokens RENAME TO gone")
    try:
        assert (await tenant.http.get("voice-models/")).status_code == 429
    finally:
        await execute(sessions, "ALTER TABLE gone RENAME TO api_tokens")


async def test_made_up_tokens_are_slowed_and_take_no_memory(
    tenant: Tenant, http: httpx.AsyncClient, app: FastAPI
) -> None:
    assert (await tenant.http.get("voice-models/")).status_code == 200
    for _ in range(FAILURES):
        answer = await http.get("voice-models/", headers=_bearer(secrets.token_hex(32)))
        assert answer.status_code == 401
    refused = await http.get("voice-models/", headers=_bearer(secrets.token_hex(32)))
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) >= 1
    # The same address, and a token that is known to be good.
    assert (await tenant.http.get("voice-models/")).status_code == 200
    parts: Parts = app.state.parts
    assert len(parts.authenticator._known) == 1


def test_addresses_take_bounded_memory() -> None:
    limits = RequestLimits(REQUESTS, FAILURES)
    for number in range(MOST_ADDRESSES + 100):
        limits.failed(f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::1")
    assert len(limits._storage.storage) <= MOST_ADDRESSES


def test_an_ipv6_network_is_one_address() -> None:
    limits = RequestLimits(REQUESTS, FAILURES)
    for number in range(FAILURES):
        limits.failed(f"2001:db8::{number:x}")
    with pytest.raises(ThrottledError):
        limits.check("2001:db8::ffff")
    limits.check("2001:db8:0:1::1")
    limits.check("::ffff:192.0.2.1")


async def test_remembered_credentials_are_bounded(
    tenant: Tenant, app: FastAPI, monkeypatch: pytest.MonkeyPatch, http: httpx.AsyncClient
) -> None:
    monkeypatch.setattr(authentication, "MOST_REMEMBERED", 2)
    parts: Parts = app.state.parts
    for _ in range(4):
        login = await http.post("auths/login/", json={"email": tenant.email, "password": PASSWORD})
        headers = _bearer(login.cookies["access"])
        http.cookies.clear()
        assert (await http.get("voice-models/", headers=headers)).status_code == 200
    assert len(parts.authenticator._known) == 2


async def test_revoked_here_is_revoked_at_once(tenant: Tenant) -> None:
    assert (await tenant.http.get("voice-models/")).status_code == 200
    assert (await tenant.http.post("auths/generate-api-keys/")).status_code == 200
    assert (await tenant.http.get("voice-models/")).status_code == 401


async def test_revoked_elsewhere_is_revoked_within_the_memory(
    tenant: Tenant, app: FastAPI, sessions: SessionFactory
) -> None:
    parts: Parts = app.state.parts
    now = 0.0
    parts.authenticator._clock = lambda: now
    assert (await tenant.http.get("voice-models/")).status_code == 200
    await execute(sessions, "UPDATE users SET is_active = false")
    now = parts.settings.credential_memory_seconds - 0.01
    assert (await tenant.http.get("voice-models/")).status_code == 200
    now = parts.settings.credential_memory_seconds
    assert (await tenant.http.get("voice-models/")).status_code == 401


async def test_requests_at_once_look_their_credential_up_once(
    tenant: Tenant, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts: Parts = app.state.parts
    now, lookups = 0.0, 0
    authenticate = authentication.accounts.authenticate

    async def authenticate_counted(*asked: Any) -> Principal:
        nonlocal lookups
        lookups += 1
        return await authenticate(*asked)

    monkeypatch.setattr(authentication.accounts, "authenticate", authenticate_counted)
    parts.authenticator._clock = lambda: now
    credential = tenant.http.headers["Authorization"].removeprefix("Bearer ")
    await parts.authenticator.bearer(credential, "127.0.0.1")
    now, lookups = 2 * parts.settings.credential_memory_seconds, 0
    bearers = [parts.authenticator.bearer(credential, "127.0.0.1") for _ in range(10)]
    assert len({principal.user_id for principal in await asyncio.gather(*bearers)}) == 1
    assert lookups == 1
