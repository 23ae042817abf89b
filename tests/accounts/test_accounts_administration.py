"""What an operator does to accounts, and what those concerned can do afterwards."""

from __future__ import annotations

import httpx
import pytest
from httpx import Response

from api_world import (
    PASSWORD,
    Tenant,
    api_database,
    app,
    http,
    new_tenant,
    other,
    sessions,
    settings,
    shared_database,
    tenant,
)
from ghanti.accounts import administration
from ghanti.accounts.errors import ConflictError, InvalidError, NotFoundError
from ghanti.accounts.models import Role
from ghanti.accounts.tokens import Face
from ghanti.database.session import SessionFactory, transaction

__all__ = [
    "api_database",
    "app",
    "http",
    "new_tenant",
    "other",
    "sessions",
    "settings",
    "shared_database",
    "tenant",
]


async def _login(http: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    answer = await http.post("auths/login/", json={"email": email, "password": password})
    http.cookies.clear()
    return answer


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_disabled_is_out_with_everything(
    tenant: Tenant, http: httpx.AsyncClient, sessions: SessionFactory
) -> None:
    access = (await _login(http, tenant.email)).cookies["access"]
    async with transaction(sessions) as session:
        await administration.set_active(session, tenant.email.upper(), False)
    assert (await tenant.http.get("voice-models/")).status_code == 401
    assert (await http.get("voice-models/", headers=_bearer(access))).status_code == 401
    assert (await _login(http, tenant.email)).status_code == 401
    async with transaction(sessions) as session:
        await administration.set_active(session, tenant.email, True)
    assert (await _login(http, tenant.email)).status_code == 200
    assert (await http.get("voice-models/", headers=_bearer(access))).status_code == 401
    assert (await tenant.http.get("voice-models/")).status_code == 401


async def test_another_password_ends_sessions_and_keeps_the_token(
    tenant: Tenant, http: httpx.AsyncClient, sessions: SessionFactory
) -> None:
    access = (await _login(http, tenant.email)).cookies["access"]
    async with transaction(sessions) as session:
        await administration.reset_password(session, tenant.email, "another horse")
    assert (await http.get("voice-models/", headers=_bearer(access))).status_code == 401
    assert (await _login(http, tenant.email)).status_code == 401
    assert (await _login(http, tenant.email, "another horse")).status_code == 200
    assert (await tenant.http.get("voice-models/")).status_code == 200


async def test_new_token_replaces_the_former(
    tenant: Tenant, http: httpx.AsyncClient, sessions: SessionFactory
) -> None:
    async with transaction(sessions) as session:
        token = await administration.new_token(session, tenant.email, Face.TINGTING)
    assert (await tenant.http.get("voice-models/")).status_code == 401
    assert (await http.get("voice-models/", headers=_bearer(token))).status_code == 200


async def test_viewer_may_look_and_not_write(
    tenant: Tenant, http: httpx.AsyncClient, sessions: SessionFactory
) -> None:
    campaign = await tenant.create()
    async with transaction(sessions) as session:
        user = await administration.add_user(session, tenant.email, "v@example.com", PASSWORD, Role.VIEWER)
        assert user.account_id == tenant.account_id
    headers = _bearer((await _login(http, "v@example.com")).cookies["access"])
    assert (await http.get(f"campaign/{campaign['id']}/", headers=headers)).status_code == 200
    refused = await http.post("campaign/create/", json={}, headers=headers)
    assert refused.status_code == 403
    assert refused.json()["message"]


async def test_account_without_premium_voices(tenant: Tenant, sessions: SessionFactory) -> None:
    async with transaction(sessions) as session:
        await administration.set_account(session, tenant.email, premium=False, time_zone="Asia/Tokyo")
    campaign = await tenant.create()
    assert campaign["updated_at"].endswith("+09:00")
    premium = [
        voice["id"] for voice in (await tenant.http.get("voice-models/")).json() if voice["is_premium"]
    ]
    answer = await tenant.http.patch(f"campaign/{campaign['id']}/", json={"voice": premium[0]})
    assert answer.status_code == 403


async def test_account_of_another_language(tenant: Tenant, sessions: SessionFactory) -> None:
    async with transaction(sessions) as session:
        await administration.set_account(session, tenant.email, language="hi")
    step = {"order": 0, "content_type": "say", "text_or_url": "नमस्ते", "response_type": "none"}
    template = {"name": "t", "content": [step]}

    async def made_with(voice: str) -> Response:
        chosen = {"voice": {"voice_internal_name": voice}}
        return await tenant.http.post("survey-templates/", json=template | chosen)

    ours, theirs = await made_with("hi_ananya"), await made_with("np_rija")
    assert (ours.status_code, theirs.status_code) == (201, 400)
    assert "your account language is 'hi'" in theirs.text


async def test_everybody_is_listed(tenant: Tenant, other: Tenant, sessions: SessionFactory) -> None:
    async with transaction(sessions) as session:
        await administration.add_user(session, tenant.email, "m@example.com", PASSWORD, Role.MEMBER)
        people = await administration.people(session)
    assert [(row.account_id, row.email, row.role) for row in people] == [
        (tenant.account_id, tenant.email, "owner"),
        (tenant.account_id, "m@example.com", "member"),
        (other.account_id, other.email, "owner"),
    ]


async def test_refusals(tenant: Tenant, other: Tenant, sessions: SessionFactory) -> None:
    async with transaction(sessions) as session:
        with pytest.raises(NotFoundError, match="nobody@"):
            await administration.set_active(session, "nobody@example.com", False)
        with pytest.raises(InvalidError, match="Mars/Base"):
            await administration.set_account(session, tenant.email, time_zone="Mars/Base")
        with pytest.raises(InvalidError, match="en, hi, np"):
            await administration.set_account(session, tenant.email, language="tlh")
        with pytest.raises(ConflictError):
            await administration.add_user(session, tenant.email, other.email, PASSWORD, Role.MEMBER)
