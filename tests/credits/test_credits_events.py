"""A balance is said to be low, empty and restored once each, however often holds come and go."""

from __future__ import annotations

import asyncio
import logging
from uuid import uuid4

import pytest

from engine_world import World
from ghanti.credits import alerts, service
from ghanti.credits.models import Currency
from ghanti.database.session import transaction

PHONE = Currency.PHONE


async def told(world: World, currency: str = "phone") -> list[tuple[str, int]]:
    rows = await world.rows(
        "SELECT kind, balance FROM credit_events WHERE currency = :currency ORDER BY id", currency=currency
    )
    return [(row.kind, row.balance) for row in rows]


async def hold(world: World, account: int, amount: int, charged: int) -> None:
    async with transaction(world.sessions) as session:
        await service.reserve(session, account, PHONE, amount, 1, uuid4())
    async with transaction(world.sessions) as session:
        await service.settle(session, account, PHONE, amount, charged, 1, uuid4())


async def set_low(world: World, account: int, low: int | None) -> None:
    async with transaction(world.sessions) as session:
        await alerts.set_low(session, account, PHONE, low)


async def test_low_is_a_tenth_of_what_there_was_after_a_purchase(world: World) -> None:
    account = await world.account(phone=100)
    await hold(world, account, 89, 89)
    assert await told(world) == []
    await hold(world, account, 1, 1)
    assert await told(world) == [("low", 10)]


async def test_holding_and_settling_say_nothing_twice(world: World) -> None:
    account = await world.account(phone=100)
    for _ in range(3):
        await hold(world, account, 95, 0)
        await hold(world, account, 100, 0)
    assert await told(world) == [("low", 5), ("empty", 0)]
    assert await told(world, "sms") == []


async def test_credits_from_outside_restore_and_begin_anew(world: World) -> None:
    account = await world.account(phone=100)
    await hold(world, account, 100, 100)
    await world.buy(account, PHONE, 50)
    async with transaction(world.sessions) as session:
        await service.adjust(session, account, PHONE, -45, "counted")
        await service.adjust(session, account, PHONE, 1, "counted")
    assert await told(world) == [("empty", 0), ("restored", 50), ("low", 5), ("restored", 6)]


async def test_a_purchase_that_a_debt_takes_whole_restores_nothing(world: World) -> None:
    account = await world.account(phone=10)
    async with transaction(world.sessions) as session:
        await service.take_back(session, account, PHONE, 30, "refunded")
    await world.buy(account, PHONE, 20)
    assert await told(world) == [("empty", 0)]
    await world.buy(account, PHONE, 1)
    assert await told(world) == [("empty", 0), ("restored", 1)]


async def test_a_threshold_of_ones_own(world: World) -> None:
    account = await world.account(phone=100)
    await set_low(world, account, 100)
    await set_low(world, account, 150)
    assert await told(world) == [("low", 100)]
    await set_low(world, account, 50)
    await hold(world, account, 50, 50)
    await world.buy(account, PHONE, 1)
    await set_low(world, account, 0)
    await hold(world, account, 50, 50)
    await set_low(world, account, None)
    await world.buy(account, PHONE, 40)
    assert await told(world) == [("low", 100), ("low", 50), ("restored", 51), ("low", 1), ("restored", 41)]


async def test_one_of_many_that_cross_at_once_says_it(world: World, caplog: pytest.LogCaptureFixture) -> None:
    account = await world.account(phone=20)
    with caplog.at_level(logging.INFO, "ghanti.credits.alerts"):
        await asyncio.gather(*(hold(world, account, 1, 1) for _ in range(20)))
    assert await told(world) == [("low", 2), ("empty", 0)]
    assert [record.getMessage() for record in caplog.records] == [
        f"account {account}: phone credits are low, 2 left",
        f"account {account}: phone credits are empty, 0 left",
    ]


async def test_what_is_rolled_back_was_not_said(world: World, caplog: pytest.LogCaptureFixture) -> None:
    account = await world.account(phone=5)
    with caplog.at_level(logging.INFO, "ghanti.credits.alerts"):
        async with world.sessions() as session, session.begin() as begun:
            await service.reserve(session, account, PHONE, 5, 1, uuid4())
            await begun.rollback()
    assert await told(world) == []
    assert not caplog.records


async def test_a_plan_that_cannot_go_on_is_an_empty_balance(world: World) -> None:
    account = await world.account(phone=5)
    trunk = await world.trunk()
    await world.open()
    first, second = [await world.plan(account, 2, units=[units]) for units in (7, 9)]
    assert await world.lease_all(world.leaser(), trunk) == []
    assert {await world.state(plan) for plan in (first, second)} == {("paused", "credits")}
    rows = await world.rows("SELECT kind, balance, plan_id FROM credit_events")
    assert [tuple(row) for row in rows] in ([("empty", 5, first.id)], [("empty", 5, second.id)])
