"""What is ordered by number: who may be called, with what, by which plan, and for which credits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from direct_world import GITA, HARI, SITA, Direct, opened, somebody_waits
from engine_world import World, outcome
from ghanti.database.session import transaction
from ghanti.dialing import attempts, repository
from ghanti.dialing.models import Outcome
from ghanti.direct.schemas import State

READY = 'UPDATE targets SET ready = true, content = \'{"ms": 5000, "text": "x"}\' WHERE state = \'waiting\''


@pytest.fixture
async def ward(world: World, tmp_path: Path) -> Direct:
    return await opened(world, tmp_path)


async def test_a_call_is_known_by_the_id_of_its_first_attempt(ward: Direct) -> None:
    sid = await ward.call(await ward.campaign())
    waiting = await ward.status(sid)
    assert (waiting.state, waiting.number, waiting.variables) == (State.WAITING, SITA, {"name": "सीता"})
    assert (waiting.attempt_id, waiting.outcome, waiting.sent_at) == (None, None, None)
    await ward.world.execute(READY)
    trunk = await ward.world.trunk()
    (lease,) = await ward.world.lease_all(ward.world.leaser(), trunk)
    assert lease.attempt_id == sid
    assert (await ward.status(sid)).state is State.DIALING
    await ward.world.send([lease])
    await ward.world.record(outcome(lease))
    ended = await ward.status(sid)
    assert (ended.state, ended.outcome, ended.attempt_id) == (State.ENDED, Outcome.COMPLETED, sid)
    assert ended.sent_at is not None
    assert ended.ended_at is not None
    assert (ended.duration_ms, ended.credits) == (5000, 1)
    await ward.world.check()


async def test_a_lease_that_ran_out_gives_a_new_attempt_and_the_sid_finds_it(ward: Direct) -> None:
    sid = await ward.call(await ward.campaign())
    await ward.world.execute(READY)
    trunk = await ward.world.trunk()
    (first,) = await ward.world.lease_all(ward.world.leaser(lease=-1), trunk)
    async with transaction(ward.world.sessions) as session:
        assert await attempts.void_expired_leases(session) == 1
    assert (await ward.status(sid)).state is State.WAITING
    (second,) = await ward.world.lease_all(ward.world.leaser(), trunk)
    assert first.attempt_id == sid
    assert second.attempt_id != sid
    found = await ward.status(sid)
    assert (found.state, found.attempt_id, found.target_id) == (
        State.DIALING,
        second.attempt_id,
        first.target_id,
    )
    await ward.world.check()


async def test_calls_that_say_the_same_share_a_plan(ward: Direct) -> None:
    campaign = await ward.campaign()
    one = await ward.status(await ward.call(campaign))
    two = await ward.status(await ward.call(campaign, HARI, "हरि"))
    again = await ward.status(await ward.call(campaign))
    texts = [
        await ward.status(await ward.call(campaign, GITA, "गीता", text=text)) for text in ("एक {name}", "दुई")
    ]
    assert one.plan_id == two.plan_id == again.plan_id
    assert one.target_id != again.target_id
    assert texts[0].plan_id == texts[1].plan_id != one.plan_id
    assert [call.text for call in texts] == ["एक {name}", "दुई"]
    other = await ward.status(await ward.call(await ward.campaign()))
    assert other.plan_id not in (one.plan_id, texts[0].plan_id)
    await ward.world.check()


async def test_a_plan_that_ends_just_now_is_joined_no_more(ward: Direct) -> None:
    campaign = await ward.campaign()
    first = await ward.call(campaign)
    await ward.hang_up(first)
    async with transaction(ward.world.sessions) as session:
        # The sweep that ends it has it, and has not committed.
        row = (await ward.status(first)).plan_id
        plan = await repository.lock_plan(session, ward.account, row)
        assert plan is not None
        ordering = asyncio.create_task(ward.call(campaign, HARI))
        await somebody_waits(ward.world)
        plan.state, plan.finished_at = "finished", plan.starts_at
    second = await ward.status(await ordering)
    assert second.plan_id != row
    assert second.state is State.WAITING
    await ward.world.check()
