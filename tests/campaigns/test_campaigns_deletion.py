"""A campaign that is deleted: gone at once, its rows in the background; and which plan says how it ended."""

from __future__ import annotations

import asyncio
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from engine_world import World, outcome
from ghanti.accounts.models import Role
from ghanti.accounts.service import Principal
from ghanti.campaigns import handlers as campaign_handlers
from ghanti.campaigns import service as campaigns
from ghanti.database.session import transaction
from ghanti.dialing import closing, handlers, removal
from ghanti.dialing import service as dialing
from ghanti.dialing.models import Plan

EVERYTHING = ("plans", "targets", "attempts", "plan_figures", "campaigns", "contacts")


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Campaigns hear from the engine, for one test."""
    for registry in ("_outcome", "_started", "_finished"):
        monkeypatch.setattr(handlers, registry, {})
    campaign_handlers.register()


async def _delete(world: World, plan: Plan) -> None:
    principal = Principal(plan.account_id, 1, Role.OWNER, ZoneInfo("UTC"), premium=False, default_voice_id=1)
    async with transaction(world.sessions) as session:
        await campaigns.delete(session, principal, plan.owner_id)


async def _counts(world: World) -> dict[str, int]:
    return {table: await world.value(f"SELECT count(*) FROM {table}") for table in EVERYTHING}


async def _called(world: World, contacts: int) -> Plan:
    """A campaign all of whose contacts were called."""
    trunk = await world.trunk()
    plan = await world.plan(await world.account(), contacts)
    leases = await world.lease_all(world.leaser(), trunk)
    await world.send(leases)
    await world.record(*(outcome(lease) for lease in leases))
    await closing.sweep_plans(world.sessions)
    return plan


async def test_rows_go_in_batches_that_hold_no_balance(world: World) -> None:
    plan = await _called(world, 25)
    await _delete(world, plan)
    gone = await _counts(world)
    assert (gone["campaigns"], gone["contacts"]) == (0, 0)
    assert gone["targets"] == 25, "the deletion itself is short"
    async with transaction(world.sessions) as session:
        await session.execute(text("SELECT FROM credit_balances FOR UPDATE"))
        async with asyncio.timeout(30):
            await removal.remove_deleted(world.sessions, 10)
    assert set((await _counts(world)).values()) == {0}
    assert await world.value("SELECT count(*) FROM ledger_entries") > 0


async def test_what_a_killed_process_left_is_removed_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await _called(world, 25)
    other = await _called(world, 3)
    await _delete(world, plan)
    once, batches = removal._remove, 0

    async def die_after_one(session: AsyncSession, batch: int) -> bool:
        nonlocal batches
        batches += 1
        if batches > 1:
            raise KeyboardInterrupt
        return await once(session, batch)

    with monkeypatch.context() as dying:
        dying.setattr(removal, "_remove", die_after_one)
        with pytest.raises(KeyboardInterrupt):
            await removal.remove_deleted(world.sessions, 10)
    assert await world.value("SELECT count(*) FROM targets WHERE plan_id = :id", id=plan.id) == 15
    await removal.remove_deleted(world.sessions, 10)
    assert await world.rows("SELECT id FROM plans") == [(other.id,)]
    assert await world.value("SELECT count(*) FROM targets") == 3


async def test_one_in_flight_is_removed_when_it_has_ended(world: World) -> None:
    trunk = await world.trunk()
    plan = await world.plan(await world.account(), 2)
    (lease, *_) = leases = await world.lease_all(world.leaser(), trunk)
    await world.send(leases)
    await _delete(world, plan)
    for _ in range(2):
        await closing.sweep_plans(world.sessions)
        await removal.remove_deleted(world.sessions)
    assert await world.state(plan) == ("stopped", "deleted")
    await world.record(*(outcome(each) for each in leases))
    assert lease.held
    await closing.sweep_plans(world.sessions)
    await removal.remove_deleted(world.sessions)
    assert set((await _counts(world)).values()) == {0}
    spent = await world.value("SELECT sum(amount) FROM ledger_entries WHERE currency = 'phone'")
    assert await world.value("SELECT phone FROM credit_balances") == spent == 998


async def test_one_that_was_stopped_before_is_removed_too(world: World) -> None:
    trunk = await world.trunk()
    plan = await world.plan(await world.account(), 1)
    leases = await world.lease_all(world.leaser(), trunk)
    await world.send(leases)
    await world.stop(plan)
    await _delete(world, plan)
    await world.record(*(outcome(lease) for lease in leases))
    await closing.sweep_plans(world.sessions)
    await removal.remove_deleted(world.sessions)
    assert set((await _counts(world)).values()) == {0}


async def test_an_older_plan_that_ends_late_says_nothing_of_the_campaign(world: World) -> None:
    """It still hangs up a call when a newer run is over already."""
    trunk = await world.trunk()
    older = await world.plan(await world.account(), 1)
    leases = await world.lease_all(world.leaser(), trunk)
    await world.send(leases)
    await world.stop(older)
    async with transaction(world.sessions) as session:
        order = dialing.PlanOrder(older.account_id, "campaign", older.owner_id)
        newer = await dialing.create_plan(session, order)
    await closing.sweep_plans(world.sessions)
    assert (await world.state(newer), (await world.state(older))[0]) == (("finished", None), "stopped")
    assert await world.value("SELECT status FROM campaigns") == "Completed"
    await world.record(*(outcome(lease) for lease in leases))
    await closing.sweep_plans(world.sessions)
    assert await world.state(older) == ("finished", "emergency_stop")
    assert await world.rows("SELECT status, status_reason FROM campaigns") == [("Completed", None)]
