"""Loops of a worker: what is tried again, what is not, and who may declare whom dead."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from engine_world import World, outcome
from ghanti.database.session import transaction
from ghanti.dialing import closing, handlers
from ghanti.dialing.models import Outcome, Plan
from ghanti.dialing.outcomes import AttemptOutcome
from ghanti.dialing.worker import Sweeper, record_batch, until_committed
from ghanti.settings import Settings

PROMPT = Settings(takeover_seconds=1.01)


async def test_a_broken_rule_is_not_tried_for_ever(world: World) -> None:
    async def overdraw() -> None:
        await world.execute("UPDATE credit_balances SET phone = -1")

    await world.account()
    with pytest.raises(IntegrityError):
        await until_committed(overdraw, "overdrawing")


async def test_a_lost_connection_is(world: World) -> None:
    tries = 0

    async def die_once() -> int:
        nonlocal tries
        tries += 1
        async with transaction(world.sessions) as session:
            if tries == 1:
                await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
            return int(await session.scalar(text("SELECT 7")) or 0)

    assert await until_committed(die_once, "dying once") == 7
    assert tries == 2


async def test_only_a_heart_that_beats_evenly_may_declare_others_dead(world: World) -> None:
    account, trunk = await world.account(), await world.trunk()
    await world.plan(account, 1)
    await world.open()
    leases = await world.lease_all(world.leaser(), trunk)
    await world.send(leases)
    await world.execute("UPDATE worker_sessions SET heartbeat_at = now() - interval '1 hour'")
    other = World(world.sessions)
    await other.open(role="sms")
    sweeper = Sweeper(world.sessions, PROMPT, other.worker)
    await sweeper._take_over()
    await sweeper.beat()
    await sweeper._take_over()
    assert await world.value("SELECT state FROM attempts") == "sending"
    # It stood still, with all others perhaps: from here on the interval begins again.
    since = sweeper._beating_since
    await world.execute("UPDATE worker_sessions SET heartbeat_at = now() - interval '1 min'")
    await sweeper.beat()
    assert since is not None
    assert sweeper._beating_since is not None
    assert sweeper._beating_since > since
    sweeper._beating_since -= 10
    await sweeper._take_over()
    assert await world.value("SELECT outcome FROM targets") == Outcome.UNKNOWN
    assert await world.record(outcome(leases[0]))
    await world.check()


async def _kill(session: AsyncSession) -> None:
    await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


async def _deadlock(session: AsyncSession) -> None:
    await session.execute(text("DO $$ BEGIN RAISE deadlock_detected; END $$"))


async def _kill_and_go_on(session: AsyncSession) -> None:
    """What swallows the loss: only the commit then says that there is nothing to commit."""
    with contextlib.suppress(OperationalError):
        await _kill(session)


@pytest.mark.parametrize("breaks", [_kill, _deadlock, _kill_and_go_on])
async def test_an_outage_in_an_owners_handler_loses_no_outcome(
    world: World, monkeypatch: pytest.MonkeyPatch, breaks: Callable[[AsyncSession], Awaitable[None]]
) -> None:
    tries: list[list[handlers.TargetOutcome]] = []

    async def told(session: AsyncSession, batch: list[handlers.TargetOutcome]) -> None:
        tries.append(batch)
        if len(tries) == 1:
            await breaks(session)

    monkeypatch.setattr(handlers, "_outcome", {"campaign": (told,)})
    account, trunk = await world.account(), await world.trunk()
    await world.plan(account, 2)
    leases = await world.lease_all(world.leaser(), trunk)
    await world.send(leases)

    async def record(batch: Sequence[AttemptOutcome]) -> None:
        await world.record(*batch)

    await record_batch(record, [outcome(x) for x in leases], "recording", lambda entry: entry.attempt_id)
    assert [len(batch) for batch in tries] == [2, 2]
    assert await world.rows("SELECT outcome, charged FROM attempts") == [("completed", 1)] * 2
    await world.check()


@pytest.mark.parametrize("when", ["_started", "_finished"])
async def test_an_outage_in_an_owners_handler_leaves_the_plan_to_the_next_sweep(
    world: World, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    tries = 0

    async def told(session: AsyncSession, _plan: Plan) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            await _kill_and_go_on(session)

    for registry in ("_started", "_finished"):
        monkeypatch.setattr(handlers, registry, {"campaign": told} if registry == when else {})
    plan = await world.plan(await world.account(), 0)
    await until_committed(lambda: closing.sweep_plans(world.sessions), "sweeping")
    assert tries == 2
    assert await world.state(plan) == ("finished", None)
