"""Two requests for the same thing at the same time: both end well, in whichever order they come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_world import PASSWORD, Tenant, scalar
from ghanti.accounts import passwords
from ghanti.accounts.throttle import FAILURES_PER_USER
from ghanti.campaigns import repository, running
from ghanti.contacts import service as contacts
from ghanti.database.session import SessionFactory, create_engine, create_session_factory, transaction
from ghanti.dialing import ownership

_PATIENCE_SECONDS = 30


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.01)


async def _until_blocked(sessions: SessionFactory) -> None:
    """Wait until some transaction waits for another's lock."""

    async def blocked() -> bool:
        return bool(await scalar(sessions, "SELECT count(*) FROM pg_locks WHERE NOT granted"))

    await _until(blocked)


async def test_campaign_deleted_while_contacts_are_added(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    await tenant.run(campaign["id"])
    async with transaction(sessions) as session:
        await contacts.add_one(session, tenant.account_id, campaign["id"], "9841000009", {})
        task = asyncio.ensure_future(tenant.http.delete(f"campaign/{campaign['id']}/"))
        await _until_blocked(sessions)
        await running.join(session, tenant.account_id, campaign["id"])
    assert (await task).status_code == 200
    assert await scalar(sessions, "SELECT count(*) FROM contacts") == 0


async def test_contact_added_to_a_campaign_that_is_being_deleted(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    campaign = await tenant.ready()
    path = f"campaign/{campaign['id']}/add-contact/"
    file = {"bulk_file": ("c.csv", b"number\n9841999999\n", "text/csv")}
    async with transaction(sessions) as session:
        await contacts.hold_additions(session, tenant.account_id, campaign["id"])
        await repository.remove(session, tenant.account_id, campaign["id"])
        tasks = [
            asyncio.ensure_future(request)
            for request in (
                tenant.http.post(path, json={"number": "9841000009"}),
                tenant.http.post(path, json={"contacts": ["9841000009"]}),
                tenant.http.patch(f"campaign/create/{campaign['id']}/detail/", files=file),
            )
        ]
        await _until_blocked(sessions)
    answers = await asyncio.gather(*tasks)
    assert [answer.status_code for answer in answers] == [404, 404, 404]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "campaign/{}/attributes/", {"name": "राम"}),
        ("PATCH", "phone-number/update/{}/", {"number": "9841000010"}),
        ("DELETE", "phone-number/delete/{}/", None),
    ],
)
async def test_contact_changed_twice_at_once(
    tenant: Tenant, sessions: SessionFactory, method: str, path: str, body: Any
) -> None:
    campaign = await tenant.create()
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    await tenant.run(campaign["id"])
    async with transaction(sessions) as session:
        await ownership.lock_contact(session, tenant.account_id, contact["id"])
        request = tenant.http.request(method, path.format(contact["id"]), json=body)
        task = asyncio.ensure_future(request)
        await _until_blocked(sessions)
        await contacts.update_number(session, tenant.account_id, contact["id"], "9841000005")
    assert (await task).status_code == 200


async def test_a_contact_deleted_by_two_at_once_is_not_found_by_the_second(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    campaign = await tenant.create()
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    async with transaction(sessions) as session:
        await contacts.delete(session, tenant.account_id, contact["id"])
        task = asyncio.ensure_future(tenant.http.delete(f"phone-number/delete/{contact['id']}/"))
        await _until_blocked(sessions)
    answer = await task
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


async def test_guesses_at_once_are_not_all_let_through(tenant: Tenant, http: httpx.AsyncClient) -> None:
    body = {"email": tenant.email, "password": "wrong"}
    answers = await asyncio.gather(*(http.post("auths/login/", json=body) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [401] * FAILURES_PER_USER + [429] * (
        20 - FAILURES_PER_USER
    )


async def test_logins_that_wait_hold_no_connection(
    app: FastAPI, api_database: str, tenant: Tenant, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = create_engine(api_database, pool_size=1)
    app.state.parts = replace(app.state.parts, sessions=create_session_factory(engine))
    hashing, finish = asyncio.Event(), asyncio.Event()

    async def slow(stored: str | None, password: str) -> bool:
        hashing.set()
        await finish.wait()
        return password == PASSWORD

    monkeypatch.setattr(passwords, "verify_password", slow)
    body = {"email": tenant.email, "password": PASSWORD}
    logins = [asyncio.ensure_future(http.post("auths/login/", json=body)) for _ in range(4)]
    async with asyncio.timeout(_PATIENCE_SECONDS):
        await hashing.wait()
        assert (await tenant.http.get("voice-models/")).status_code == 200
    finish.set()
    assert {login.status_code for login in await asyncio.gather(*logins)} == {200}
    await engine.dispose()


async def test_uploads_that_wait_hold_no_connection(app: FastAPI, api_database: str, tenant: Tenant) -> None:
    campaign = await tenant.create()
    engine = create_engine(api_database, pool_size=1)
    app.state.parts = replace(app.state.parts, sessions=create_session_factory(engine))
    path = f"campaign/create/{campaign['id']}/detail/"

    def upload(number: int) -> Any:
        data = f"number\n98410000{number:02}\n".encode()
        return tenant.http.patch(path, files={"bulk_file": ("c.csv", data, "text/csv")})

    async def all_wait() -> bool:
        return len(list(app.state.parts.settings.media_folder.rglob("*.csv"))) == len(uploads)

    async with contacts.reading_turn(-1), contacts.reading_turn(-2):
        uploads = [asyncio.ensure_future(upload(number)) for number in range(5)]
        await _until(all_wait)
        assert (await tenant.http.get("voice-models/")).status_code == 200
        assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert [answer.json()["created"] for answer in await asyncio.gather(*uploads)] == [1] * 5
    await engine.dispose()


async def test_uploads_of_one_account_do_not_keep_others_waiting(
    app: FastAPI, tenant: Tenant, other: Tenant
) -> None:
    data = b"number\n9841000001\n"

    async def upload(who: Tenant, campaign_id: int) -> httpx.Response:
        path = f"campaign/create/{campaign_id}/detail/"
        return await who.http.patch(path, files={"bulk_file": ("c.csv", data, "text/csv")})

    mine = [(await tenant.create())["id"] for _ in range(3)]
    theirs = (await other.create())["id"]

    async def all_wait() -> bool:
        return len(list(app.state.parts.settings.media_folder.rglob("*.csv"))) == len(mine)

    async with contacts.reading_turn(tenant.account_id):
        waiting = [asyncio.ensure_future(upload(tenant, campaign_id)) for campaign_id in mine]
        await _until(all_wait)
        async with asyncio.timeout(30):
            assert (await upload(other, theirs)).json()["created"] == 1
        assert not any(task.done() for task in waiting)
    assert [answer.json()["created"] for answer in await asyncio.gather(*waiting)] == [1] * 3


async def test_contact_added_as_the_campaign_is_started_joins_the_run(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    campaign = await tenant.ready()
    async with transaction(sessions) as session:
        await contacts.hold_additions(session, tenant.account_id, campaign["id"])
        adding = asyncio.ensure_future(
            tenant.http.post(f"campaign/{campaign['id']}/add-contact/", json={"number": "9841000009"})
        )
        await _until_blocked(sessions)
        # Another transaction, over before the one that adds comes to its turn.
        await tenant.run(campaign["id"])
    assert (await adding).status_code == 201
    joined = (
        "SELECT count(*) FROM targets JOIN contacts c ON c.id = contact_id AND c.number = '+9779841000009'"
    )
    assert await scalar(sessions, joined) == 1


async def test_number_added_twice_at_once_is_added_once(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    path = f"campaign/{campaign['id']}/add-contact/"
    answers = await asyncio.gather(*(tenant.http.post(path, json={"number": "9841000009"}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]
    assert await scalar(sessions, "SELECT count(*) FROM contacts") == 1
