"""The tick: what it may grant, whose turn it is, and what a race of two leasers does."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from engine_world import World, outcome
from ghanti.credits.models import Currency
from ghanti.database.session import transaction
from ghanti.dialing import attempts, closing
from ghanti.dialing import service as dialing
from ghanti.dialing.leasing import trunk_gateway
from ghanti.dialing.models import Channel, Outcome


async def test_a_target_is_leased_once_with_its_hold(world: World) -> None:
    account, trunk = await world.account(phone=100), await world.trunk()
    plan = await world.plan(account, 5, ring_seconds=17)
    leases = await world.lease_all(world.leaser(), trunk)
    assert len({lease.target_id for lease in leases}) == len(leases) == 5
    assert {(lease.held, lease.ring_seconds, lease.plan_id) for lease in leases} == {(2, 17, plan.id)}
    assert await world.value("SELECT phone FROM credit_balances") == 90
    await world.check()


async def test_leasers_that_race_never_take_a_target_twice_nor_pass_the_limits(world: World) -> None:
    account = await world.account(phone=500)
    trunk = await world.trunk(cps=1000, max_calls=60)
    for _ in range(3):
        await world.plan(account, 40)
    taken: list[int] = []

    async def ticks() -> None:
        leaser = world.leaser(worker=uuid4())
        for _ in range(15):
            taken.extend(lease.target_id for lease in await world.lease(leaser, trunk, free=7))

    began = datetime.now(UTC)
    await asyncio.gather(*(ticks() for _ in range(4)))
    seconds = (datetime.now(UTC) - began).total_seconds()
    assert len(taken) == len(set(taken))
    assert 0 < len(taken) <= min(60, 1000 * (seconds + 0.05) + 1)
    assert await world.value("SELECT count(*) FROM attempts WHERE state = 'leased'") == len(taken)
    await world.check()


async def test_leasers_together_keep_the_pace_of_a_trunk(world: World) -> None:
    account, trunk = await world.account(), await world.trunk(cps=20)
    await world.plan(account, 200)
    end = asyncio.get_running_loop().time() + 1.0

    async def ticks() -> None:
        leaser = world.leaser(worker=uuid4())
        while asyncio.get_running_loop().time() < end:
            await world.lease(leaser, trunk)

    await asyncio.gather(*(ticks() for _ in range(3)))
    moments = sorted(
        row.leased_at for row in await world.rows("SELECT leased_at FROM attempts ORDER BY leased_at")
    )
    assert moments
    # The lock is taken a little before the rows are written: a window seen here may have been longer.
    slack = timedelta(seconds=0.3)
    for first in range(len(moments)):
        for last in range(first, len(moments)):
            window = moments[last] - moments[first] + timedelta(seconds=0.05) + slack
            assert last - first + 1 <= 20 * window.total_seconds() + 1


async def test_two_accounts_on_two_gateways_never_wait_in_a_ring(world: World) -> None:
    """Ticks of both channels lock the balances and plans of the same accounts at the same time."""
    trunk, smsc = await world.trunk(), await world.smsc()
    for _ in range(4):
        account = await world.account()
        await world.plan(account, 30, Channel.CALL, Channel.SMS, units=(1,))

    async def ticks(channel: Channel, gateway: int) -> int:
        leaser, count = world.leaser(channel, uuid4()), 0
        while count < 120:
            await world.rewind()
            count += len(await world.lease(leaser, gateway, free=9, channel=channel))
        return count

    async with asyncio.timeout(60):
        assert await asyncio.gather(ticks(Channel.CALL, trunk), ticks(Channel.SMS, smsc)) == [120, 120]
    await world.check()


async def test_plans_share_a_trunk_fairly_and_urgent_classes_go_first(world: World) -> None:
    account, trunk = await world.account(phone=5000), await world.trunk(cps=100)
    small, large = await world.plan(account, 60), await world.plan(account, 300)
    leaser = world.leaser()
    got: Counter[int] = Counter()
    for _ in range(20):
        await world.rewind()
        got.update(lease.plan_id for lease in await world.lease(leaser, trunk, free=3))
    assert abs(got[small.id] - got[large.id]) <= 2
    urgent = await world.plan(account, 4, plan_class="otp")
    await world.rewind()
    first = await world.lease(leaser, trunk, free=3)
    assert {lease.plan_id for lease in first} == {urgent.id}
    await world.check()


async def test_an_urgent_plan_takes_nobodys_turn_in_the_class_below(world: World) -> None:
    """Each class keeps its own account of who is due, also while another is served before it."""
    account, trunk = await world.account(phone=5000), await world.trunk(cps=100)
    bulk = [await world.plan(account, 50) for _ in range(2)]
    await world.plan(account, 50, plan_class="demo")
    leaser = world.leaser()
    got: Counter[int] = Counter()
    for _ in range(120):
        await world.rewind()
        got.update(lease.plan_id for lease in await world.lease(leaser, trunk, free=1))
        if sum(got[plan.id] for plan in bulk) >= 20:
            break
    assert abs(got[bulk[0].id] - got[bulk[1].id]) <= 1


async def test_a_plan_without_credits_pauses_and_runs_on_after_a_purchase(world: World) -> None:
    account, trunk = await world.account(phone=5), await world.trunk()
    plan = await world.plan(account, 4)
    leaser = world.leaser()
    leases = await world.lease_all(leaser, trunk)
    assert len(leases) == 2
    assert await world.state(plan) == ("running", None)
    await world.send(leases)
    await world.record(*(outcome(lease, Outcome.HUNGUP, duration_ms=100_000) for lease in leases))
    assert await world.lease_all(leaser, trunk) == []
    assert await world.state(plan) == ("paused", "credits")
    await world.buy(account, Currency.PHONE, 1)
    assert len(await world.lease_all(leaser, trunk)) == 1
    assert await world.state(plan) == ("running", None)
    await world.check()


async def test_a_dear_message_in_front_holds_up_no_cheaper_one(world: World) -> None:
    account, trunk = await world.account(phone=3), await world.trunk()
    plan = await world.plan(account, 6, units=(9,))
    await world.execute("UPDATE targets SET units = 1 WHERE id = (SELECT max(id) FROM targets)")
    await world.rewind()
    leases = await world.lease(world.leaser(), trunk, free=1)
    assert [lease.held for lease in leases] == [1]
    assert await world.state(plan) == ("running", None)
    await world.check()


async def test_a_channel_with_credits_goes_on_while_the_other_waits_for_some(world: World) -> None:
    account = await world.account(phone=1, sms=10)
    trunk, smsc = await world.trunk(), await world.smsc()
    plan = await world.plan(account, 3, Channel.CALL, Channel.SMS)
    assert await world.lease_all(world.leaser(), trunk) == []
    assert await world.state(plan) == ("paused", "credits")
    texts = await world.lease_all(world.leaser(Channel.SMS), smsc, channel=Channel.SMS)
    assert len(texts) == 3
    assert await world.state(plan) == ("paused", "credits")
    await world.buy(account, Currency.PHONE, 5)
    assert len(await world.lease_all(world.leaser(), trunk)) == 3
    assert await world.state(plan) == ("running", None)
    await world.check()


@pytest.mark.parametrize(("limit", "calls"), [(1, 0), (5, 2), (6, 3)])
async def test_a_credit_limit_ends_the_plan_once_all_is_settled(world: World, limit: int, calls: int) -> None:
    account, trunk = await world.account(), await world.trunk()
    plan = await world.plan(account, 9, credit_limit=limit)
    leaser = world.leaser()
    leases = await world.lease_all(leaser, trunk)
    assert len(leases) == calls
    await world.send(leases)
    await world.record(*(outcome(lease, Outcome.HUNGUP, duration_ms=100_000) for lease in leases))
    assert await world.lease_all(leaser, trunk) == []
    assert await world.state(plan) == ("stopped", "credit_limit")
    await closing.sweep_plans(world.sessions)
    assert await world.state(plan) == ("finished", "credit_limit")
    assert await world.value("SELECT count(*) FROM targets WHERE outcome = 'cancelled'") == 9 - calls
    assert await world.value("SELECT coalesce(sum(credits), 0) FROM plan_figures") <= limit
    await world.check()


async def test_a_plan_whose_numbers_are_all_refused_ends_free_of_charge(world: World) -> None:
    account, trunk = await world.account(), await world.trunk()
    plan = await world.plan(account, 2, numbers=("+12025550143", "+977123"))
    assert await world.lease_all(world.leaser(), trunk) == []
    assert await world.rows("SELECT DISTINCT outcome, credits FROM targets") == [("invalid_number", 0)]
    await closing.sweep_plans(world.sessions)
    assert await world.state(plan) == ("finished", None)
    assert await world.value("SELECT phone FROM credit_balances") == 1000
    await world.check()


async def test_nothing_is_leased_before_the_start_nor_unready_nor_over_the_trunk(world: World) -> None:
    account, trunk = await world.account(), await world.trunk(max_calls=3)
    await world.plan(account, 5, starts_at=datetime.now(UTC) + timedelta(hours=1))
    await world.plan(account, 5, ready=False)
    assert await world.lease_all(world.leaser(), trunk) == []
    await world.plan(account, 5)
    assert len(await world.lease_all(world.leaser(), trunk)) == 3
    await world.execute("UPDATE trunks SET active = false")
    await world.execute("UPDATE attempts SET lease_until = now() - interval '1 s'")
    async with transaction(world.sessions) as session:
        assert await attempts.void_expired_leases(session) == 3
    assert await world.lease_all(world.leaser(), trunk) == []
    await world.check()


async def test_a_message_of_many_parts_takes_many_turns_of_its_gateway(world: World) -> None:
    account, smsc = await world.account(), await world.smsc(rate=10)
    await world.plan(account, 2, Channel.SMS)
    await world.execute('UPDATE targets SET content = \'{"text": "x", "parts": 50}\'')
    leaser = world.leaser(Channel.SMS)
    assert len(await world.lease(leaser, smsc, free=1, channel=Channel.SMS)) == 1
    ahead = await world.value("SELECT extract(epoch FROM next_start_at - clock_timestamp()) FROM smscs")
    assert 2 < ahead <= 5


async def test_targets_added_to_a_plan_that_ends_join_it_or_are_told_so(world: World) -> None:
    account = await world.account()
    for _ in range(10):
        plan = await world.plan(account, 0)
        await world.execute(
            "INSERT INTO contacts (account_id, campaign_id, number, number_sent, carrier, variables)"
            " VALUES (:a, :c, '+9779841000000', '', 'NTC', '{}')",
            a=account,
            c=plan.owner_id,
        )

        async def add(plan: object = plan) -> int:
            async with transaction(world.sessions) as session:
                return await dialing.add_targets(session, plan, [Channel.CALL])  # type: ignore[arg-type]

        added, _ = await asyncio.gather(add(), closing.sweep_plans(world.sessions))
        state, _ = await world.state(plan)
        assert (state, added) in {("running", 1), ("finished", 0)}
        await world.stop(plan)
    await world.check()


async def test_a_trunk_that_is_locked_holds_up_no_leg(world: World) -> None:
    """Rows that name a trunk are written while a tick holds it."""
    account, trunk = await world.account(), await world.trunk()
    await world.plan(account, 2)
    (lease, *_) = await world.lease(world.leaser(), trunk)
    async with transaction(world.sessions) as session:
        await world.leaser(worker=uuid4()).grant(session, trunk_gateway(trunk), 1)
        async with asyncio.timeout(20), transaction(world.sessions) as other:
            assert await attempts.begin_sending(other, [lease.attempt_id])
            await attempts.insert_legs(other, [(account, lease.attempt_id, 1, trunk, "c")])
