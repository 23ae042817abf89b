"""Requests as they arrive at a web server: filled, signed, at least once, and never at our own network."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import logging
import os
import sys
import time
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from engine_world import outcome
from ghanti.database.session import transaction
from ghanti.fetching import SafeFetcher
from ghanti.settings import Settings
from ghanti.webhooks import delivering, service
from ghanti.webhooks.delivering import AT_ONCE, EACH, GIVE_UP_SECONDS, Deliverer
from hooks_world import BOX, Hooks
from receiver import Receiver, endless, hangs_up, never, receiving, says

TOKEN = "sesame-open-9876"


async def _verified(hooks: Hooks, account: int, headers: dict[str, str], body: bytes) -> None:
    """As a receiver does it by the words of docs/webhooks.md."""
    async with transaction(hooks.world.sessions) as session:
        secret = await service.signing_secret(session, account, BOX)
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(time.time() - int(headers["webhook-timestamp"])) < 300
    assert UUID(headers["ghanti-delivery"]) in await hooks.ids()
    assert headers["webhook-id"] == headers["ghanti-delivery"]


async def test_tags_are_filled_and_the_body_is_signed(hooks: Hooks, account: int, receiver: Receiver) -> None:
    await hooks.save(
        account,
        f"{receiver.url}/leads?source=ghanti",
        headers={"Authorization": f"Bearer {TOKEN}", "X-Raw": "{name}"},
        params={"who": "{name}", "key": "{key}", "n": 5, "two": ["{amount}", True]},
        json_data={
            "phone": "{number}",
            "said": "{name} owes {tags_amount}",
            "none": "{nothing}!",
            "deep": [{"k": "{key}"}, 7],
        },
    )
    (lease,) = await hooks.leases(account)
    await hooks.press(lease)
    await hooks.world.record(outcome(lease))
    await hooks.deliver()
    (got,) = receiver.got
    assert (got.method, got.path) == ("POST", "/leads")
    assert got.params == {
        "source": ["ghanti"],
        "who": ["Sita"],
        "key": ["1"],
        "n": ["5"],
        "two": ["1500", "true"],
    }
    assert got.json == {
        "phone": lease.number,
        "said": "Sita owes 1500",
        "none": "!",
        "deep": [{"k": "1"}, 7],
    }
    assert got.headers["content-type"] == "application/json"
    assert (got.headers["authorization"], got.headers["x-raw"]) == (f"Bearer {TOKEN}", "{name}")
    await _verified(hooks, account, got.headers, got.body)
    assert await hooks.states() == [("delivered", 1, 204)]
    assert await hooks.world.value("SELECT variables FROM web_hook_deliveries") is None


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_every_method(hooks: Hooks, account: int, receiver: Receiver, method: str) -> None:
    await hooks.save(account, receiver.url, method=method, params={"who": "{name}"})
    await hooks.called(account)
    await hooks.deliver()
    (got,) = receiver.got
    assert (got.method, got.params, got.body) == (method, {"who": ["Sita"]}, b"")
    await _verified(hooks, account, got.headers, b"")


async def test_what_fails_for_now_is_tried_again_under_the_same_id(hooks: Hooks, account: int) -> None:
    answers = says(500), says(429, Retry_After="600"), says(408), hangs_up, says(200)
    async with receiving(*answers) as receiver:
        await hooks.save(account, receiver.url)
        await hooks.called(account)
        for attempt, status in enumerate((500, 429, 408, None), 1):
            await hooks.deliver()
            assert await hooks.states() == [("waiting", attempt, status)]
            pause = await hooks.world.value(
                "SELECT CAST(extract(epoch FROM due_at - now()) AS float8) FROM web_hook_deliveries"
            )
            assert pause > (590 if status == 429 else 2)
            await hooks.soon()
        await hooks.deliver()
        assert await hooks.states() == [("delivered", 5, 200)]
        assert len({got.headers["ghanti-delivery"] for got in receiver.got}) == 1
        assert len(receiver.got) == 5


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 410])
async def test_other_answers_are_final(hooks: Hooks, account: int, status: int) -> None:
    async with receiving(says(status)) as receiver:
        await hooks.save(account, receiver.url)
        await hooks.called(account)
        await hooks.deliver()
        assert await hooks.states() == [("failed", 1, status)]
        assert len(receiver.got) == 1


async def test_a_redirect_leads_nowhere(hooks: Hooks, account: int, receiver: Receiver) -> None:
    async with receiving(says(307, Location=f"{receiver.url}/inside")) as redirecting:
        await hooks.save(account, redirecting.url)
        await hooks.called(account)
        await hooks.deliver()
        assert len(redirecting.got) == 1
    assert receiver.got == []
    assert await hooks.states() == [("failed", 1, 307)]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"]
)
async def test_our_own_network_is_never_asked(
    hooks: Hooks, account: int, receiver: Receiver, host: str
) -> None:
    hooks.settings = Settings(fetch_networks="")
    await hooks.save(account, receiver.url.replace("127.0.0.1", host))
    await hooks.called(account)
    await hooks.deliver()
    assert receiver.got == []
    (row,) = await hooks.world.rows("SELECT state, last_error FROM web_hook_deliveries")
    assert tuple(row) == ("failed", "The address is not on the public internet.")


async def test_an_answer_without_end_is_not_read(hooks: Hooks, account: int) -> None:
    async with receiving(endless) as receiver:
        await hooks.save(account, receiver.url)
        await hooks.called(account)
        await hooks.deliver()
        assert await hooks.states() == [("delivered", 1, 200)]


async def test_who_never_answers_is_left_and_tried_again(hooks: Hooks, account: int) -> None:
    async with receiving(never, says(200)) as receiver:
        await hooks.save(account, receiver.url)
        await hooks.called(account)
        await hooks.deliver(hooks.deliverer(answer_seconds=0.3))
        assert await hooks.states() == [("waiting", 1, None)]
        await hooks.soon()
        await hooks.deliver()
        assert await hooks.states() == [("delivered", 2, 200)]


async def test_it_is_given_up_after_a_day(hooks: Hooks, account: int) -> None:
    async with receiving(says(503)) as receiver:
        await hooks.save(account, receiver.url)
        await hooks.called(account)
        await hooks.world.execute(
            "UPDATE web_hook_deliveries SET created_at = now() - make_interval(secs => :age)",
            age=GIVE_UP_SECONDS - 1,
        )
        await hooks.deliver()
        assert await hooks.states() == [("failed", 1, 503)]
        assert len(receiver.got) == 1


async def test_a_changed_hook_mends_what_waits(hooks: Hooks, account: int, receiver: Receiver) -> None:
    async with receiving(says(500)) as broken:
        await hooks.save(account, broken.url)
        await hooks.called(account)
        await hooks.deliver()
    await hooks.save(account, receiver.url)
    await hooks.soon()
    await hooks.deliver()
    assert len(receiver.got) == 1
    assert await hooks.states() == [("delivered", 2, 204)]


async def test_two_deliverers_at_once_send_each_request_once(
    hooks: Hooks, account: int, receiver: Receiver
) -> None:
    await hooks.save(account, receiver.url)
    await hooks.called(account, 40)
    both = [hooks.deliverer() for _ in range(2)]

    async def all_of(deliverer: Deliverer) -> None:
        while await hooks.world.value("SELECT count(*) FROM web_hook_deliveries WHERE ended_at IS NULL"):
            await deliverer.pass_once()
        await deliverer.settled()

    async with asyncio.timeout(60):
        await asyncio.gather(*map(all_of, both))
    sent = Counter(got.headers["ghanti-delivery"] for got in receiver.got)
    assert set(sent.values()) == {1}
    assert len(sent) == 40
    assert set(await hooks.states()) == {("delivered", 1, 204)}


async def test_one_accounts_slow_receiver_does_not_hold_up_anothers(
    hooks: Hooks, account: int, receiver: Receiver
) -> None:
    other = await hooks.world.account()
    async with receiving(never) as slow:
        await hooks.save(account, slow.url)
        await hooks.called(account, AT_ONCE * 2)
        await hooks.save(other, receiver.url)
        await hooks.called(other, 2)
        deliverer = hooks.deliverer()
        async with asyncio.timeout(60):
            while len(receiver.got) < 2:
                await deliverer.pass_once()
            await slow.until(EACH)
        assert len(slow.got) == EACH
        await deliverer.close()


async def test_a_lease_that_ran_out_is_anothers(hooks: Hooks, account: int) -> None:
    async with receiving(never, says(200)) as receiver:
        await hooks.save(account, receiver.url)
        await hooks.called(account)
        stalled = hooks.deliverer(lease_seconds=0, answer_seconds=3600)
        await asyncio.wait_for(stalled.pass_once(), 60)
        await receiver.until(1)
        await hooks.deliver()
        assert await hooks.states() == [("delivered", 2, 200)]
        await stalled.close()
        assert await hooks.states() == [("delivered", 2, 200)]


async def test_a_late_word_of_a_lease_that_ran_out_changes_nothing(hooks: Hooks, account: int) -> None:
    release = asyncio.Event()

    async def late(writer: asyncio.StreamWriter) -> None:
        await release.wait()
        await says(500)(writer)

    async with receiving(late, says(200)) as receiver:
        await hooks.save(account, receiver.url)
        await hooks.called(account)
        stalled = hooks.deliverer(lease_seconds=0)
        await stalled.pass_once()
        await receiver.until(1)
        await hooks.deliver()
        release.set()
        await stalled.settled()
        assert await hooks.states() == [("delivered", 2, 200)]


async def test_what_a_killed_process_was_sending_is_sent_again(
    hooks: Hooks, account: int, engine_database: str
) -> None:
    async with receiving(never, says(200)) as receiver:
        await hooks.save(account, receiver.url)
        await hooks.called(account)
        tests = Path(__file__).parents[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(tests / "webhooks" / "one_deliverer.py"),
            engine_database,
            env={**os.environ, "PYTHONPATH": str(tests)},
        )
        try:
            await receiver.until(1)
        finally:
            process.kill()
            await process.wait()
        assert await hooks.states() == [("sending", 1, None)]
        await hooks.deliver()
        assert len(receiver.got) == 1, "its lease has not run out"
        await hooks.soon()
        await hooks.deliver()
        assert await hooks.states() == [("delivered", 2, 200)]
        first, second = receiver.got
        assert first.headers["ghanti-delivery"] == second.headers["ghanti-delivery"]


async def test_nothing_secret_is_logged(
    hooks: Hooks, account: int, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    secret = {"headers": {"X-Key": TOKEN}, "params": {"token": TOKEN}, "json_data": {"token": TOKEN}}
    async with receiving(says(404), says(200)) as receiver:
        await hooks.save(account, f"{receiver.url}/{TOKEN}", **secret)
        await hooks.called(account, 2)
        await hooks.deliver()
        assert len(receiver.got) == 2
        await hooks.called(account)

        async def fail(*_: object, **told: object) -> None:
            raise RuntimeError(f"cannot send {told}")

        monkeypatch.setattr(SafeFetcher, "send", fail)
        await hooks.deliver()
    assert sorted(state for state, *_ in await hooks.states()) == ["delivered", "failed", "failed"]
    assert "web hook" in caplog.text
    assert TOKEN not in caplog.text
    errors = await hooks.world.rows("SELECT last_error FROM web_hook_deliveries")
    assert TOKEN not in repr(errors)


async def test_the_account_sees_its_deliveries(hooks: Hooks, account: int, receiver: Receiver) -> None:
    other = await hooks.world.account()
    await hooks.save(account, receiver.url)
    await hooks.called(account)
    await hooks.deliver()
    async with transaction(hooks.world.sessions) as session:
        (view,) = await service.deliveries(session, account)
        assert await service.deliveries(session, other) == []
    assert (view.hook, view.step, view.state, view.attempts) == ("lead", "question_1", "delivered", 1)


async def test_another_key_of_the_installation_makes_it_wait(
    hooks: Hooks, account: int, receiver: Receiver
) -> None:
    await hooks.save(account, receiver.url)
    await hooks.called(account)
    await hooks.world.execute("UPDATE web_hooks SET sealed = 'damaged'")
    await hooks.deliver()
    (row,) = await hooks.world.rows("SELECT state, last_error FROM web_hook_deliveries")
    assert row.state == "waiting"
    assert "secret.key" in row.last_error
    assert receiver.got == []


def test_pauses_grow_and_never_pass_what_is_allowed() -> None:
    pauses = [delivering._pause(attempt, 0) for attempt in range(1, 12)]
    assert all(earlier < later for earlier, later in itertools.pairwise(pauses[:7]))
    assert delivering._pause(1, 600) == 600
    assert delivering._pause(1, 10**9) == 7200
