"""A POST sent again under its ``Idempotency-Key`` has its effect once, whatever happens in between."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from api_world import PASSWORD, Tenant, assert_error, execute, scalar
from audio_files import audio_file
from ghanti.api.context import Transaction
from ghanti.api.idempotency import KeyedRoute
from ghanti.app import create_app
from ghanti.database.session import SessionFactory, create_engine, create_session_factory
from ghanti.encryption import SecretBox
from ghanti.idempotency import service as idempotency
from ghanti.settings import Settings

KEY = {"Idempotency-Key": "7f8c"}
REPLAYED = "idempotent-replayed"


def _body(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    return {"name": "tax", "services": "PHONE", "user_phone": tenant.phones, "message": "नमस्ते"} | fields


async def _count(sessions: SessionFactory, table: str) -> int:
    return int(await scalar(sessions, f"SELECT count(*) FROM {table}"))


async def test_repetition_is_answered_as_the_first(tenant: Tenant, sessions: SessionFactory) -> None:
    first = await tenant.http.post("campaign/create/", json=_body(tenant), headers=KEY)
    again = await tenant.http.post("campaign/create/", json=_body(tenant), headers=KEY)
    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"]
    assert REPLAYED not in first.headers
    assert again.headers[REPLAYED] == "true"
    assert await _count(sessions, "campaigns") == 1


async def test_spelling_of_the_same_json_does_not_matter(tenant: Tenant, sessions: SessionFactory) -> None:
    body = _body(tenant)
    await tenant.http.post("campaign/create/", json=body, headers=KEY)
    turned = dict(reversed(body.items()))
    again = await tenant.http.post("campaign/create", json=turned, headers=KEY)
    assert again.headers[REPLAYED] == "true"
    assert await _count(sessions, "campaigns") == 1


async def test_another_request_under_the_key_is_422(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    add = f"campaign/{campaign['id']}/add-contact/"
    first = await tenant.http.post(add, json={"number": "9841000003"}, headers=KEY)
    assert first.status_code == 201
    others = [
        await tenant.http.post(add, json={"number": "9841000004"}, headers=KEY),
        await tenant.http.post(f"run-campaign/{campaign['id']}/", headers=KEY),
        await tenant.http.post(f"{add}?x=1", json={"number": "9841000003"}, headers=KEY),
    ]
    for answer in others:
        assert answer.status_code == 422
        assert_error(answer)
    assert await _count(sessions, "contacts") == 3
    assert (await tenant.get(campaign["id"]))["status"] == "Not Started"


async def test_body_of_a_post_that_reads_none_counts_too(tenant: Tenant) -> None:
    campaign = await tenant.ready()
    path = f"run-campaign/{campaign['id']}/"
    assert (await tenant.http.post(path, json={"a": 1}, headers=KEY)).status_code == 200
    assert (await tenant.http.post(path, json={"a": 2}, headers=KEY)).status_code == 422
    again = await tenant.http.post(path, json={"a": 1}, headers=KEY)
    assert (again.status_code, again.headers[REPLAYED]) == (200, "true")


async def test_campaign_is_run_once(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    path = f"run-campaign/{campaign['id']}/"
    answers = [await tenant.http.post(path, headers=KEY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.content for answer in answers}) == 1
    assert (await tenant.http.post(path)).status_code == 409
    assert await _count(sessions, "plans") == 1


async def test_bulk_add_is_done_once(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    body = {"contacts": [{"number": 9841000000 + index} for index in range(500)]}
    path = f"campaign/{campaign['id']}/add-contact/"
    first = await tenant.http.post(path, json=body, headers=KEY)
    again = await tenant.http.post(path, json=body, headers=KEY)
    assert (first.status_code, first.json()["created"]) == (201, 500)
    assert again.content == first.content
    assert await _count(sessions, "contacts") == 500


async def test_answer_too_large_to_keep_is_told_so(
    tenant: Tenant, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "LONGEST_ANSWER", 100)
    first = await tenant.http.post("campaign/create/", json=_body(tenant), headers=KEY)
    again = await tenant.http.post("campaign/create/", json=_body(tenant), headers=KEY)
    assert first.status_code == again.status_code == 201
    assert set(again.json()) == {"message"}
    assert await _count(sessions, "campaigns") == 1


async def test_forms_and_files_are_known_again(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    path = f"campaign/create/{campaign['id']}/detail/"

    async def upload(data: bytes) -> httpx.Response:
        # A client draws a new boundary for each of them.
        return await tenant.http.post(path, files={"bulk_file": ("c.csv", data, "text/csv")}, headers=KEY)

    first, again = await upload(b"number\n9841000001\n"), await upload(b"number\n9841000001\n")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.request.headers["content-type"] != again.request.headers["content-type"]
    assert again.json() == first.json()
    assert again.json()["created"] == 1
    assert (await upload(b"number\n9841000002\n")).status_code == 422
    assert await _count(sessions, "contacts") == 1

    form = {"Idempotency-Key": "form"}
    add = f"campaign/{campaign['id']}/add-contact/"
    sent = [await tenant.http.post(add, data={"number": "9841000009"}, headers=form) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [201, 201]
    assert sent[1].headers[REPLAYED] == "true"


async def test_refusal_is_repeated_and_leaves_nothing(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    path = f"run-campaign/{campaign['id']}/"
    first = await tenant.http.post(path, headers=KEY)
    assert first.status_code == 400
    await tenant.add(campaign["id"], "9841000001")
    again = await tenant.http.post(path, headers=KEY)
    assert (again.status_code, again.content) == (400, first.content)
    assert again.headers[REPLAYED] == "true"
    assert await _count(sessions, "plans") == 0
    assert (await tenant.run(campaign["id"])).status_code == 200


async def test_server_error_is_not_kept(tenant: Tenant, sessions: SessionFactory) -> None:
    await execute(sessions, "ALTER TABLE campaigns RENAME COLUMN draft TO rough")
    try:
        failed = await tenant.http.post("campaign/create/", json=_body(tenant), headers=KEY)
    finally:
        await execute(sessions, "ALTER TABLE campaigns RENAME COLUMN rough TO draft")
    assert failed.status_code == 500
    assert await _count(sessions, "idempotency_keys") == 0
    assert (await tenant.http.post("campaign/create/", json=_body(tenant), headers=KEY)).status_code == 201


async def test_another_account_has_keys_of_its_own(tenant: Tenant, other: Tenant) -> None:
    mine = await tenant.http.post("campaign/create/", json=_body(tenant), headers=KEY)
    theirs = await other.http.post("campaign/create/", json=_body(other), headers=KEY)
    assert (mine.status_code, theirs.status_code) == (201, 201)
    assert mine.json()["id"] != theirs.json()["id"]
    assert REPLAYED not in theirs.headers


async def test_nobodys_key_is_not_kept(http: httpx.AsyncClient, sessions: SessionFactory) -> None:
    assert (await http.post("campaign/create/", json={}, headers=KEY)).status_code == 401
    assert await _count(sessions, "idempotency_keys") == 0


async def test_viewer_is_refused_under_a_key_too(viewer: Tenant, tenant: Tenant) -> None:
    assert (await tenant.http.post("campaign/create/", json=_body(tenant), headers=KEY)).status_code == 201
    refused = await viewer.http.post("campaign/create/", json=_body(tenant), headers=KEY)
    assert refused.status_code == 403


async def test_new_token_is_repeated_and_kept_encrypted(
    tenant: Tenant, http: httpx.AsyncClient, sessions: SessionFactory
) -> None:
    await http.post("auths/login/", json={"email": tenant.email, "password": PASSWORD})
    first = await http.post("auths/generate-api-keys/", headers=KEY)
    again = await http.post("auths/generate-api-keys/", headers=KEY)
    assert first.status_code == again.status_code == 200
    assert again.json()["token"] == first.json()["token"]
    kept = await scalar(sessions, "SELECT body FROM idempotency_keys")
    assert first.json()["token"].encode() not in kept
    headers = {"Authorization": f"Bearer {again.json()['token']}"}
    assert (await http.get("voice-models/", headers=headers)).status_code == 200


async def test_the_former_token_is_forgotten_once_the_new_one_is_committed(
    tenant: Tenant, http: httpx.AsyncClient, api_database: str, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be used, and is remembered, until the commit; whoever has the answer finds that it is void."""
    monkeypatch.setattr(app.state.parts.authenticator, "_memory_seconds", 60)
    await http.post("auths/login/", json={"email": tenant.email, "password": PASSWORD})
    with psycopg.connect(api_database, autocommit=True) as watcher, psycopg.connect(api_database) as holder:
        holder.execute("LOCK TABLE idempotency_keys IN EXCLUSIVE MODE")
        generating = asyncio.create_task(http.post("auths/generate-api-keys/", headers=KEY))
        await _waiting(watcher, "idempotency_keys")
        assert (await tenant.http.get("voice-models/")).status_code == 200
        holder.rollback()
        assert (await generating).status_code == 200
    assert (await tenant.http.get("voice-models/")).status_code == 401


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_key_of_another_length_is_400(tenant: Tenant, key: str) -> None:
    answer = await tenant.http.post("campaign/create/", json=_body(tenant), headers={"Idempotency-Key": key})
    assert answer.status_code == 400
    assert_error(answer)
    assert (await tenant.http.get("campaign/")).json()["count"] == 0


async def test_longest_key(tenant: Tenant) -> None:
    headers = {"Idempotency-Key": "x" * 255}
    first = await tenant.http.post("campaign/create/", json=_body(tenant), headers=headers)
    again = await tenant.http.post("campaign/create/", json=_body(tenant), headers=headers)
    assert first.json() == again.json()


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_other_methods_take_no_notice(tenant: Tenant, method: str) -> None:
    campaign = await tenant.create()
    path = f"campaign/{campaign['id']}/"
    for name in ("a", "b"):
        answer = await tenant.http.request(method, path, json={"name": name}, headers=KEY)
        assert (answer.status_code, answer.json()["name"]) == (200, name)


async def test_many_at_once_have_one_effect(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    path = f"campaign/{campaign['id']}/add-contact/"

    async def add() -> httpx.Response:
        return await tenant.http.post(path, json={"number": "9841000001"}, headers=KEY)

    answers = await asyncio.gather(*(add() for _ in range(20)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    fresh = [answer for answer in answers if answer.status_code == 201 and REPLAYED not in answer.headers]
    assert len(fresh) == 1
    assert await _count(sessions, "contacts") == 1
    assert (await add()).content == fresh[0].content


@contextmanager
def _contacts_locked(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database, autocommit=True) as watcher, psycopg.connect(database) as holder:
        holder.execute("LOCK TABLE contacts IN EXCLUSIVE MODE")
        yield watcher


async def _waiting(watcher: psycopg.Connection[Any], table: str = "contacts") -> int:
    """The backend that waits for the locked table."""
    async with asyncio.timeout(30):
        while True:
            row = watcher.execute(
                "SELECT pid FROM pg_locks WHERE NOT granted AND relation = %s::regclass", [table]
            ).fetchone()
            if row is not None:
                return int(row[0])
            await asyncio.sleep(0.01)


async def test_while_the_first_is_under_way(
    tenant: Tenant, other: Tenant, api_database: str, sessions: SessionFactory
) -> None:
    campaign = await tenant.create()
    path = f"campaign/{campaign['id']}/add-contact/"
    with _contacts_locked(api_database) as watcher:
        first = asyncio.create_task(tenant.http.post(path, json={"number": "9841000001"}, headers=KEY))
        await _waiting(watcher)
        second = await tenant.http.post(path, json={"number": "9841000001"}, headers=KEY)
        theirs = await other.http.post("campaign/create/", json=_body(other), headers=KEY)
    assert second.status_code == 409
    assert_error(second)
    assert theirs.status_code == 201
    assert (await first).status_code == 201
    third = await tenant.http.post(path, json={"number": "9841000001"}, headers=KEY)
    assert third.headers[REPLAYED] == "true"
    assert await _count(sessions, "contacts") == 1


async def test_killed_before_its_commit(tenant: Tenant, api_database: str, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    path = f"campaign/{campaign['id']}/add-contact/"
    with _contacts_locked(api_database) as watcher:
        first = asyncio.create_task(tenant.http.post(path, json={"number": "9841000001"}, headers=KEY))
        watcher.execute("SELECT pg_terminate_backend(%s)", [await _waiting(watcher)])
        assert (await first).status_code == 503
    assert await _count(sessions, "contacts") == 0
    again = await tenant.http.post(path, json={"number": "9841000001"}, headers=KEY)
    assert (again.status_code, REPLAYED in again.headers) == (201, False)
    assert await _count(sessions, "contacts") == 1


async def test_neither_answer_nor_effect_without_the_other(tenant: Tenant, sessions: SessionFactory) -> None:
    """A commit that fails takes both with it."""
    campaign = await tenant.create()
    path = f"campaign/{campaign['id']}/add-contact/"
    await execute(
        sessions,
        "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'disk full'; END $$",
    )
    await execute(
        sessions,
        "CREATE CONSTRAINT TRIGGER broken AFTER INSERT ON idempotency_keys"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION broken()",
    )
    try:
        failed = await tenant.http.post(path, json={"number": "9841000001"}, headers=KEY)
    finally:
        await execute(sessions, "DROP FUNCTION broken CASCADE")
    assert failed.status_code == 500
    assert await _count(sessions, "contacts") == await _count(sessions, "idempotency_keys") == 0
    assert (await tenant.http.post(path, json={"number": "9841000001"}, headers=KEY)).status_code == 201


async def test_answers_expire_after_a_day(tenant: Tenant, sessions: SessionFactory) -> None:
    await tenant.http.post("campaign/create/", json=_body(tenant), headers=KEY)
    left = await scalar(sessions, "SELECT expires_at - now() FROM idempotency_keys")
    assert 86_000 < left.total_seconds() <= 86_400
    await execute(sessions, "UPDATE idempotency_keys SET expires_at = now()")
    again = await tenant.http.post("campaign/create/", json=_body(tenant, name="other"), headers=KEY)
    assert (again.status_code, REPLAYED in again.headers) == (201, False)
    assert await _count(sessions, "idempotency_keys") == 1


async def test_sweep_removes_what_expired(tenant: Tenant, sessions: SessionFactory) -> None:
    await tenant.http.post("campaign/create/", json=_body(tenant), headers={"Idempotency-Key": "old"})
    await execute(sessions, "UPDATE idempotency_keys SET expires_at = now()")
    await tenant.http.post("campaign/create/", json=_body(tenant), headers={"Idempotency-Key": "new"})
    await idempotency.sweep(sessions)
    assert await scalar(sessions, "SELECT string_agg(key, ',') FROM idempotency_keys") == "new"


def _posts(app: FastAPI) -> Iterator[APIRoute]:
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, APIRoute) and "POST" in (route.original_route.methods or ()):
            yield route.original_route


def test_every_post_honours_the_key(app: FastAPI) -> None:
    posts = list(_posts(app))
    assert len(posts) > 8
    for route in posts:
        assert isinstance(route, KeyedRoute), route.path


EFFECTLESS = {"test_speak", "download_report", "login"}
"""Those that change nothing in the database, but for a login, which heeds no key."""

ASKS_OUTSIDE = {"checkout"}
"""Asks the payment provider, for which no transaction may wait: its repetitions are told of one page."""


def test_every_post_with_an_effect_has_it_in_the_transaction_that_takes_the_key(app: FastAPI) -> None:
    without = set()
    for route in _posts(app):
        parameters = inspect.signature(route.endpoint).parameters.values()
        annotations = {str(parameter.annotation) for parameter in parameters}
        assert not any("Reading" in annotation for annotation in annotations), route.path
        if not {"Transaction", str(Transaction)} & annotations:
            without.add(route.endpoint.__name__)
    assert without == EFFECTLESS | ASKS_OUTSIDE


@pytest.fixture
async def narrow(
    tenant: Tenant, api_database: str, tmp_path: Path
) -> AsyncIterator[Callable[..., httpx.AsyncClient]]:
    """Makes clients of an API that has one connection to the database."""
    clients: list[httpx.AsyncClient] = []
    engine = create_engine(api_database, pool_size=1, overflow=0)
    settings = Settings(data=tmp_path / "narrow", fetch_networks="127.0.0.1")
    app = create_app(settings, create_session_factory(engine), SecretBox(b"a key for tests"))

    def client(**headers: str) -> httpx.AsyncClient:
        clients.append(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app, raise_app_exceptions=False),
                base_url="http://ghanti.test/api/v1/",
                headers={"Authorization": f"Bearer {tenant.token}", **headers},
            )
        )
        return clients[-1]

    yield client
    for made in clients:
        await made.aclose()
    await engine.dispose()


async def test_slow_preparation_holds_no_connection(
    tenant: Tenant, narrow: Callable[..., httpx.AsyncClient], sessions: SessionFactory
) -> None:
    """And of two that prepare under one key, one has its effect."""
    asked, let = asyncio.Semaphore(0), asyncio.Event()
    sound = audio_file("mp3", 1)

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.release()
        await let.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(sound), sound))
        writer.close()

    server = await asyncio.start_server(slow, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.mp3"
    body = _body(tenant, category="Audio", voice=1, audio_file=url)
    async with server, asyncio.timeout(60):
        posts = [
            asyncio.create_task(narrow(**KEY).post("campaign/create/", json=body, timeout=60))
            for _ in range(2)
        ]
        for _ in posts:
            await asked.acquire()
        assert (await narrow().get("campaign/")).json()["count"] == 0
        let.set()
        answers = await asyncio.gather(*posts)
    fresh = [answer for answer in answers if answer.status_code == 201 and REPLAYED not in answer.headers]
    assert len(fresh) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    again = await narrow(**KEY).post("campaign/create/", json=body)
    assert (again.content, again.headers[REPLAYED]) == (fresh[0].content, "true")
    assert await _count(sessions, "campaigns") == 1


async def test_a_keyed_request_never_waits_for_a_second_connection(
    tenant: Tenant, narrow: Callable[..., httpx.AsyncClient]
) -> None:
    """Or else as many as there are connections would wait for each other."""
    campaign = await tenant.create(services="SURVEY")
    template = {"name": "water", "voice": 1, "content": []}
    async with asyncio.timeout(20):
        steps = await narrow(**KEY).post(f"campaign/create/{campaign['id']}/survey/", json={"steps": []})
        assert steps.status_code == 200, steps.text
        made = await tenant.http.post("survey-templates/", json=template)
        path = f"survey-templates/{made.json()['id']}/"
        changed = await narrow(**{"Idempotency-Key": "b"}).post(path, json={"name": "road"})
        assert (changed.status_code, changed.json()["name"]) == (200, "road"), changed.text
        form = {"category": "Audio", "voice": "1"}
        file = {"audio_file": ("a.mp3", audio_file("mp3", 1), "audio/mpeg")}
        spoken = await tenant.create()
        set_message = f"campaign/create/{spoken['id']}/message/"
        first = await narrow(**{"Idempotency-Key": "c"}).post(set_message, data=form, files=file)
        assert first.status_code == 200, first.text
        own = {"audio_file": first.json()["audio_file"]}
        kept = await narrow(**{"Idempotency-Key": "d"}).post(set_message, json=form | own)
        assert kept.status_code == 200, kept.text
