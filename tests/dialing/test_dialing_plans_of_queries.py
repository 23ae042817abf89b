"""What runs twenty times a second reads what it needs by index, however many targets wait."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import event

from engine_world import World
from ghanti.credits.repository import Balances
from ghanti.credits.tariff import Tariff, Tariffs
from ghanti.database.session import transaction
from ghanti.dialing import attempts, closing, leasing, repository, service
from ghanti.dialing.discarding import unneeded
from ghanti.dialing.leasing import trunk_gateway
from ghanti.dialing.models import URGENT, Channel, Plan
from ghanti.dialing.stock import unready_plans

PLANS, TARGETS = 50, 2000
MOST_ROWS = 12_000
"""Rows that one statement may touch: a stock of 200 for each plan, far from all 100,000 targets."""


async def _many(world: World) -> int:
    account = await world.account(phone=10**6)
    first = await world.plan(account, 1)
    await world.execute(
        "INSERT INTO plans (account_id, owner_kind, owner_id, ring_seconds, credit_limit)"
        " SELECT account_id, owner_kind, owner_id, 30, 1000000 FROM plans, generate_series(2, :plans)",
        plans=PLANS,
    )
    await world.execute(
        "INSERT INTO targets (account_id, plan_id, contact_id, channel, number, carrier, ready, units)"
        " SELECT p.account_id, p.id, n, 'call', '+9779841000000', 'NTC', n % 2 = 0, 2"
        " FROM plans p, generate_series(1000, 999 + :targets) n",
        targets=TARGETS,
    )
    await world.execute("ANALYZE")
    return first.account_id


async def _rows_read(world: World, what: Any) -> dict[str, int]:
    """Rows that each statement of ``what`` fetched or passed over, by EXPLAIN of it with its values."""
    seen: list[tuple[str, Any]] = []
    async with transaction(world.sessions) as session:
        raw = (await session.connection()).sync_connection
        assert raw is not None

        def note(_c: object, _k: object, statement: str, values: Any, *_: object) -> None:
            seen.append((statement, values))

        event.listen(raw, "before_cursor_execute", note)
        await what(session)
        event.remove(raw, "before_cursor_execute", note)
        read = {}
        for statement, values in seen:
            if not statement.lstrip().upper().startswith(("SELECT", "WITH", "UPDATE")) or not values:
                continue
            rows = await session.run_sync(
                lambda s, q=statement, v=values: (
                    s.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF) {q}", v).scalars().all()
                )
            )
            read[" ".join(statement.split())[:80]] = _touched(rows)
    return read


def _touched(lines: list[str]) -> int:
    total = 0.0
    for line in lines:
        if found := re.search(r"Scan.*actual rows=([\d.]+) loops=(\d+)", line):
            total += float(found[1]) * int(found[2])
        if found := re.search(r"Rows Removed by (?:Filter|Index Recheck): (\d+)", line):
            total += int(found[1])
    return int(total)


async def test_no_statement_of_a_tick_reads_all_targets(world: World) -> None:
    await _many(world)
    trunk = await world.trunk(cps=20)

    async def tick(session: Any) -> None:
        await world.leaser().grant(session, trunk_gateway(trunk), 20)

    async def sweep(session: Any) -> None:
        for row in await repository.live_plans(session):
            await repository.is_open(session, row.account_id, row.id)

    async def prepare(session: Any) -> None:
        assert await unready_plans(session, 60) == []  # What is ready suffices.

    async def prepare_urgent(session: Any) -> None:
        assert await unready_plans(session, 60, URGENT) == []

    for what in (tick, sweep, prepare, prepare_urgent):
        read = await _rows_read(world, what)
        assert read
        assert {statement: rows for statement, rows in read.items() if rows > MOST_ROWS} == {}


async def test_paused_plans_cost_nothing_however_much_waits_in_them(world: World) -> None:
    await _many(world)
    await world.execute("UPDATE plans SET state = 'paused', state_reason = 'credits'")
    await world.execute("UPDATE credit_balances SET phone = 0")

    async def due(session: Any) -> None:
        assert await leasing._due_plans(session, Channel.CALL, 20) == []

    read = await _rows_read(world, due)
    assert max(read.values()) <= 3 * PLANS


async def test_a_stop_ends_a_batch_without_reading_the_others(world: World) -> None:
    account = await _many(world)
    plan = await world.value("SELECT min(id) FROM plans")

    async def stop(session: Any) -> None:
        locked = await closing.lock_with_balance(session, account, plan)
        assert locked is not None
        await closing.stop(session, locked, "emergency_stop", 100)

    read = await _rows_read(world, stop)
    assert {statement: rows for statement, rows in read.items() if rows > MOST_ROWS} == {}


async def test_what_a_run_needs_is_reckoned_from_its_own_targets_in_one_aggregate(world: World) -> None:
    await _many(world)
    table = Tariffs({"": Tariff(), "977984": Tariff(60, 3, 1), "97798410": Tariff(60, 2, 1)})
    needed: list[Balances] = []

    async def least(session: Any) -> None:
        plan = await session.get_one(Plan, (await world.value("SELECT min(account_id) FROM plans"), 1))
        needed.append(await service.least(session, plan, table))

    read = await _rows_read(world, least)
    assert needed == [Balances(phone=1 + 2 * TARGETS)]
    assert sum("left(ltrim(number" in statement for statement in read) == 1


async def test_an_outcome_reads_its_own_rows(world: World) -> None:
    await _many(world)
    trunk = await world.trunk()
    await world.rewind()
    leases = await world.lease(world.leaser(), trunk, free=20)
    await world.execute("ANALYZE attempts")

    async def end(session: Any) -> None:
        locked = await attempts.lock_for_outcome(session, [lease.attempt_id for lease in leases])
        assert [row.price for row in locked] == [1] * 20

    read = await _rows_read(world, end)
    assert max(read.values()) <= 20 * PLANS


async def test_audio_that_nobody_needs_is_found_by_index(world: World) -> None:
    """Ten targets share a message here; each has a second audio of its own."""
    await _many(world)
    await world.execute(
        "UPDATE targets SET content = jsonb_build_object('ms', 1, 'audios', jsonb_build_object("
        " 'message', 'audio/' || id / 20, 'name', 'audio/n' || id)) WHERE ready"
    )
    await world.execute(
        "UPDATE targets SET state = 'final', outcome = 'completed', final_at = now() - interval '1 day'"
        " WHERE ready AND id / 20 % 10 = 0 OR ready AND id % 20 = 1"
    )
    await world.execute("ANALYZE targets")
    found: list[str] = []

    async def discard(session: Any) -> None:
        async with session.begin_nested() as undone:
            found.extend(await unneeded(session, 3600))
            await undone.rollback()

    read = await _rows_read(world, discard)
    assert 0 < max(read.values()) < MOST_ROWS
    own = [key for key in found if key.startswith("audio/n")]
    assert len(own) == 500
    assert 0 < len(found) - len(own) < 500
