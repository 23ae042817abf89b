"""Credentials: what opens which door, and what happens to those who knock too often."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from api_world import PASSWORD, Tenant, execute, scalar
from ghanti.accounts.throttle import FAILURES_PER_USER
from ghanti.accounts.tokens import Claims, SessionTokens, TokenType
from ghanti.database.session import SessionFactory


async def _login(http: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    return await http.post("auths/login/", json={"email": email, "password": password})


def _issue(app: FastAPI, token_type: TokenType, user_id: int, version: int = 0) -> str:
    tokens: SessionTokens = app.state.parts.tokens
    return tokens.issue(token_type, Claims(user_id, version))


async def test_login_sets_closed_cookies(tenant: Tenant, http: httpx.AsyncClient) -> None:
    cookies = (await _login(http, tenant.email.upper())).headers.get_list("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["access", "refresh"]
    for cookie in cookies:
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/" in cookie
        assert "Secure" not in cookie


async def test_cookies_are_secure_behind_https(tenant: Tenant, app: FastAPI) -> None:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://ghanti.test/api/v1/"
    ) as http:
        cookies = (await _login(http, tenant.email)).headers.get_list("set-cookie")
        assert all("Secure" in cookie for cookie in cookies)


@pytest.mark.parametrize("body", [{}, {"email": "a@example.com"}, {"password": "x"}])
async def test_login_names_what_is_missing(http: httpx.AsyncClient, body: dict[str, str]) -> None:
    answer = await http.post("auths/login/", data=body)
    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == {"email", "password"} - body.keys()


async def test_wrong_password_and_unknown_user_look_alike(tenant: Tenant, http: httpx.AsyncClient) -> None:
    wrong = await _login(http, tenant.email, "wrong")
    unknown = await _login(http, "nobody@example.com")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


async def test_inactive_user_cannot_log_in(
    tenant: Tenant, http: httpx.AsyncClient, sessions: SessionFactory
) -> None:
    await execute(sessions, "UPDATE users SET is_active = false")
    assert (await _login(http, tenant.email)).status_code == 401
    assert (await tenant.http.get("voice-models/")).status_code == 401


async def test_guessing_is_slowed(tenant: Tenant, http: httpx.AsyncClient) -> None:
    for _ in range(FAILURES_PER_USER):
        assert (await _login(http, tenant.email, "wrong")).status_code == 401
    slowed = await _login(http, tenant.email)
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) > 0
    assert slowed.json()["detail"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "Bearer nonsense"])
async def test_no_credential_is_401(http: httpx.AsyncClient, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = await http.get("voice-models/", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["detail"]
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "Token", "bearer"])
async def test_both_schemes(tenant: Tenant, http: httpx.AsyncClient, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {tenant.token}"}
    assert (await http.get("voice-models/", headers=headers)).status_code == 200


async def test_access_cookie_opens_only_token_generation(tenant: Tenant, http: httpx.AsyncClient) -> None:
    await _login(http, tenant.email)
    assert (await http.get("voice-models/")).status_code == 401
    assert (await http.get("auths/get-api-keys/")).status_code == 401
    assert (await http.post("auths/generate-api-keys/")).status_code == 200


async def test_access_token_as_bearer(tenant: Tenant, http: httpx.AsyncClient) -> None:
    access = (await _login(http, tenant.email)).cookies["access"]
    http.cookies.clear()
    headers = {"Authorization": f"Bearer {access}"}
    assert (await http.get("auths/user-profile/", headers=headers)).json()["user"]["email"] == tenant.email


async def test_cookies_from_another_site_are_refused(tenant: Tenant, http: httpx.AsyncClient) -> None:
    await _login(http, tenant.email)
    for path in ("auths/generate-api-keys/", "auths/login/refresh/"):
        evil = await http.post(path, headers={"Origin": "https://evil.example"})
        assert evil.status_code == 403
        ours = await http.post(path, headers={"Origin": "http://ghanti.test"})
        assert ours.status_code == 200


async def test_new_token_ends_the_former(tenant: Tenant, http: httpx.AsyncClient) -> None:
    token = (await tenant.http.post("auths/generate-api-keys/")).json()["token"]
    assert (await tenant.http.get("voice-models/")).status_code == 401
    headers = {"Authorization": f"Bearer {token}"}
    shown = (await http.get("auths/get-api-keys/", headers=headers)).json()["token"]
    assert shown == token[:4] + "*" * 56 + token[-4:]


async def test_tokens_generated_at_once_leave_one(
    tenant: Tenant, http: httpx.AsyncClient, sessions: SessionFactory
) -> None:
    await _login(http, tenant.email)
    answers = await asyncio.gather(*(http.post("auths/generate-api-keys/") for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert await scalar(sessions, "SELECT count(*) FROM api_tokens WHERE revoked_at IS NULL") == 1


async def test_no_token_yet(tenant: Tenant, http: httpx.AsyncClient, sessions: SessionFactory) -> None:
    await execute(sessions, "DELETE FROM api_tokens")
    access = (await _login(http, tenant.email)).cookies["access"]
    answer = await http.get("auths/get-api-keys/", headers={"Authorization": f"Bearer {access}"})
    assert answer.status_code == 404
    assert answer.json() == {"message": "No API token found. Please generate one first."}


async def test_last_use_is_noted_once_a_minute(tenant: Tenant, sessions: SessionFactory) -> None:
    last_used = "SELECT last_used_at FROM api_tokens"
    await tenant.http.get("voice-models/")
    first = await scalar(sessions, last_used)
    await tenant.http.get("voice-models/")
    assert await scalar(sessions, last_used) == first
    await execute(sessions, "UPDATE api_tokens SET last_used_at = now() - interval '61 seconds'")
    await tenant.http.get("voice-models/")
    assert await scalar(sessions, last_used) > first


async def test_refresh_error_table(
    tenant: Tenant, app: FastAPI, http: httpx.AsyncClient, sessions: SessionFactory
) -> None:
    async def refresh(token: str) -> tuple[int, object]:
        answer = await http.post("auths/login/refresh/", json={"refresh": token})
        return answer.status_code, answer.json()

    malformed = (400, {"detail": "Invalid token payload."})
    inactive = (401, {"detail": "Account is not activated."})
    failed = (401, {"message": "Failed To Refresh The Session"})
    sound = _issue(app, TokenType.REFRESH, tenant.user_id)
    assert await refresh(_issue(app, TokenType.ACCESS, tenant.user_id)) == malformed
    assert await refresh(SessionTokens(b"k" * 32).issue(TokenType.REFRESH, Claims(1, 0))) == failed
    assert await refresh(_issue(app, TokenType.REFRESH, tenant.user_id + 999)) == inactive
    assert await refresh(sound) == (200, {"message": "Session Refreshed Successfully"})
    await execute(sessions, "UPDATE users SET session_version = 1")
    assert await refresh(sound) == failed
    await execute(sessions, "UPDATE users SET is_active = false")
    assert await refresh(sound) == inactive


async def test_viewer_reads_and_may_not_write(viewer: Tenant, tenant: Tenant) -> None:
    campaign = await tenant.ready()
    assert (await viewer.http.get(f"campaign/{campaign['id']}/")).status_code == 200
    assert (await viewer.http.get(f"download/report/{campaign['id']}/")).status_code == 200
    writes = [
        ("POST", "campaign/create/"),
        ("PATCH", f"campaign/create/{campaign['id']}/message/"),
        ("PATCH", f"campaign/create/{campaign['id']}/detail/"),
        ("PATCH", f"campaign/{campaign['id']}/"),
        ("DELETE", f"campaign/{campaign['id']}/"),
        ("POST", f"campaign/{campaign['id']}/add-contact/"),
        ("POST", f"run-campaign/{campaign['id']}/"),
        ("POST", f"campaign/emergency-stop/{campaign['id']}/"),
        ("PATCH", "campaign/1/attributes/"),
        ("PATCH", "phone-number/update/1/"),
        ("DELETE", "phone-number/delete/1/"),
    ]
    for method, path in writes:
        answer = await viewer.http.request(method, path)
        assert (answer.status_code, path) == (403, path)
        assert answer.json()["message"]
    assert (await tenant.get(campaign["id"]))["status"] == "Not Started"
