"""Another account's campaigns and calls do not exist: every operation of both generations, walked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from api_routes import Operation, toingg_operations
from api_world import Tenant, scalar
from ghanti.api.idempotency import KeyedRoute
from ghanti.database.session import SessionFactory
from toingg_world import NUMBER, Speaker, generation

PAGES = {"/docs", "/openapi.json"}
CALL = {"name": "S", "phoneNumber": NUMBER}
PERSON = {"clientName": "S", "clientNumber": NUMBER}

STRANGERS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "/api/make_toingg/": lambda sid, campaign: {"json": {"campaign": "tax", **CALL}},
    "/api/make_batch_toingg/": lambda sid, campaign: {"json": {"campaign": "tax", "numberList": [PERSON]}},
    "/api/hang_up_call/": lambda sid, campaign: {"params": {"callSid": sid}},
    "/api/v3/make_call": lambda sid, campaign: {"json": {"campID": campaign, **CALL}},
    "/api/v3/update_campaign": lambda sid, campaign: {
        "json": {"campId": campaign, "campaignModelData": {"title": "mine"}}
    },
    "/api/v3/call_status": lambda sid, campaign: {"params": {"callId": sid}},
    "/api/v3/get_transcription": lambda sid, campaign: {"params": {"callId": sid}},
    "/api/v3/get_post_call_analysis": lambda sid, campaign: {"params": {"callId": sid}},
}
"""How each that names a row is asked for another account's."""

OWN = {
    *("/api/make_toingg_details/", "/api/send_sms/", "/api/create-checkout-session", "/api/webhook"),
    *("/api/v3/get_supported_languages", "/api/v3/get_supported_voices", "/api/v3/get_campaigns"),
    *("/api/v3/get_campaign_analytics", "/api/v3/create_campaign", "/api/v3/add_webhook"),
    "/api/v3/webhooks/add_webhook",
    *("/api/v3/add_contacts", "/api/v3/send_whatsapp_templates", "/api/v3/get_balance"),
    "/api/v3/generate_api_key",
}
"""Those that name no row but by one's own names."""

OPEN = {"/api/webhook"}
"""Comes with a signature instead."""


def _operations(app: FastAPI) -> list[Operation]:
    return [
        operation
        for prefix in ("/api", "/api/v3")
        for operation in toingg_operations(app, prefix)
        if operation.path.removeprefix(prefix) not in PAGES
    ]


async def _ask(speaker: Speaker, operation: Operation, **parts: Any) -> httpx.Response:
    """An operation as the speaker, whose key stands where either generation looks for it."""
    params = {**parts.pop("params", {}), "apiKey": speaker.key}
    headers = {"Authorization": f"Bearer {speaker.key}"}
    return await speaker.http.request(
        operation.method, operation.url(), params=params, headers=headers, **parts
    )


async def test_a_second_account_finds_nothing(
    speaker: Speaker,
    new_speaker: Callable[..., Any],
    other: Tenant,
    app: FastAPI,
    sessions: SessionFactory,
) -> None:
    """A new operation that is in neither table fails here."""
    stranger = await new_speaker(other)
    made = await speaker.tenant.get((await speaker.tenant.create(name="tax"))["id"])
    sid = (await speaker.call()).json()
    bearer = {"Authorization": f"Bearer {speaker.key}"}
    listed = (await speaker.http.get("/api/v3/get_campaigns", headers=bearer)).json()["result"]
    (campaign,) = listed
    walked = 0
    for operation in _operations(app):
        assert (operation.path in STRANGERS) != (operation.path in OWN), operation
        if operation.path not in STRANGERS:
            continue
        answer = await _ask(stranger, operation, **STRANGERS[operation.path](sid, campaign))
        assert (answer.status_code, operation) == (404, operation), answer.text
        assert answer.json().keys() == {"detail"}
        walked += 1
    assert walked >= 7
    assert await speaker.tenant.get(made["id"]) == made
    assert (await speaker.http.get("/api/v3/get_campaigns", headers=bearer)).json()["result"] == listed
    assert await scalar(sessions, "SELECT count(*) FROM targets WHERE outcome IS NOT NULL") == 0
    assert await scalar(sessions, "SELECT count(*) FROM targets") == 1


async def test_what_is_ones_own_tells_nothing_of_others(
    speaker: Speaker, new_speaker: Callable[..., Any], other: Tenant, app: FastAPI
) -> None:
    stranger = await new_speaker(other)
    reading = [
        operation for operation in _operations(app) if operation.path in OWN and operation.method == "GET"
    ]
    assert len(reading) >= 5
    before = [(await _ask(stranger, operation)).json() for operation in reading]
    await speaker.tenant.ready(name="tax")
    assert (await speaker.call()).status_code == 200
    assert [(await _ask(stranger, operation)).json() for operation in reading] == before


async def test_every_operation_wants_a_credential(
    site: httpx.AsyncClient, tenant: Tenant, app: FastAPI
) -> None:
    """Of its own face; a good one of the other is none."""
    for operation in _operations(app):
        if operation.path in OPEN:
            continue
        parts: dict[str, Any] = {"json": {"apikey": tenant.token}} if "checkout" in operation.path else {}
        headers = {"Authorization": f"Bearer {tenant.token}"}
        params = {"apiKey": tenant.token, "callSid": "x", "callId": "x", "contactList": "x"}
        answer = await site.request(
            operation.method, operation.url(), headers=headers, params=params, **parts
        )
        assert (answer.status_code, operation) == (401, operation), answer.text
        nobody = await site.request(operation.method, operation.url())
        assert nobody.status_code in (401, 422), operation
        assert nobody.json().keys() == {"detail"}


def test_every_post_honours_the_idempotency_key(app: FastAPI) -> None:
    """And has its effect where the key is taken: in a transaction, never with a session that only reads."""
    posts = [
        route.original_route
        for prefix in ("/api", "/api/v3")
        for route in iter_route_contexts(generation(app, prefix).routes)
        if isinstance(route.original_route, APIRoute) and "POST" in (route.original_route.methods or ())
    ]
    assert len(posts) >= 12
    for route in posts:
        assert isinstance(route, KeyedRoute), route.path
        parameters = inspect.signature(route.endpoint).parameters.values()
        assert not any("Reading" in str(parameter.annotation) for parameter in parameters), route.path


async def test_strange_requests_are_no_failure_of_ours(speaker: Speaker, app: FastAPI) -> None:
    """Every operation with bodies and queries that nobody means, and without."""
    strange: list[dict[str, Any]] = [
        {},
        {"content": b"null"},
        {"content": b"[[]]"},
        {"content": b'"x"'},
        {"content": b"\xff"},
        {"content": b"{", "params": {"callSid": "\0", "callId": "\0", "contactList": "\0"}},
        {"data": {"campaign": ["a", "b"], "name": "x", "campID": "y"}},
        {"files": {"file": ("numbers.csv", b"name,phone\nx,1\n", "text/csv")}},
        {"json": {name: {"a": [None]} for name in ("campaign", "name", "phoneNumber", "campID", "apikey")}},
        {"json": dict.fromkeys(("campaign", "name", "phoneNumber", "campID", "apikey", "title"), 10**30)},
        {"json": [1, None, {"name": "x"}], "params": {"contactList": "x" * 5000, "skip": "-1", "limit": "é"}},
        {"json": {"campaign": "\ud83d".encode("utf-8", "replace").decode(), "name": "\u0000"}},
        {"headers": {"Content-Type": "multipart/form-data; boundary="}, "content": b"--\r\n"},
    ]
    for operation in _operations(app):
        for parts in strange:
            sent = {"params": {"callSid": "x", "callId": "x", "contactList": "x"}, **parts}
            headers = {**sent.pop("headers", {}), "Authorization": f"Bearer {speaker.key}"}
            params = {**sent.pop("params"), "apiKey": speaker.key}
            answer = await speaker.http.request(
                operation.method, operation.url(), params=params, headers=headers, **sent
            )
            assert answer.status_code < 500 or answer.status_code == 501, (
                operation,
                parts,
                answer.text[:300],
            )
            if answer.status_code >= 400:
                assert answer.json().keys() == {"detail"}, (operation, parts)
            if operation.path == "/api/v3/generate_api_key" and answer.status_code == 200:
                speaker.key = answer.json()["result"]["apiKey"]
