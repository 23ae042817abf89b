"""Credits that expire are spent first, and what is unspent of them goes, but never what calls hold."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from engine_world import World
from ghanti.credits import repository, service, statement
from ghanti.credits.models import Currency, Source
from ghanti.credits.schemas import Reference, Standing
from ghanti.database.session import transaction

PHONE = Currency.PHONE
EXPIRED = "SELECT amount, source || ' ' || source_id AS reference FROM ledger_entries WHERE kind = 'expire'"


async def buy(world: World, account: int, amount: int, days: float | None, payment: str = "1") -> None:
    async with transaction(world.sessions) as session:
        await service.purchase(
            session,
            account,
            PHONE,
            amount,
            "bought",
            expires_at=None if days is None else datetime.now(UTC) + timedelta(days=days),
            reference=Reference(Source.PAYMENT, payment),
        )


async def use(world: World, account: int, held: int, charged: int | None) -> None:
    """Hold credits, and settle them unless nothing is said of what they cost."""
    async with transaction(world.sessions) as session:
        await service.reserve(session, account, PHONE, held, 1, uuid4())
        if charged is not None:
            await service.settle(session, account, PHONE, held, charged, 1, uuid4())


async def settle(world: World, account: int, held: int, charged: int) -> None:
    async with transaction(world.sessions) as session:
        await service.settle(session, account, PHONE, held, charged, 1, uuid4())


async def standing(world: World, account: int) -> Standing:
    async with transaction(world.sessions) as session:
        return await repository.standing(session, account, PHONE)


async def test_what_expires_first_is_spent_first(world: World) -> None:
    account = await world.account(phone=0, sms=0)
    await buy(world, account, 10, None)
    await buy(world, account, 10, 9, "late")
    await buy(world, account, 10, -1, "soon")
    await use(world, account, 7, 6)
    await service.expire_due(world.sessions)
    assert [tuple(row) for row in await world.rows(EXPIRED)] == [(-4, "payment soon")]
    async with transaction(world.sessions) as session:
        told = (await statement.overview(session, account))[PHONE]
    assert told.standing.balance == 20
    assert told.expiring is not None
    assert told.expiring[0] == 10


async def test_what_is_spent_before_a_purchase_is_not_of_it(world: World) -> None:
    account = await world.account(phone=10, sms=0)
    await use(world, account, 6, 6)
    await buy(world, account, 10, -1)
    await service.expire_due(world.sessions)
    assert [row.amount for row in await world.rows(EXPIRED)] == [-10]
    assert (await standing(world, account)).balance == 4


async def test_what_a_call_holds_expires_when_it_comes_back(world: World) -> None:
    account = await world.account(phone=5, sms=0)
    await buy(world, account, 10, -1)
    await use(world, account, 8, None)
    await service.expire_due(world.sessions)
    after = await standing(world, account)
    assert (after.balance, after.held, after.stale) == (5, 8, 8)
    await settle(world, account, 3, 1)
    after = await standing(world, account)
    assert (after.balance, after.held, after.stale) == (5, 5, 5)
    await settle(world, account, 5, 5)
    assert (await standing(world, account)).stale == 0
    assert [row.amount for row in await world.rows(EXPIRED + " ORDER BY id")] == [-2, -2]


async def test_a_debt_is_paid_with_what_would_expire(world: World) -> None:
    account = await world.account(phone=0, sms=0)
    await buy(world, account, 10, -1)
    await use(world, account, 10, None)
    await service.expire_due(world.sessions)
    async with transaction(world.sessions) as session:
        assert await service.take_back(session, account, PHONE, 4, "refunded") == 0
    await settle(world, account, 10, 1)
    rows = await world.rows(
        "SELECT kind, amount FROM ledger_entries WHERE kind IN ('refund', 'expire') ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [("refund", -4), ("expire", -5)]
    assert (await standing(world, account)).balance == 0


async def test_many_that_expire_at_once_expire_once(world: World) -> None:
    accounts = [await world.account(phone=1, sms=0) for _ in range(5)]
    for account in accounts:
        await buy(world, account, 3, -1)
    await asyncio.gather(*(service.expire_due(world.sessions) for _ in range(4)))
    assert [row.amount for row in await world.rows(EXPIRED)] == [-3] * 5
    assert not await world.rows("SELECT FROM credit_lots")
    async with transaction(world.sessions) as session:
        assert await statement.check(session) == []


async def test_a_moment_of_expiry_is_one_everywhere(world: World) -> None:
    account = await world.account()
    moment = datetime.now(UTC).replace(tzinfo=None)
    async with transaction(world.sessions) as session:
        with pytest.raises(ValueError, match="time zone"):
            await service.purchase(session, account, PHONE, 1, "bought", expires_at=moment)


async def test_calls_and_expiry_at_once_lose_and_make_no_credit(world: World) -> None:
    account = await world.account(phone=20, sms=0)
    await buy(world, account, 50, -1)

    async def call(number: int) -> None:
        async with transaction(world.sessions) as session:
            balance = (await service.lock(session, [account]))[account]
            if balance.phone < 3:
                return
            await service.reserve(session, account, PHONE, 3, 1, uuid4())
        await settle(world, account, 3, number % 4)

    await asyncio.gather(
        *(call(number) for number in range(16)), *(service.expire_due(world.sessions) for _ in range(3))
    )
    after = await standing(world, account)
    assert (after.held, after.stale) == (0, 0)
    charged = -int(
        await world.value("SELECT sum(amount) FROM ledger_entries WHERE kind IN ('reserve','settle')")
    )
    expired = -int(await world.value("SELECT sum(amount) FROM ledger_entries WHERE kind = 'expire'"))
    assert expired <= 50
    assert after.balance == 70 - charged - expired >= 20 - charged
    async with transaction(world.sessions) as session:
        assert await statement.check(session) == []
