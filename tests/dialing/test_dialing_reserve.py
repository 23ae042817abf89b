"""Reserved capacity, a plan's own pace, and numbers that are no contact's: what a tick grants to whom."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from engine_world import World, outcome
from ghanti.credits.models import Currency
from ghanti.database.session import transaction
from ghanti.dialing import closing
from ghanti.dialing import service as dialing
from ghanti.dialing.gateways import State
from ghanti.dialing.leasing import trunk_gateway
from ghanti.dialing.models import Channel, Outcome, Plan
from ghanti.dialing.pacing import allowance


async def _urgent(world: World, account: int, count: int = 1, channel: Channel = Channel.CALL) -> Plan:
    return await world.plan(account, count, channel, plan_class="otp")


async def _classes(world: World) -> dict[str, int]:
    """Live attempts by the class of their plan."""
    rows = await world.rows(
        "SELECT p.plan_class, count(*) FROM attempts a JOIN plans p ON p.id = a.plan_id"
        " WHERE a.state <> 'ended' GROUP BY 1"
    )
    return {row.plan_class: row.count for row in rows}


async def test_bulk_leaves_the_reserved_channels_to_what_is_urgent(world: World) -> None:
    account, trunk = await world.account(), await world.trunk(max_calls=20, reserved=10)
    await world.plan(account, 50)
    leaser = world.leaser()
    await world.lease_all(leaser, trunk)
    assert await _classes(world) == {"bulk": 18}
    await _urgent(world, account, 3)
    await world.lease_all(leaser, trunk)
    assert await _classes(world) == {"bulk": 18, "otp": 2}
    await world.check()


async def test_urgent_calls_use_their_reserve_first(world: World) -> None:
    """While the reserve is in use bulk may have all the rest, and no more."""
    account, trunk = await world.account(), await world.trunk(max_calls=10, reserved=20)
    await _urgent(world, account, 2)
    await world.plan(account, 50)
    await world.lease_all(world.leaser(), trunk)
    assert await _classes(world) == {"otp": 2, "bulk": 8}


async def test_more_urgent_calls_than_the_reserve_take_what_is_free(world: World) -> None:
    account, trunk = await world.account(), await world.trunk(max_calls=10, reserved=20)
    await _urgent(world, account, 5)
    await world.plan(account, 50)
    await world.lease_all(world.leaser(), trunk)
    assert await _classes(world) == {"otp": 5, "bulk": 5}


@pytest.mark.parametrize("plan_class", ["emergency", "bulk"])
async def test_only_passwords_and_demo_calls_are_urgent(world: World, plan_class: str) -> None:
    account, trunk = await world.account(), await world.trunk(max_calls=10, reserved=20)
    await world.plan(account, 50, plan_class=plan_class)
    assert len(await world.lease_all(world.leaser(), trunk)) == 8
    await world.plan(account, 50, plan_class="demo")
    await _urgent(world, account, 50)
    await world.lease_all(world.leaser(), trunk)
    assert (await _classes(world))[plan_class] == 8


@pytest.mark.parametrize(("percent", "demo"), [(20, 9), (5, 9), (0, 10)])
async def test_demo_calls_never_have_the_last_reserved_channel(world: World, percent: int, demo: int) -> None:
    account, trunk = await world.account(), await world.trunk(max_calls=10, reserved=percent)
    await world.plan(account, 30, plan_class="demo")
    leaser = world.leaser()
    await world.lease_all(leaser, trunk)
    assert await _classes(world) == {"demo": demo}
    await world.plan(account, 30)
    assert await world.lease_all(leaser, trunk) == []
    await _urgent(world, account, 3)
    assert len(await world.lease_all(leaser, trunk)) == 10 - demo
    await world.check()


async def test_demo_calls_and_bulk_together_leave_a_channel(world: World) -> None:
    account, trunk = await world.account(), await world.trunk(max_calls=10, reserved=20)
    leaser = world.leaser()
    await world.plan(account, 5, plan_class="demo")
    await world.plan(account, 30)
    await world.lease_all(leaser, trunk)
    assert await _classes(world) == {"demo": 5, "bulk": 4}
    await _urgent(world, account, 3)
    await world.lease_all(leaser, trunk)
    assert await _classes(world) == {"demo": 5, "bulk": 4, "otp": 1}


@pytest.mark.parametrize(
    ("ahead", "left"),
    # A trunk of 100 a second lets 5 urgent starts, 1/95 s apart, be ahead of its meter.
    [(0, (6, 5, 1)), (1, (5, 4, 0)), (4, (2, 1, 0)), (5, (1, 0, 0)), (6, (0, 0, 0))],
)
def test_demo_calls_never_have_the_last_reserved_start(ahead: int, left: tuple[int, int, int]) -> None:
    now = datetime.now(UTC)
    allowed = allowance(now, now + ahead * timedelta(seconds=1 / 95.1), 100, timedelta(seconds=0.05), 5)
    room = State(now, allowed, capacity=100, reserved=5, live=0, urgent=0, otp=0).room(free=100, kept=0)
    assert tuple(room.left(each) for each in ("otp", "demo", "bulk")) == left


async def test_a_worker_keeps_its_last_place_from_demo_calls(world: World) -> None:
    account, trunk = await world.account(), await world.trunk()
    await world.plan(account, 9, plan_class="demo")
    async with transaction(world.sessions) as session:
        leases = await world.leaser().grant(session, trunk_gateway(trunk), 3, kept=2)
    assert len(leases) == 2


async def test_a_worker_keeps_places_for_what_is_urgent_too(world: World) -> None:
    account, trunk = await world.account(), await world.trunk()
    await world.plan(account, 50)

    async def grant(free: int) -> int:
        await world.rewind()
        async with transaction(world.sessions) as session:
            return len(await world.leaser().grant(session, trunk_gateway(trunk), free, kept=2))

    assert [await grant(5), await grant(2)] == [3, 0]
    await _urgent(world, account)
    assert await grant(2) == 1


async def test_the_window_of_an_smsc_keeps_room(world: World) -> None:
    account, smsc = await world.account(), await world.smsc(window=10, reserved=5)
    await world.plan(account, 30, Channel.SMS)
    leaser = world.leaser(Channel.SMS)
    await world.lease_all(leaser, smsc, channel=Channel.SMS)
    assert await _classes(world) == {"bulk": 9}
    await _urgent(world, account, 2, Channel.SMS)
    await world.lease_all(leaser, smsc, channel=Channel.SMS)
    assert await _classes(world) == {"bulk": 9, "otp": 1}


async def test_the_pace_of_bulk_never_puts_off_an_urgent_start(world: World) -> None:
    """Bulk has just had its start: the next is due only later, and an urgent one at once."""
    account, trunk = await world.account(), await world.trunk(cps=5, reserved=5)
    await world.plan(account, 200)
    urgent = await _urgent(world, account, 3)
    leaser = world.leaser()
    for _ in range(3):
        await world.execute("UPDATE trunks SET next_start_at = clock_timestamp() + interval '240 ms'")
        leases = await world.lease(leaser, trunk)
        assert [lease.plan_id for lease in leases if lease.urgent] == [urgent.id]


async def test_an_urgent_plan_without_credits_ends_instead_of_waiting_for_some(world: World) -> None:
    account, trunk = await world.account(phone=1), await world.trunk()
    plan = await _urgent(world, account)
    assert await world.lease_all(world.leaser(), trunk) == []
    assert await world.state(plan) == ("stopped", "credits")
    await world.buy(account, Currency.PHONE, 100)
    assert await world.lease_all(world.leaser(), trunk) == []
    await world.check()


async def test_a_plan_keeps_its_own_pace_on_all_trunks_together(world: World) -> None:
    account = await world.account()
    trunks = [await world.trunk(), await world.trunk()]
    slow = await world.plan(account, 50, pace=Decimal("0.01"))
    fast = await world.plan(account, 20)
    leaser = world.leaser()
    granted = [lease.plan_id for trunk in trunks for lease in await world.lease(leaser, trunk)]
    assert granted.count(slow.id) == 1
    assert granted.count(fast.id) == 20
    assert [lease for trunk in trunks for lease in await world.lease(leaser, trunk)] == []
    await world.execute("UPDATE plans SET next_start_at = now() - interval '1 hour'")
    assert len(await world.lease(leaser, trunks[0])) == 1  # A pause saves no burst.
    async with transaction(world.sessions) as session:
        await dialing.set_pace(session, account, slow.id, None)
    assert len(await world.lease_all(leaser, trunks[0])) == 48
    await world.check()


async def test_leasers_together_keep_the_pace_of_a_plan(world: World) -> None:
    account, trunks = await world.account(), [await world.trunk(), await world.trunk()]
    plan = await world.plan(account, 200, pace=Decimal(20))
    began = asyncio.get_running_loop().time()

    async def ticks(trunk: int) -> None:
        leaser = world.leaser(worker=uuid4())
        while asyncio.get_running_loop().time() < began + 1:
            await world.lease(leaser, trunk)

    await asyncio.gather(*(ticks(trunk) for trunk in trunks))
    seconds = asyncio.get_running_loop().time() - began
    leased = await world.value("SELECT count(*) FROM attempts WHERE plan_id = :id", id=plan.id)
    assert 1 <= leased <= 20 * (seconds + 0.05) + 1


async def test_texts_know_no_pace_of_calls(world: World) -> None:
    account, smsc = await world.account(), await world.smsc()
    await world.plan(account, 20, Channel.SMS, pace=Decimal("0.01"))
    assert len(await world.lease(world.leaser(Channel.SMS), smsc, channel=Channel.SMS)) == 20


async def test_a_number_that_is_no_contact_is_called_and_settled(world: World) -> None:
    account, trunk = await world.account(phone=10), await world.trunk()
    plan = await world.plan(account, 0, plan_class="otp")
    async with transaction(world.sessions) as session:
        target = await dialing.add_number(session, plan, Channel.CALL, "+9779841000001", "NTC")
        await dialing.add_number(session, plan, Channel.CALL, "+9779841000001", "NTC")
    await world.execute("UPDATE targets SET ready = true, content = '{\"ms\": 5000}', units = 2")
    await world.open()
    leases = await world.lease_all(world.leaser(), trunk)
    assert {(lease.contact_id, lease.number, lease.urgent) for lease in leases} == {
        (None, "+9779841000001", True)
    }
    assert target in {lease.target_id for lease in leases}
    assert len(await world.send(leases)) == 2
    await world.record(*(outcome(lease, Outcome.COMPLETED) for lease in leases))
    await closing.sweep_plans(world.sessions)
    assert await world.state(plan) == ("finished", None)
    await world.check()


async def test_a_finished_plan_takes_no_number(world: World) -> None:
    account = await world.account()
    plan = await world.plan(account, 0)
    await closing.sweep_plans(world.sessions)
    with pytest.raises(ValueError, match="no more targets"):
        async with transaction(world.sessions) as session:
            await dialing.add_number(session, plan, Channel.CALL, "+9779841000001", "NTC")
