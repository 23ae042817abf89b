"""No race passes a balance or a credit limit: the engine's own leasing, on connections and in processes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import priced
from engine_world import World, outcome
from ghanti.credits import service as credits
from ghanti.credits import tariffs
from ghanti.credits.models import Currency
from ghanti.credits.tariff import Tariff, Tariffs
from ghanti.database.session import transaction
from ghanti.dialing import sessions
from ghanti.dialing.attempts import Lease
from ghanti.dialing.calls import max_seconds
from ghanti.dialing.models import Channel, Outcome, Plan
from ghanti.dialing.outcomes import AttemptOutcome
from ghanti.settings import Settings
from priced import NCELL, NTC, contest, make_ready, numbers, within_limits

END_SECONDS = 120
"""Far longer than any race here takes, on a machine however busy."""


async def _plans(world: World, account: int, count: int, *channels: Channel, **order: Any) -> list[Plan]:
    """Plans with more contacts than any credits here buy."""
    return [
        await world.plan(
            account,
            0,
            *channels,
            numbers=[number for prefix in (NTC, NCELL) for number in numbers(prefix, 8, first=100 * plan)],
            ready=False,
            **order,
        )
        for plan in range(count)
    ]


async def _balance(world: World, account: int, currency: Currency = Currency.PHONE) -> int:
    async with transaction(world.sessions) as session:
        return (await credits.balances(session, account)).of(currency)


async def _charged(world: World, channel: Channel) -> int:
    return int(await world.value("SELECT sum(charged)::int FROM attempts WHERE channel = :c", c=channel) or 0)


@pytest.mark.parametrize("price", [1, 3])
async def test_the_last_ten_credits_buy_what_ten_credits_buy(world: World, price: int) -> None:
    """Six workers on two trunks, three plans of one account; a call holds two pulses and costs one."""
    account = await world.account(phone=10, sms=0)
    trunks = [await world.trunk(), await world.trunk()]
    await _plans(world, account, 3)
    await make_ready(world, Tariffs({"": Tariff(60, price, 1)}))
    await contest(world, [(Channel.CALL, trunk) for trunk in trunks * 3])
    calls = (10 - 2 * price) // price + 1
    assert await world.value("SELECT count(*) FROM attempts WHERE outcome = 'completed'") == calls
    assert await _charged(world, Channel.CALL) == calls * price
    assert await _balance(world, account) == 10 - calls * price < 2 * price
    assert await world.lease_all(world.leaser(), trunks[0]) == []
    await world.check()


async def test_ten_credits_are_held_once_while_nobody_settles(world: World) -> None:
    account = await world.account(phone=10, sms=0)
    trunks = [await world.trunk(), await world.trunk()]
    await _plans(world, account, 3)
    await make_ready(world, Tariffs({"": Tariff(60, 1, 1), "977980": Tariff(60, 2, 1)}))
    leases = [lease for trunk in trunks for lease in await world.lease_all(world.leaser(), trunk)]
    held = sum(lease.held for lease in leases)
    assert held == await world.value("SELECT sum(held)::int FROM attempts") == 10
    assert await _balance(world, account) == 0
    await world.check()


@pytest.mark.parametrize("limit", [9, 10])
async def test_a_credit_limit_bounds_both_channels_together(world: World, limit: int) -> None:
    account = await world.account(phone=1000, sms=1000)
    trunks, smsc = [await world.trunk(), await world.trunk()], await world.smsc()
    (limited,) = await _plans(world, account, 1, Channel.CALL, Channel.SMS, credit_limit=limit)
    (free,) = await _plans(world, account, 1, Channel.CALL, Channel.SMS)
    await make_ready(world, Tariffs({"": Tariff(60, 1, 1), "977980": Tariff(60, 2, 2)}))
    racers = [*((Channel.CALL, trunk) for trunk in trunks), (Channel.SMS, smsc), (Channel.SMS, smsc)]
    await contest(world, racers)
    sums = await world.rows("SELECT plan_id, sum(charged)::int FROM attempts GROUP BY plan_id")
    spent = {row.plan_id: row.sum for row in sums}
    # What is left buys no call any more: the least that one holds is two.
    assert limit - 1 <= spent[limited.id] <= limit
    assert await world.state(limited) == ("stopped", "credit_limit")
    assert spent[free.id] == 2 * (8 * 1 + 8 * 2)
    await world.check()


def _worker(url: str, channel: Channel, gateway: int) -> subprocess.Popen[str]:
    here = Path(priced.__file__)
    return subprocess.Popen(
        [sys.executable, str(here), url, channel, str(gateway)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(here.parent)},
    )


async def test_worker_processes_race_for_the_last_credits(world: World, engine_database: str) -> None:
    account = await world.account(phone=10, sms=10)
    trunks, smsc = [await world.trunk(), await world.trunk()], await world.smsc()
    await _plans(world, account, 1, Channel.CALL, Channel.SMS, credit_limit=6)
    await _plans(world, account, 2, Channel.CALL, Channel.SMS)
    await make_ready(world, Tariffs({"": Tariff()}))
    gateways = [*((Channel.CALL, trunk) for trunk in trunks), (Channel.SMS, smsc)]
    workers = [_worker(engine_database, channel, gateway) for channel, gateway in gateways]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        async with asyncio.timeout(END_SECONDS):
            while any(worker.poll() is None for worker in workers):
                await within_limits(world)
        assert [worker.returncode for worker in workers] == [0, 0, 0]
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()
    # A call holds two and costs one, so that one credit buys no call; texts hold what they cost.
    assert (await _charged(world, Channel.CALL), await _balance(world, account)) == (9, 1)
    assert (await _charged(world, Channel.SMS), await _balance(world, account, Currency.SMS)) == (10, 0)
    await within_limits(world)
    await world.check()


async def test_what_is_bought_meanwhile_is_spent_too_and_no_more(world: World) -> None:
    account, trunk = await world.account(phone=3, sms=0), await world.trunk()
    await _plans(world, account, 2)
    await make_ready(world, Tariffs({"": Tariff()}))
    await contest(world, [(Channel.CALL, trunk), (Channel.CALL, trunk)])
    assert await _balance(world, account) == 1
    await world.buy(account, Currency.PHONE, 4)
    await contest(world, [(Channel.CALL, trunk), (Channel.CALL, trunk)])
    assert (await _charged(world, Channel.CALL), await _balance(world, account)) == (6, 1)
    await world.check()


async def test_a_price_that_changes_in_flight_changes_nothing_that_is_held(world: World) -> None:
    account, trunk = await world.account(phone=100, sms=0), await world.trunk()
    plan = await world.plan(account, 0, numbers=numbers(NTC, 6), ready=False)
    settings = Settings()
    async with transaction(world.sessions) as session:
        await make_ready(world, await tariffs.current(session, settings))
    flying = await world.lease(world.leaser(), trunk, free=2)
    await world.send(flying)
    async with transaction(world.sessions) as session:
        await tariffs.put(session, [("+977 984", Tariff(10, 5, 1))])
    # Two are made ready anew, as when their contacts changed; two wait on at the price that they have.
    await world.execute(
        "UPDATE targets SET ready = false WHERE id IN (SELECT id FROM targets WHERE state = 'waiting'"
        " ORDER BY id DESC LIMIT 2)"
    )
    async with transaction(world.sessions) as session:
        await make_ready(world, await tariffs.current(session, settings))
    waiting = await world.lease_all(world.leaser(), trunk)
    await world.send(waiting)
    # Twelve seconds are one pulse of sixty, or two of ten.
    await world.record(*(outcome(lease, duration_ms=12_000) for lease in [*flying, *waiting]))
    paid = await world.rows("SELECT held::int, charged::int FROM attempts ORDER BY target_id")
    assert [tuple(row) for row in paid] == [(2, 1)] * 4 + [(10, 10)] * 2
    assert await _balance(world, account) == 100 - 4 - 20
    assert (await world.rows("SELECT sum(credits)::int FROM plan_figures WHERE plan_id = :p", p=plan.id)) == [
        (24,)
    ]
    await world.check()


async def _lost(world: World, leases: list[Lease]) -> None:
    async with transaction(world.sessions) as session:
        await sessions.end_session(session, world.worker)
    assert await sessions.take_over(world.sessions, World(world.sessions).worker, 5) == len(leases)


@pytest.mark.parametrize(("limit", "late"), [(4, 0), (5, 1), (7, 2), (None, 2)])
async def test_a_late_truth_costs_no_more_than_the_credit_limit_leaves(
    world: World, limit: int | None, late: int
) -> None:
    """The holds of two lost calls were given back, and two more calls hold them when the truth comes."""
    account, trunk = await world.account(phone=1000), await world.trunk()
    plan = await world.plan(account, 0, numbers=numbers(NTC, 4), ready=False, credit_limit=limit)
    await make_ready(world, Tariffs({"": Tariff()}))
    await world.open()
    first = await world.lease(world.leaser(), trunk, free=2)
    await world.send(first)
    await _lost(world, first)
    await world.open()
    await world.rewind()
    second = await world.lease(world.leaser(), trunk, free=2)
    await world.send(second)
    assert len(first) == len(second) == 2
    await world.record(*(outcome(lease) for lease in first))
    await within_limits(world)
    assert (
        await world.value(
            "SELECT sum(charged)::int FROM attempts WHERE id = ANY(:ids)", ids=[x.attempt_id for x in first]
        )
        == late
    )
    await world.record(*(outcome(lease, duration_ms=120_000) for lease in second))
    await within_limits(world)
    assert await world.value("SELECT sum(credits)::int FROM plan_figures WHERE plan_id = :p", p=plan.id) == (
        late + 4
    )
    await world.check()


async def test_what_is_free_needs_no_credits(world: World) -> None:
    account = await world.account(phone=0, sms=0)
    trunk, smsc = await world.trunk(), await world.smsc()
    await world.plan(account, 0, Channel.CALL, Channel.SMS, numbers=numbers(NTC, 3), ready=False)
    dear = await world.plan(account, 0, Channel.CALL, numbers=numbers(NCELL, 1), ready=False)
    await make_ready(world, Tariffs({"": Tariff(), "977984": Tariff(60, 0, 0)}))
    calls = await world.lease_all(world.leaser(), trunk)
    texts = await world.lease_all(world.leaser(Channel.SMS), smsc, channel=Channel.SMS)
    assert [lease.held for lease in [*calls, *texts]] == [0] * 6
    assert [max_seconds(lease, 600) for lease in calls] == [600] * 3
    await world.send([*calls, *texts])
    ends: list[AttemptOutcome] = [outcome(lease, Outcome.COMPLETED, duration_ms=300_000) for lease in calls]
    await world.record(*ends, *(outcome(lease) for lease in texts))
    assert await world.value("SELECT count(*) FROM targets WHERE outcome = 'completed'") == 6
    assert not await world.rows("SELECT FROM ledger_entries WHERE kind <> 'purchase'")
    assert await world.state(dear) == ("paused", "credits")
    await world.check()
