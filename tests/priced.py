"""Targets made ready at their numbers' prices, and workers that race for credits, here or in processes.

``python priced.py URL CHANNEL GATEWAY`` is one such worker: it says ``ready`` and begins at a line of input.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import text

from engine_world import World, outcome
from ghanti.credits.tariff import Tariff, Tariffs
from ghanti.database.session import create_session_factory, opened, transaction
from ghanti.dialing import stock
from ghanti.dialing.leasing import _due_plans
from ghanti.dialing.models import Channel
from ghanti.dialing.stock import Ready

NTC, NCELL, LANDLINE = "+9779841", "+9779801", "+97714"
_END_SECONDS = 60
_DIGITS = {NTC: 6, NCELL: 6, LANDLINE: 6}


def numbers(prefix: str, count: int, first: int = 0) -> list[str]:
    """Valid numbers of a prefix."""
    return [f"{prefix}{first + index:0{_DIGITS[prefix]}}" for index in range(count)]


async def make_ready(world: World, tariffs: Tariffs, ms: int = 5000, parts: int = 1) -> dict[int, Tariff]:
    """Make all that waits ready as preparation does; answers by which tariff each target is held."""
    rows = await world.rows("SELECT account_id, id, channel, number FROM targets WHERE NOT ready ORDER BY id")
    made = {row.id: tariffs.of(row.number) for row in rows}
    async with transaction(world.sessions) as session:
        for row in rows:
            await stock.mark_ready(
                session, row.account_id, [_ready(row.id, row.channel, made[row.id], ms, parts)]
            )
    return made


def _ready(target_id: int, channel: str, tariff: Tariff, ms: int, parts: int) -> Ready:
    if channel == Channel.CALL:
        held, price = tariff.hold(ms), tariff.credits_per_pulse
    else:
        held, price = tariff.message(parts), tariff.credits_per_segment
    return Ready(target_id, {"ms": ms, "parts": parts, "text": "x"}, held, tariff.pulse_seconds, price)


async def race(world: World, channel: Channel, gateway_id: int, free: int = 2) -> None:
    """Lease, send and end, answered for five seconds or accepted in one part, until nothing can be had."""
    worker = World(world.sessions, uuid4())
    await worker.open()
    leaser = worker.leaser(channel)
    while True:
        if leases := await worker.lease(leaser, gateway_id, free, channel):
            await worker.send(leases)
            await worker.record(*(outcome(lease) for lease in leases))
        elif await _open(worker, channel):
            await asyncio.sleep(0.01)
        else:
            return


async def _open(world: World, channel: Channel) -> bool:
    """Whether anything is or may be under way: plans that nothing can be held for are paused or stopped."""
    async with transaction(world.sessions) as session:
        if await _due_plans(session, channel, 1):
            return True
    return bool(await world.value("SELECT count(*) FROM targets WHERE state = 'active'"))


async def contest(world: World, racers: Sequence[tuple[Channel, int]]) -> None:
    """Let workers race on connections of their own; limits hold at every moment of it."""
    async with asyncio.timeout(_END_SECONDS), asyncio.TaskGroup() as tasks:
        racing = [tasks.create_task(race(world, channel, gateway)) for channel, gateway in racers]
        while not all(task.done() for task in racing):
            await within_limits(world)
            await asyncio.sleep(0.01)


async def within_limits(world: World) -> None:
    """What plans spent and hold is never above their limits, in any snapshot."""
    assert not await world.rows(
        """
        SELECT p.id FROM plans p
         WHERE p.credit_limit <
               (SELECT coalesce(sum(f.credits), 0) FROM plan_figures f WHERE f.plan_id = p.id)
               + (SELECT coalesce(sum(a.held), 0) FROM attempts a
                   WHERE a.plan_id = p.id AND a.state <> 'ended')
        """
    )


async def _worker(url: str, channel: str, gateway: str) -> None:
    async with opened(url, pool_size=1) as engine:
        world = World(create_session_factory(engine))
        async with transaction(world.sessions) as session:
            await session.execute(text("SELECT 1"))
        print("ready", flush=True)
        sys.stdin.readline()
        await race(world, Channel(channel), int(gateway))


if __name__ == "__main__":
    asyncio.run(_worker(*sys.argv[1:]))
