"""The life of an attempt: three commits, outcomes, retries, takeover and late events."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from engine_world import World, outcome
from ghanti.database.session import transaction
from ghanti.dialing import attempts, closing, handlers, outcomes, sessions
from ghanti.dialing import service as dialing
from ghanti.dialing.attempts import Lease
from ghanti.dialing.models import Channel, Outcome, Plan
from ghanti.dialing.worker import until_committed

RETRY = {"no_answer": {"times": 1, "gap_seconds": 0}}


async def sent(world: World, contacts: int = 1, **order: Any) -> tuple[Plan, list[Lease]]:
    account, trunk = await world.account(), await world.trunk()
    plan = await world.plan(account, contacts, **order)
    await world.open()
    leases = await world.lease_all(world.leaser(), trunk)
    assert await world.send(leases) == {lease.attempt_id for lease in leases}
    return plan, leases


async def bury(world: World) -> int:
    """Declare the worker dead, and let another take over."""
    async with transaction(world.sessions) as session:
        await sessions.end_session(session, world.worker)
    return await sessions.take_over(world.sessions, uuid4(), 5)


async def test_a_lease_that_ran_out_is_never_sent(world: World) -> None:
    account, trunk = await world.account(), await world.trunk()
    await world.plan(account, 2)
    leases = await world.lease(world.leaser(lease=-0.001), trunk, free=1)
    assert len(leases) == 1
    assert await world.send(leases) == set()
    async with transaction(world.sessions) as session:
        assert await attempts.void_expired_leases(session) == 1
    assert await world.send(leases) == set()
    assert await world.value("SELECT phone FROM credit_balances") == 1000
    await world.check()


async def test_a_lease_is_sent_once(world: World) -> None:
    _, leases = await sent(world, 3)
    assert await world.send(leases) == set()
    assert {row.attempts for row in await world.rows("SELECT attempts FROM targets")} == {1}


async def test_nothing_is_sent_of_a_stopped_plan(world: World) -> None:
    account, trunk = await world.account(), await world.trunk()
    plan = await world.plan(account, 3)
    leases = await world.lease_all(world.leaser(), trunk)
    assert await world.stop(plan)
    assert not await world.stop(plan)
    assert await world.send(leases) == set()
    assert await world.rows("SELECT DISTINCT state, outcome, reason FROM targets") == [
        ("final", "cancelled", "emergency_stop")
    ]
    await closing.sweep_plans(world.sessions)
    assert await world.state(plan) == ("finished", "emergency_stop")
    await world.check()


async def test_sending_and_stopping_at_once_leave_no_doubt(world: World) -> None:
    """What a stop finds leased is given back, what was begun before is left for a hang-up; never both."""
    account, trunk = await world.account(phone=5000), await world.trunk()
    for _ in range(5):
        plan = await world.plan(account, 40)
        leases = await world.lease_all(world.leaser(), trunk)
        begun, _ = await asyncio.gather(world.send(leases), world.stop(plan))
        live = await world.rows("SELECT id FROM attempts WHERE state = 'sending'")
        assert {row.id for row in live} == begun
        await world.record(*(outcome(x, Outcome.CANCELLED) for x in leases if x.attempt_id in begun))
        await world.check()


async def test_each_outcome_is_recorded_once_however_often_it_is_told(world: World) -> None:
    _, leases = await sent(world, 3)
    batch = [
        outcome(leases[0]),
        outcome(leases[1], Outcome.BUSY, sip_code=486),
        outcome(leases[2], Outcome.HUNGUP, duration_ms=61_000),
    ]
    assert len(await world.record(*batch)) == 3
    assert await world.record(*batch) == set()
    assert await world.record(outcome(leases[1], Outcome.COMPLETED)) == set()
    charged = await world.rows("SELECT outcome, charged FROM attempts ORDER BY outcome")
    assert charged == [("busy", 0), ("completed", 1), ("hungup", 2)]
    await world.check()


async def test_no_call_costs_more_than_was_held(world: World) -> None:
    _, leases = await sent(world)
    await world.record(outcome(leases[0], duration_ms=3_600_000))
    assert await world.value("SELECT charged FROM attempts") == 2
    await world.check()


async def test_retries_are_counted_and_end(world: World) -> None:
    _, leases = await sent(world, retries=RETRY)
    await world.record(outcome(leases[0], Outcome.NO_ANSWER))
    assert await world.rows("SELECT state, outcome FROM targets") == [("waiting", None)]
    await world.check()
    again = await world.lease_all(world.leaser(), await world.value("SELECT id FROM trunks"))
    assert [lease.target_id for lease in again] == [leases[0].target_id]
    await world.send(again)
    await world.record(outcome(again[0], Outcome.NO_ANSWER))
    assert await world.rows("SELECT state, outcome, attempts FROM targets") == [("final", "no_answer", 2)]
    await world.check()


@pytest.mark.parametrize("never", [Outcome.CANCELLED, Outcome.INVALID_NUMBER])
async def test_some_outcomes_are_never_retried(world: World, never: Outcome) -> None:
    _, leases = await sent(world, retries={never.value: {"times": 3, "gap_seconds": 0}})
    await world.record(outcome(leases[0], never))
    assert await world.value("SELECT outcome FROM targets") == never


async def test_what_could_not_be_ordered_is_not_tried_for_ever(world: World) -> None:
    """It was never sent, so no count of tries would end it."""
    account, trunk = await world.account(), await world.trunk()
    await world.plan(account, 1, retries={"failed": {"times": 1, "gap_seconds": 0}})
    leases = await world.lease_all(world.leaser(), trunk)
    await world.record(outcome(leases[0], Outcome.FAILED))
    assert await world.rows("SELECT state, outcome, attempts FROM targets") == [("final", "failed", 0)]
    await world.check()


async def test_texts_are_not_retried(world: World) -> None:
    account, smsc = await world.account(), await world.smsc()
    await world.plan(account, 1, Channel.SMS, retries={"failed": {"times": 3, "gap_seconds": 0}})
    leases = await world.lease_all(world.leaser(Channel.SMS), smsc, channel=Channel.SMS)
    await world.send(leases)
    await world.record(outcome(leases[0], Outcome.FAILED))
    assert await world.value("SELECT outcome FROM targets") == "failed"
    await world.check()


async def test_a_stopped_plan_retries_nothing(world: World) -> None:
    plan, leases = await sent(world, retries=RETRY)
    await world.stop(plan)
    await world.record(outcome(leases[0], Outcome.NO_ANSWER))
    assert await world.value("SELECT outcome FROM targets") == "no_answer"
    await world.check()


async def test_what_a_dead_worker_leased_waits_again_and_what_it_sent_is_unknown(world: World) -> None:
    _, leases = await sent(world, 3)
    more = await world.plan(leases[0].account_id, 2)
    trunk = await world.value("SELECT id FROM trunks")
    await world.lease_all(world.leaser(), trunk)
    assert await bury(world) == 5
    assert await world.rows("SELECT state, outcome, count(*) FROM targets GROUP BY 1, 2 ORDER BY 1") == [
        ("final", "unknown", 3),
        ("waiting", None, 2),
    ]
    assert await world.value("SELECT phone FROM credit_balances") == 1000
    await world.check()
    assert await bury(world) == 0
    assert {lease.plan_id for lease in await world.lease_all(world.leaser(worker=uuid4()), trunk)} == {
        more.id
    }


async def test_a_session_that_speaks_again_is_alive(world: World) -> None:
    await sent(world)
    async with transaction(world.sessions) as session:
        await sessions.heartbeat(session, world.worker)
    assert await sessions.take_over(world.sessions, uuid4(), 5) == 0
    assert await sessions.take_over(world.sessions, world.worker, -1) == 0


async def test_an_unknown_is_replaced_once_by_what_really_happened(world: World) -> None:
    plan, leases = await sent(world, 2)
    await bury(world)
    await closing.sweep_plans(world.sessions)
    assert await world.state(plan) == ("finished", None)
    assert await world.record(outcome(leases[0])) == {leases[0].attempt_id}
    await world.check()
    assert await world.record(outcome(leases[0], Outcome.BUSY)) == set()
    rows = await world.rows("SELECT outcome, credits FROM targets ORDER BY outcome")
    assert rows == [("completed", 1), ("unknown", 0)]
    assert await world.value("SELECT phone FROM credit_balances") == 999
    await world.check()


async def test_an_unknown_replaces_no_unknown(world: World) -> None:
    told: list[handlers.TargetOutcome] = []

    async def hear(_session: object, batch: list[handlers.TargetOutcome]) -> None:
        told.extend(batch)

    handlers.register("heard", hear)
    _, leases = await sent(world)
    await world.execute("UPDATE plans SET owner_kind = 'heard'")
    await bury(world)
    lost = outcome(leases[0], Outcome.UNKNOWN, provisional=True)
    assert await world.record(lost) == set()
    assert [entry.outcome for entry in told] == [Outcome.UNKNOWN]
    await world.record(outcome(leases[0]))
    assert [entry.outcome for entry in told] == [Outcome.UNKNOWN, Outcome.COMPLETED]
    await world.check()


async def test_late_charges_never_take_what_is_not_there(world: World) -> None:
    account, trunk = await world.account(phone=6), await world.trunk()
    await world.plan(account, 3)
    await world.open()
    leases = await world.lease_all(world.leaser(), trunk)
    await world.send(leases)
    await bury(world)
    await world.plan(account, 2)
    assert len(await world.lease_all(world.leaser(worker=uuid4()), trunk)) == 2
    await world.record(*(outcome(lease, duration_ms=100_000) for lease in leases))
    assert await world.value("SELECT phone FROM credit_balances") == 0
    assert await world.value("SELECT sum(charged) FROM attempts") == 2
    await world.check()


async def test_an_event_after_the_longest_call_changes_nothing(world: World) -> None:
    _, leases = await sent(world)
    await bury(world)
    await world.execute("UPDATE attempts SET sent_at = sent_at - interval '3 hours'")
    assert await world.record(outcome(leases[0])) == set()
    await world.check()


async def test_an_unknown_that_is_to_be_retried_yields_to_the_truth_until_the_retry(world: World) -> None:
    rule = {"unknown": {"times": 1, "gap_seconds": 3600}}
    _, leases = await sent(world, 2, retries=rule)
    await bury(world)
    assert await world.rows("SELECT DISTINCT state FROM targets") == [("waiting",)]
    await world.check()
    await world.record(outcome(leases[0]))
    await world.check()
    await world.execute("UPDATE targets SET due_at = now() - interval '1 hour'")
    trunk = await world.value("SELECT id FROM trunks")
    again = await world.lease_all(world.leaser(worker=uuid4()), trunk)
    assert [lease.target_id for lease in again] == [leases[1].target_id]
    assert await world.record(outcome(leases[1])) == set()
    await world.check()


async def test_the_truth_about_a_target_that_was_cancelled_meanwhile(world: World) -> None:
    plan, leases = await sent(world, retries={"unknown": {"times": 1, "gap_seconds": 3600}})
    await bury(world)
    await world.stop(plan)
    assert await world.value("SELECT outcome FROM targets") == "cancelled"
    await world.record(outcome(leases[0]))
    assert await world.value("SELECT outcome FROM targets") == "completed"
    await world.check()


async def test_what_was_never_ordered_waits_again_uncounted(world: World) -> None:
    _, leases = await sent(world, 2)
    trunk = await world.value("SELECT id FROM trunks")
    async with transaction(world.sessions) as session:
        await attempts.take_back(session, [lease.attempt_id for lease in leases], "database")
    assert await world.rows("SELECT DISTINCT state, attempts FROM targets") == [("waiting", 0)]
    assert await world.lease_all(world.leaser(), trunk) == []  # Not at once: what was in the way may be yet.
    await world.execute("UPDATE targets SET due_at = now()")
    assert len(await world.lease_all(world.leaser(), trunk)) == 2
    await world.check()


async def test_orders_that_were_lost_become_unknown(world: World) -> None:
    _, leases = await sent(world, 3)
    known = [leases[0].attempt_id]
    async with transaction(world.sessions) as session:
        assert await sessions.unaccounted(session, world.worker, known, 60) == []
        lost = await sessions.unaccounted(session, world.worker, known, 0)
        await outcomes.record(session, lost, world.worker)
    assert {entry.attempt_id for entry in lost} == {lease.attempt_id for lease in leases[1:]}
    await world.check()


async def test_a_commit_whose_answer_was_lost_is_repeated_without_effect(world: World) -> None:
    """The connection dies behind the commit: the worker can only try again."""
    _, leases = await sent(world)
    tries = 0

    async def record() -> None:
        nonlocal tries
        tries += 1
        async with transaction(world.sessions) as session:
            await outcomes.record(session, [outcome(leases[0])], world.worker)
        if tries == 1:
            raise OperationalError("COMMIT", None, Exception("server closed the connection"))

    await until_committed(record, "recording")
    assert tries == 2
    assert await world.rows("SELECT count(*), sum(amount) FROM ledger_entries WHERE kind = 'settle'") == [
        (1, 1)
    ]
    await world.check()


async def test_a_handler_that_fails_undoes_only_itself(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(session: AsyncSession, _batch: object) -> None:
        await session.execute(text("SELECT 1 / 0"))

    handlers.register("failing", fail)
    _, leases = await sent(world)
    await world.execute("UPDATE plans SET owner_kind = 'failing'")
    with caplog.at_level(logging.ERROR):
        await world.record(outcome(leases[0]))
    assert "the outcome handler of failing failed for 1 targets" in caplog.text
    assert await world.value("SELECT outcome FROM targets") == "completed"
    await world.check()


async def test_a_stop_during_preparation_waits_for_nobody(world: World) -> None:
    """Targets that somebody works at are ended by the next sweep."""
    account = await world.account()
    plan = await world.plan(account, 3)
    async with transaction(world.sessions) as session:
        await session.execute(text("SELECT FROM targets ORDER BY id LIMIT 1 FOR UPDATE"))
        async with asyncio.timeout(20):
            assert await world.stop(plan)
    assert await world.value("SELECT count(*) FROM targets WHERE state = 'waiting'") == 1
    await closing.sweep_plans(world.sessions)
    assert await world.state(plan) == ("finished", "emergency_stop")
    await world.check()


async def test_progress_moves_forward_only(world: World) -> None:
    _, leases = await sent(world)
    token, now = leases[0].attempt_id, datetime.now(UTC)
    async with transaction(world.sessions) as session:
        await attempts.set_answered(session, {token: now})
        await attempts.set_ringing(session, {token: now})
        await attempts.set_played(session, {token: 3000})
        await attempts.set_played(session, {token: 2000})
    assert await world.rows("SELECT state, played_ms FROM attempts") == [("answered", 3000)]
    await bury(world)
    played, lasted = (await world.rows("SELECT played_ms, duration_ms FROM attempts"))[0]
    assert played == 3000
    assert lasted >= 0
    async with transaction(world.sessions) as session:
        await attempts.set_answered(session, {token: now})
        await attempts.set_played(session, {token: 4000})
    assert await world.rows("SELECT state, played_ms FROM attempts") == [("ended", 3000)]


async def test_figures_of_two_channels_are_apart(world: World) -> None:
    account, trunk, smsc = await world.account(), await world.trunk(), await world.smsc()
    plan = await world.plan(account, 2, Channel.CALL, Channel.SMS)
    calls = await world.lease_all(world.leaser(), trunk)
    texts = await world.lease_all(world.leaser(Channel.SMS), smsc, channel=Channel.SMS)
    await world.send(calls + texts)
    await world.record(*(outcome(lease) for lease in calls), outcome(texts[0], parts=2))
    async with transaction(world.sessions) as session:
        figures = (await dialing.figures(session, account, [plan.id]))[plan.id]
    assert (figures.targets, figures.final) == (4, 3)
    assert (figures.credits_phone, figures.credits_sms) == (2, 2)
    assert figures.by_outcome[Channel.SMS] == {Outcome.COMPLETED: 1}
    assert await world.value("SELECT phone FROM credit_balances") == 998
    await world.check()
