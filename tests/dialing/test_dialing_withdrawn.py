"""A contact that is deleted in flight, at every moment of its attempt."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from engine_world import World, outcome
from ghanti.credits import service as credits
from ghanti.database.session import transaction
from ghanti.dialing import answers, attempts, closing, erasing, ownership, sessions
from ghanti.dialing.answers import GivenAnswer
from ghanti.dialing.attempts import Lease
from ghanti.dialing.models import AnswerKind, AnswerState, Outcome, Plan

RETRY = {"no_answer": {"times": 3, "gap_seconds": 0}, "hungup": {"times": 3, "gap_seconds": 0}}


async def _leased(world: World) -> tuple[Plan, Lease, int]:
    account, trunk = await world.account(), await world.trunk()
    plan = await world.plan(account, 1, retries=RETRY)
    await world.open()
    (lease,) = await world.lease_all(world.leaser(), trunk)
    return plan, lease, trunk


async def _delete(world: World, lease: Lease) -> None:
    """What deleting the contact asks of the engine."""
    assert lease.contact_id is not None
    async with transaction(world.sessions) as session:
        await credits.lock(session, [lease.account_id])
        await ownership.withdraw_contact(session, lease.account_id, lease.contact_id)
        await erasing.forget_contact(session, lease.account_id, lease.contact_id)
        await session.execute(
            text("DELETE FROM contacts WHERE id = :id"),
            {"id": lease.contact_id},
        )


async def _over(world: World, plan: Plan) -> list[tuple[str, str]]:
    """Outcomes and reasons, once the plan is finished; nothing is left open or held."""
    await closing.sweep_plans(world.sessions)
    assert (await world.state(plan))[0] == "finished"
    assert await world.value("SELECT count(*) FROM attempts WHERE state <> 'ended'") == 0
    await world.check()
    return [tuple(row) for row in await world.rows("SELECT outcome, reason FROM targets ORDER BY id")]


DEADLINE = 30.0
WAITING = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
PERSONAL = """
    SELECT (SELECT count(*) FROM answers),
           (SELECT count(*) FROM targets WHERE number <> '' OR content IS NOT NULL),
           (SELECT count(*) FROM attempts WHERE number <> '' OR keys <> '')
"""


async def _answer(world: World, lease: Lease, name: str) -> None:
    told = GivenAnswer(
        lease.attempt_id, name, AnswerKind.KEYS, AnswerState.GIVEN, datetime.now(UTC), keys="1"
    )
    async with transaction(world.sessions) as session:
        await answers.record(session, [told])


async def test_what_one_answered_goes_with_it(world: World) -> None:
    """Also what is told, or told again, after it."""
    plan, lease, _ = await _leased(world)
    await world.send([lease])
    await _answer(world, lease, "q1")
    await world.record(replace(outcome(lease, Outcome.COMPLETED), keys="1"))
    assert await world.rows(PERSONAL) == [(1, 1, 1)]
    await _delete(world, lease)
    assert await world.rows(PERSONAL) == [(0, 0, 0)]
    await _answer(world, lease, "q1")
    assert await world.rows(PERSONAL) == [(0, 0, 0)]
    assert await _over(world, plan) == [("completed", "completed")]


async def test_what_one_in_flight_answers_yet_is_not_kept(world: World) -> None:
    plan, lease, _ = await _leased(world)
    await world.send([lease])
    await _answer(world, lease, "q1")
    await _delete(world, lease)
    await _answer(world, lease, "q2")
    await world.record(replace(outcome(lease, Outcome.HUNGUP), keys="12"))
    assert await world.rows(PERSONAL) == [(0, 0, 0)]
    assert [result for result, _ in await _over(world, plan)] == ["hungup"]


async def test_an_answer_that_comes_just_as_one_is_deleted_is_not_kept(world: World) -> None:
    _, lease, _ = await _leased(world)
    await world.send([lease])
    assert lease.contact_id is not None
    async with transaction(world.sessions) as session:
        await credits.lock(session, [lease.account_id])
        await ownership.withdraw_contact(session, lease.account_id, lease.contact_id)
        await erasing.forget_contact(session, lease.account_id, lease.contact_id)
        coming = asyncio.create_task(_answer(world, lease, "q1"))
        async with asyncio.timeout(DEADLINE):
            while True:
                if await world.value(WAITING):
                    break
                await asyncio.sleep(0.02)
    await coming
    assert await world.value("SELECT count(*) FROM answers") == 0


async def test_one_that_waits_ends(world: World) -> None:
    account = await world.account()
    plan = await world.plan(account, 2)
    contact = await world.value("SELECT min(contact_id) FROM targets")
    async with transaction(world.sessions) as session:
        await credits.lock(session, [account])
        await ownership.withdraw_contact(session, account, contact)
    assert await world.rows("SELECT state, count(*) FROM targets GROUP BY 1 ORDER BY 1") == [
        ("final", 1),
        ("waiting", 1),
    ]
    await world.stop(plan)
    await world.check()


async def test_one_that_was_leased_is_given_back_and_ends_at_once(world: World) -> None:
    plan, lease, _ = await _leased(world)
    await _delete(world, lease)
    assert await world.send([lease]) == set()
    assert await _over(world, plan) == [("cancelled", "contact deleted")]
    assert await world.value("SELECT phone FROM credit_balances") == 1000


@pytest.mark.parametrize("state", ["sending", "ringing", "answered"])
async def test_one_in_flight_is_settled_when_its_call_ends_and_not_tried_again(
    world: World, state: str
) -> None:
    plan, lease, trunk = await _leased(world)
    assert await world.send([lease]) == {lease.attempt_id}
    await world.execute(
        "UPDATE attempts SET state = :state, answered_at = CASE WHEN :state = 'answered' THEN now() END",
        state=state,
    )
    await _delete(world, lease)
    assert await world.value("SELECT withdrawn FROM targets")
    await closing.sweep_plans(world.sessions)
    assert await world.state(plan) == ("running", None)
    told = Outcome.HUNGUP if state == "answered" else Outcome.NO_ANSWER
    await world.record(outcome(lease, told))
    assert [result for result, _ in await _over(world, plan)] == [told]
    assert await world.lease_all(world.leaser(), trunk) == []
    charged = int(state == "answered")
    assert await world.value("SELECT phone FROM credit_balances") == 1000 - charged


async def test_one_that_the_channel_gives_back_is_not_sent_again(world: World) -> None:
    plan, lease, trunk = await _leased(world)
    await world.send([lease])
    await _delete(world, lease)
    async with transaction(world.sessions) as session:
        await attempts.void_unsent(session, [lease.attempt_id], "capacity")
    await world.execute("UPDATE targets SET due_at = now()")
    assert await world.lease_all(world.leaser(), trunk) == []
    assert await _over(world, plan) == [("cancelled", "contact deleted")]


async def test_one_whose_worker_died_is_unknown_once(world: World) -> None:
    plan, lease, _ = await _leased(world)
    await world.send([lease])
    await _delete(world, lease)
    async with transaction(world.sessions) as session:
        await sessions.end_session(session, world.worker)
    assert await sessions.take_over(world.sessions, lease.attempt_id, 5) == 1
    assert [result for result, _ in await _over(world, plan)] == ["unknown"]


async def test_deleting_races_with_sending(world: World) -> None:
    """Whoever is first: a call that was begun is marked, one that was not never leaves."""
    for _ in range(15):
        plan, lease, _ = await _leased(world)
        began, _ = await asyncio.gather(world.send([lease]), _delete(world, lease))
        if began:
            assert await world.value("SELECT withdrawn FROM targets WHERE id = :id", id=lease.target_id)
            await world.record(outcome(lease, Outcome.NO_ANSWER))
        await closing.sweep_plans(world.sessions)
        assert (await world.state(plan))[0] == "finished"
    await world.check()


async def test_deleting_races_with_the_tick(world: World) -> None:
    account, trunk = await world.account(), await world.trunk()
    leaser = world.leaser()
    await world.open()
    for _ in range(15):
        plan = await world.plan(account, 1)
        contact = await world.value("SELECT contact_id FROM targets WHERE plan_id = :id", id=plan.id)

        async def delete(contact: int = contact) -> None:
            async with transaction(world.sessions) as session:
                await credits.lock(session, [account])
                await ownership.withdraw_contact(session, account, contact)

        leases, _ = await asyncio.gather(world.lease(leaser, trunk), delete())
        assert await world.send(leases) == set()
        await world.execute("UPDATE attempts SET lease_until = now() - interval '1 s' WHERE state = 'leased'")
        async with transaction(world.sessions) as session:
            await attempts.void_expired_leases(session)
        await closing.sweep_plans(world.sessions)
        assert (await world.state(plan))[0] == "finished"
        await world.rewind()
    await world.check()
