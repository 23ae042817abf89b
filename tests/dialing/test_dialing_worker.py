"""Loops of a worker: what is tried again, what is not, and who may declare whom dead."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engine_world import World, outcome
from ghanti.database.session import transaction
from ghanti.dialing.models import Outcome
from ghanti.dialing.worker import Sweeper, until_committed
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
