"""Errors are JSON in the API's own shapes, whatever the client does wrong."""

from __future__ import annotations

import re
from collections.abc import MutableMapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
from fastapi import FastAPI

from api_world import Tenant, assert_error, execute
from ghanti.database.lookups import Lookups
from ghanti.database.session import SessionFactory, create_engine, create_session_factory, reading


def _is_error(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert_error(answer)


@pytest.mark.parametrize("path", ["", "nothing/", "campaign/abc/", "campaign/-1/", "test-speak/riri/"])
async def test_unknown_paths(tenant: Tenant, path: str) -> None:
    _is_error(await tenant.http.get(path), 404)


async def test_id_beyond_any_row(tenant: Tenant) -> None:
    answer = await tenant.http.get(f"campaign/{2**63}/")
    _is_error(answer, 404)
    assert answer.json() == {"detail": "Not found."}
    _is_error(await tenant.http.put(f"run-campaign/{2**63}/"), 404)
    _is_error(await tenant.http.get(f"campaign/{2**63 - 1}/"), 404)
    _is_error(await tenant.http.get(f"campaign/{10**40}/attributes/"), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "voice-models/", "GET"),
        ("GET", "campaign/create/", "POST"),
        ("POST", "campaign/1/attributes/", "GET, PATCH"),
        ("OPTIONS", "campaign/1/", "DELETE, GET, PATCH, POST, PUT"),
    ],
)
async def test_wrong_method_names_the_right_ones(
    tenant: Tenant, method: str, path: str, allowed: str
) -> None:
    answer = await tenant.http.request(method, path)
    _is_error(answer, 405)
    assert answer.headers["allow"] == allowed


async def test_missing_final_slash_keeps_the_body(tenant: Tenant) -> None:
    answer = await tenant.http.post(
        "campaign/create", json={"name": "x", "services": "PHONE", "user_phone": [], "message": "y"}
    )
    assert answer.status_code == 201
    assert (await tenant.http.get("voice-models?limit=1")).status_code == 200


@pytest.mark.parametrize(
    "content", [b"{", b"[1]", b'"text"', b"\xff\xfe", b'{"name": "a\\u0000b"}', b'{"name": "\xed\xa0\x80"}']
)
async def test_bodies_that_are_no_object(tenant: Tenant, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    _is_error(await tenant.http.post("campaign/create/", content=content, headers=headers), 400)


async def test_unread_media_type(tenant: Tenant) -> None:
    headers = {"Content-Type": "text/xml"}
    answer = await tenant.http.post("campaign/create/", content=b"<a/>", headers=headers)
    _is_error(answer, 415)
    assert answer.json() == {
        "detail": "Unsupported media type 'text/xml'; send JSON, urlencoded or multipart form data."
    }


async def test_too_large(tenant: Tenant) -> None:
    body = b'{"name": "' + b"x" * (18 * 1024 * 1024) + b'"}'
    headers = {"Content-Type": "application/json"}
    answer = await tenant.http.post("campaign/create/", content=body, headers=headers)
    _is_error(answer, 413)
    assert answer.json() == {"detail": "The request is larger than 16 MB."}


@pytest.mark.parametrize("header", ["multipart/form-data", "multipart/form-data; boundary=x"])
async def test_broken_multipart(tenant: Tenant, header: str) -> None:
    answer = await tenant.http.post(
        "campaign/create/", content=b"nothing of the kind", headers={"Content-Type": header}
    )
    _is_error(answer, 400)


@pytest.mark.parametrize(
    ("method", "path", "begun"),
    [
        ("POST", "/api/v1/campaign/create/", b'{"name": "ta'),
        (
            "PATCH",
            "/api/v1/campaign/create/1/detail/",
            b'--x\r\nContent-Disposition: form-data; name="bulk_file"; filename="a.csv"\r\n\r\nnum',
        ),
    ],
)
async def test_client_that_breaks_off_is_no_failure(
    app: FastAPI,
    tenant: Tenant,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    begun: bytes,
) -> None:
    request = tenant.http.build_request(method, path)
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": ("ghanti.test", 80),
        "client": ("127.0.0.1", 40000),
    }
    received = iter([{"type": "http.request", "body": begun, "more_body": True}, {"type": "http.disconnect"}])
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return next(received)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert not caplog.records


async def test_unexpected_failure_is_json(tenant: Tenant, sessions: SessionFactory) -> None:
    await execute(sessions, "ALTER TABLE campaigns RENAME TO former_campaigns")
    try:
        answer = await tenant.http.get("campaign/")
    finally:
        await execute(sessions, "ALTER TABLE former_campaigns RENAME TO campaigns")
    _is_error(answer, 500)


async def test_database_away(
    app: FastAPI, http: httpx.AsyncClient, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    engine = create_engine("postgresql://ghanti@/ghanti?host=/nowhere&port=1")
    away = create_session_factory(engine)
    app.state.parts = replace(app.state.parts, sessions=away, readings=reading(away), lookups=Lookups(away))
    answer = await tenant.http.get("campaign/")
    _is_error(answer, 503)
    assert answer.headers["retry-after"]
    health = await http.get("http://ghanti.test/healthz")
    assert health.status_code == 503
    assert health.json() == {"status": "unavailable", "checks": {"database": "does not answer"}}
    logged = [record.getMessage() for record in caplog.records if record.name.startswith("ghanti.api.")]
    assert len(logged) == 2
    assert not any("\n" in line or "sqlalche.me" in line for line in logged)
    await engine.dispose()


async def test_database_that_may_only_be_read_is_away(
    app: FastAPI, tenant: Tenant, api_database: str
) -> None:
    standby = create_engine(api_database).execution_options(postgresql_readonly=True)
    app.state.parts = replace(app.state.parts, sessions=create_session_factory(standby))
    answer = await tenant.http.post("auths/generate-api-keys/")
    _is_error(answer, 503)
    assert answer.headers["retry-after"]
    await standby.dispose()


async def test_health_needs_every_role(http: httpx.AsyncClient, sessions: SessionFactory) -> None:
    url = "http://ghanti.test/healthz"
    assert (await http.get(url)).status_code == 503
    insert = (
        "INSERT INTO worker_sessions (id, role, host, heartbeat_at)"
        " VALUES (gen_random_uuid(), :role, 'here', now() - make_interval(secs => :age))"
    )
    for role in ("call", "sms"):
        await execute(sessions, insert, role=role, age=0)
    await execute(sessions, insert, role="speech", age=3600)
    stale = await http.get(url)
    assert stale.status_code == 503
    assert stale.json()["checks"] == {
        "database": "ok",
        "call": "ok",
        "sms": "ok",
        "speech": "no live worker",
    }
    await execute(sessions, insert, role="speech", age=0)
    ready = await http.get(url)
    assert ready.status_code == 200
    assert ready.json()["status"] == "ok"


async def test_documentation(http: httpx.AsyncClient) -> None:
    document = (await http.get("openapi.json")).json()
    assert "/api/v1/run-campaign/{campaign_id}/" in document["paths"]
    create = document["paths"]["/api/v1/campaign/create/"]["post"]
    assert create["responses"]["201"]["content"]["application/json"]["example"]["id"] == 79
    # FastAPI documents a refusal of its own, which no caller ever sees.
    assert "Idempotency-Key" in create["responses"]["422"]["description"]
    assert "HTTPValidationError" not in str(document)
    page = await http.get("docs")
    assert page.status_code == 200
    links = re.findall('href="([^"]+)"', page.text)
    assert links
    for link in links:
        assert (await http.get(urljoin("http://ghanti.test/api/v1/docs/", link))).status_code == 200
    assert "campaign/emergency-stop/" in page.text
    assert "src=" not in page.text
    assert "//" not in page.text.replace("http://", "").replace("https://", "").partition("<body>")[0]


async def test_forged_and_expired_media_links(app: FastAPI, http: httpx.AsyncClient) -> None:
    links = app.state.parts.links
    token = links.sign("uploads/1/1/a.csv")
    for forged in (token[:-1] + ("A" if token[-1] != "A" else "B"), "x.y", "é", token.replace(".", "")):
        _is_error(await http.get(f"media/{forged}/a.csv"), 404)
    _is_error(await http.get(f"media/{token}/a.csv"), 404)
