"""What the first generation answers when it does not do what it was asked."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_world import execute
from ghanti.database.lookups import Lookups
from ghanti.database.session import SessionFactory, create_engine, create_session_factory, reading
from toingg_world import NUMBER, Speaker, generation

CALL = {"campaign": "tax", "name": "Sita", "phoneNumber": NUMBER}
DETAILS = {"campaignName": "tax", "campaignScript": "x", "name": "Sita", "phoneNumber": NUMBER}
BATCH = {"campaign": "tax", "numberList": [{"clientName": "Sita", "clientNumber": NUMBER}]}
SMS = {"name": "Sita", "phoneNumber": NUMBER, "message": "x"}
BODIES: dict[str, dict[str, Any]] = {
    "/make_toingg/": CALL,
    "/make_toingg_details/": DETAILS,
    "/make_batch_toingg/": BATCH,
    "/send_sms/": SMS,
}
SID = {"callSid": "CA" + "0" * 32}


def _is_error(answer: httpx.Response, status: int) -> Any:
    """The detail of an error in this API's shape."""
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == {"detail"}
    assert "Traceback" not in answer.text
    return answer.json()["detail"]


async def test_without_a_key(site: httpx.AsyncClient) -> None:
    missing = [{"loc": ["query", "apiKey"], "msg": "Field required", "type": "missing"}]
    for path in (*BODIES, "/hang_up_call/"):
        for base in ("/api", ""):
            answer = await site.post(base + path, params=SID, json=BODIES.get(path))
            assert _is_error(answer, 422) == missing


@pytest.mark.parametrize("key", ["", "x", "tg_", "f" * 64, "é", "x" * 4000, "tg_00000000\0", "Bearer x"])
async def test_with_a_wrong_key(site: httpx.AsyncClient, key: str) -> None:
    for path in (*BODIES, "/hang_up_call/"):
        answer = await site.post(f"/api{path}", params={**SID, "apiKey": key}, json=BODIES.get(path))
        assert isinstance(_is_error(answer, 401), str)
        assert answer.headers["www-authenticate"] == "ApiKey"


async def test_a_key_is_spelled_as_documented(speaker: Speaker) -> None:
    for name in ("apikey", "ApiKey", "api_key"):
        answer = await speaker.http.post(f"/api/make_toingg/?{name}={speaker.key}", json=CALL)
        assert _is_error(answer, 422)[0]["loc"] == ["query", "apiKey"]
    bearer = {"Authorization": f"Bearer {speaker.key}"}
    assert (await speaker.http.post("/api/make_toingg/", json=CALL, headers=bearer)).status_code == 422


async def test_the_key_is_asked_for_before_the_body(site: httpx.AsyncClient) -> None:
    """Who has none sends nothing that is read."""
    headers = {"Content-Length": str(10**10), "Content-Type": "application/json"}
    for query, status in (("", 422), ("?apiKey=x", 401)):
        answer = await site.post(f"/api/make_toingg/{query}", content=b"{", headers=headers)
        _is_error(answer, status)


@pytest.mark.parametrize("path", BODIES)
async def test_each_missing_field_is_named(speaker: Speaker, path: str) -> None:
    for body in ({}, None):
        missing = _is_error(await speaker.first(path, body), 422)
        assert [item["loc"] for item in missing] == [["body", name] for name in BODIES[path]]
        assert {(item["msg"], item["type"]) for item in missing} == {("Field required", "missing")}


@pytest.mark.parametrize("path", BODIES)
async def test_values_of_other_types(speaker: Speaker, path: str) -> None:
    values: list[Any] = [None, [], {}, True, ["x"], {"a": 1}]
    for name in BODIES[path]:
        for value in values:
            wrong = _is_error(await speaker.first(path, {**BODIES[path], name: value}), 422)
            assert [item["loc"][:2] for item in wrong] == [["body", name]]


async def test_bad_numbers(speaker: Speaker) -> None:
    await speaker.tenant.create(name="tax")
    for number in ("", " ", "12", "123456789012345678", "no number", "+", "\t9841\n", "98x41"):
        for path in ("/make_toingg/", "/make_toingg_details/", "/send_sms/"):
            answer = await speaker.first(path, {**BODIES[path], "phoneNumber": number})
            assert [item["loc"] for item in _is_error(answer, 422)] == [["body", "phoneNumber"]]


async def test_unknown_campaign(speaker: Speaker) -> None:
    for path in ("/make_toingg/", "/make_batch_toingg/"):
        assert _is_error(await speaker.first(path, BODIES[path]), 404) == "There is no campaign tax."


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[1]",
        b'"text"',
        b"\xff\xfe",
        b'{"campaign": "a\\u0000b"}',
        b'{"campaign": "\xed\xa0\x80"}',
        b'{"campaign": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"numberList": ' + b"[" * 100_000,
        b"\0" * 100,
    ],
)
async def test_bodies_that_cannot_be_read(speaker: Speaker, content: bytes) -> None:
    for path in BODIES:
        answer = await speaker.first(path, content=content, headers={"Content-Type": "application/json"})
        (item,) = _is_error(answer, 422)
        assert (item["loc"], item["type"]) == (["body"], "json_invalid")


async def test_values_made_to_hurt(speaker: Speaker) -> None:
    """Beside the documented fields anything may stand, and nothing of it is a failure of ours."""
    await speaker.tenant.create(name="tax", message="{name} {v}")
    deep: Any = 0
    for _ in range(60):
        deep = [deep]
    values = [deep, {"a": deep}, 10**400, 1e308, -0.0, "x" * 100_000, "\u202e{v}", "{name}", "{", "", [], {}]
    names = ["v", "", " ", "{v}", "name ", "personal", "text", "variables", "__class__", "x" * 5000, "é"]
    for fields in [{"v": value} for value in values] + [{"v": 1, name: 2} for name in names]:
        content = json.dumps({**CALL, **fields}).encode()
        answer = await speaker.first("/make_toingg/", content=content)
        assert answer.status_code in (200, 422), answer.text[:300]


async def test_other_ways_to_send_a_body(speaker: Speaker) -> None:
    await speaker.tenant.create(name="tax")
    url = f"/api/make_toingg/?apiKey={speaker.key}"
    body = json.dumps(CALL).encode()
    answers = [
        await speaker.http.post(url, data=CALL),
        await speaker.http.post(url, files={name: (None, value) for name, value in CALL.items()}),
        await speaker.http.post(url, content=body),
        await speaker.http.post(url, content=body, headers={"Content-Type": "text/plain"}),
        await speaker.http.post(
            url, content=body, headers={"Content-Type": "application/x-www-form-urlencoded"}
        ),
    ]
    assert [answer.status_code for answer in answers] == [200] * 5


async def test_a_type_that_nobody_reads(speaker: Speaker) -> None:
    answer = await speaker.first("/send_sms/", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert "media type" in _is_error(answer, 415)


async def test_too_large(speaker: Speaker) -> None:
    answer = await speaker.first("/send_sms/", {**SMS, "message": "x" * (18 * 1024 * 1024)})
    assert _is_error(answer, 413) == "The request is larger than 16 MB."


async def test_too_long(speaker: Speaker) -> None:
    await speaker.tenant.create(name="tax")
    answers = {
        ("body", "message"): await speaker.first("/send_sms/", {**SMS, "message": "x" * 50_000}),
        ("body", "campaignScript"): await speaker.first(
            "/make_toingg_details/", {**DETAILS, "campaignScript": "x" * 50_000}
        ),
        ("body", "campaignName"): await speaker.first(
            "/make_toingg_details/", {**DETAILS, "campaignName": "x" * 300}
        ),
    }
    for location, answer in answers.items():
        assert [tuple(item["loc"]) for item in _is_error(answer, 422)] == [location]


@pytest.mark.parametrize("path", [*BODIES, "/hang_up_call/", "/create-checkout-session", "/webhook"])
async def test_other_verbs(site: httpx.AsyncClient, path: str) -> None:
    forms = [base + form for base in ("/api", "") for form in (path.rstrip("/"), path.rstrip("/") + "/")]
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        for form in forms:
            answer = await site.request(method, form)
            assert _is_error(answer, 405) == "Method Not Allowed"
            assert answer.headers["allow"] == "POST"


async def test_unknown_paths(site: httpx.AsyncClient) -> None:
    for path in ("", "/", "/x", "/make_toingg/x", "/v2/make_toingg/", "/make_toingg//", "/%00"):
        for method in ("GET", "POST", "OPTIONS"):
            answer = await site.request(method, f"http://ghanti.test/api{path}")
            assert answer.status_code == 404
            assert answer.json()["detail"].lower().rstrip(".") == "not found"


async def test_each_api_tells_of_unknown_paths_as_its_own_clients_know_it(site: httpx.AsyncClient) -> None:
    assert (await site.get("/api/v3/x")).json() == {"detail": "Not Found"}
    assert (await site.get("/api/x")).json() == {"detail": "Not Found"}
    for path in ("/api/v1/x/", "/api/v1/x", "/x", "/v1/make_toingg/"):
        assert (await site.get(path)).json() == {"detail": "Not found."}


async def test_final_slashes_are_as_one_likes(speaker: Speaker) -> None:
    """Answered at once: a redirect might lose the body."""
    await speaker.tenant.create(name="tax")
    for base in ("/api", ""):
        for path, body in BODIES.items():
            for form in (path, path.rstrip("/")):
                answer = await speaker.http.post(f"{base}{form}?apiKey={speaker.key}", json=body)
                assert answer.status_code == 200, (base, form, answer.text)
        for form in ("/create-checkout-session", "/create-checkout-session/"):
            assert (await speaker.http.post(base + form, json={"apikey": "x"})).status_code == 401


async def test_checkout_takes_its_key_in_the_body(speaker: Speaker) -> None:
    url = f"/api/create-checkout-session?apiKey={speaker.key}"
    for body in ({}, {"apiKey": speaker.key}, {"apikey": None}, None):
        answer = await speaker.http.post(url, json=body)
        assert [item["loc"] for item in _is_error(answer, 422)] == [["body", "apikey"]]
    assert isinstance(_is_error(await speaker.http.post(url, json={"apikey": "x"}), 401), str)
    token = {"apikey": speaker.tenant.token}
    assert isinstance(_is_error(await speaker.http.post(url, json=token), 401), str)


async def test_database_away(app: FastAPI, speaker: Speaker, caplog: pytest.LogCaptureFixture) -> None:
    engine = create_engine("postgresql://ghanti@/ghanti?host=/nowhere&port=1")
    away = create_session_factory(engine)
    first = generation(app, "/api")
    speaker_is_known = await speaker.first("/make_toingg/", CALL)
    assert speaker_is_known.status_code == 404
    first.state.parts = replace(
        first.state.parts, sessions=away, readings=reading(away), lookups=Lookups(away)
    )
    for path, body in BODIES.items():
        answer = await speaker.first(path, body)
        assert isinstance(_is_error(answer, 503), str)
        assert answer.headers["retry-after"]
    assert speaker.key not in caplog.text
    await engine.dispose()


async def test_unexpected_failure(
    speaker: Speaker, sessions: SessionFactory, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, without the key that stands in its URL, and browsers may read that it happened."""
    await execute(sessions, "ALTER TABLE campaigns RENAME TO former_campaigns")
    try:
        answer = await speaker.first("/make_toingg/", CALL, headers={"Origin": "https://shop.example"})
    finally:
        await execute(sessions, "ALTER TABLE former_campaigns RENAME TO campaigns")
    assert isinstance(_is_error(answer, 500), str)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "make_toingg" in caplog.text
    assert speaker.key not in caplog.text
