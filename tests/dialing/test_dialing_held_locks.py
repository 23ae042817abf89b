"""One account's long transaction: it keeps nobody else waiting, neither in the tick nor in the sweep."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text

from engine_world import World, outcome
from ghanti.database.session import transaction
from ghanti.dialing import closing
from ghanti.dialing.models import Plan

BALANCE = "SELECT FROM credit_balances WHERE account_id = :account FOR NO KEY UPDATE"
PLAN = "SELECT FROM plans WHERE id = :plan FOR NO KEY UPDATE"


@asynccontextmanager
async def _held(world: World, plan: Plan, statement: str) -> AsyncIterator[None]:
    """A transaction that lasts as long as the block; who waits for it waits in vain."""
    async with transaction(world.sessions) as session:
        columns = {"account": plan.account_id} if statement is BALANCE else {"plan": plan.id}
        await session.execute(text(statement), columns)
        async with asyncio.timeout(30):
            yield


@pytest.mark.parametrize("statement", [BALANCE, PLAN])
async def test_the_tick_goes_on_without_what_is_held(world: World, statement: str) -> None:
    trunk, leaser = await world.trunk(), world.leaser()
    busy = await world.plan(await world.account(), 5)
    bulk = await world.plan(await world.account(), 5)
    otp = await world.plan(await world.account(), 1, plan_class="otp")
    async with _held(world, busy, statement):
        granted = [lease.plan_id for lease in await world.lease_all(leaser, trunk)]
    assert sorted(granted) == sorted([bulk.id] * 5 + [otp.id])
    assert {lease.plan_id for lease in await world.lease_all(leaser, trunk)} == {busy.id}
    await world.check()


async def test_what_is_held_forfeits_its_share_to_the_others(world: World) -> None:
    trunk, leaser = await world.trunk(max_calls=10), world.leaser()
    busy = await world.plan(await world.account(), 20)
    other = await world.plan(await world.account(), 20)
    async with _held(world, busy, BALANCE):
        # It is known only after the first turn that it is held; the second is given to others.
        await world.rewind()
        first = await world.lease(leaser, trunk, free=4)
        await world.rewind()
        second = await world.lease(leaser, trunk, free=4)
    assert [lease.plan_id for lease in first] == [other.id] * 2
    assert [lease.plan_id for lease in second] == [other.id] * 4


async def test_a_lock_that_is_soon_gone_costs_no_turn(world: World) -> None:
    trunk, leaser = await world.trunk(), world.leaser()
    plan = await world.plan(await world.account(), 3)
    held, let_go = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with _held(world, plan, BALANCE):
            held.set()
            await let_go.wait()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(hold())
        await held.wait()
        turn = tasks.create_task(world.lease(leaser, trunk))
        let_go.set()
    assert len(turn.result()) == 3


@pytest.mark.parametrize("statement", [BALANCE, PLAN])
async def test_the_sweep_goes_on_without_what_is_held(world: World, statement: str) -> None:
    trunk = await world.trunk()
    busy = await world.plan(await world.account(), 1)
    other = await world.plan(await world.account(), 1)
    leases = await world.lease_all(world.leaser(), trunk)
    await world.send(leases)
    await world.record(*(outcome(lease) for lease in leases))
    async with _held(world, busy, statement):
        await closing.sweep_plans(world.sessions)
        assert (await world.state(other))[0] == "finished"
        assert (await world.state(busy))[0] == "running"
    await closing.sweep_plans(world.sessions)
    assert (await world.state(busy))[0] == "finished"
    await world.check()
