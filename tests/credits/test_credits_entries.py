"""What each kind of entry does to a balance, and what the database refuses whoever asks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engine_world import World
from ghanti.accounts.errors import InvalidError
from ghanti.credits import repository, service, statement
from ghanti.credits.models import Alert, Currency, EntryKind, Source
from ghanti.credits.schemas import Reference, Standing
from ghanti.database.session import transaction

PHONE = Currency.PHONE
PAYMENT = Reference(Source.PAYMENT, "7")


async def standing(world: World, account: int) -> Standing:
    async with transaction(world.sessions) as session:
        return await repository.standing(session, account, PHONE)


async def entries(world: World) -> list[tuple[str, int, int]]:
    rows = await world.rows("SELECT kind, amount, balance FROM ledger_entries ORDER BY id")
    return [(row.kind, row.amount, row.balance) for row in rows]


async def take_back(world: World, account: int, amount: int, cause: str = "refunded") -> int:
    async with transaction(world.sessions) as session:
        return await service.take_back(session, account, PHONE, amount, cause, reference=PAYMENT)


async def hold(world: World, account: int, amount: int) -> None:
    async with transaction(world.sessions) as session:
        await service.reserve(session, account, PHONE, amount, 1, uuid4())


async def settle(world: World, account: int, held: int, charged: int) -> None:
    async with transaction(world.sessions) as session:
        await service.settle(session, account, PHONE, held, charged, 1, uuid4())


async def buy(world: World, account: int, amount: int, expires_in: timedelta | None = None) -> None:
    async with transaction(world.sessions) as session:
        expires_at = None if expires_in is None else datetime.now(UTC) + expires_in
        await service.purchase(
            session, account, PHONE, amount, "bought", expires_at=expires_at, reference=PAYMENT
        )


async def assert_sound(world: World) -> None:
    async with transaction(world.sessions) as session:
        assert await statement.check(session) == []


async def test_an_entry_says_what_it_refers_to_and_the_balance_after_it(world: World) -> None:
    account = await world.account(phone=0, sms=0)
    await buy(world, account, 10)
    await hold(world, account, 4)
    await settle(world, account, 4, 3)
    async with transaction(world.sessions) as session:
        by = Reference(Source.OPERATOR, "sita")
        await service.adjust(session, account, PHONE, -2, "counted wrong", reference=by)
    rows = await world.rows(
        "SELECT kind, amount, balance, plan_id, cause, source || ' ' || source_id"
        " FROM ledger_entries ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        ("purchase", 10, 10, None, "bought", "payment 7"),
        ("reserve", -4, 6, 1, "held for attempts", None),
        ("settle", 1, 7, 1, "settled: 3 of 4 held", None),
        ("adjust", -2, 5, None, "counted wrong", "operator sita"),
    ]
    assert (await standing(world, account)).held == 0


async def test_a_settlement_that_gives_nothing_back_ends_the_hold_without_an_entry(world: World) -> None:
    account = await world.account(phone=10)
    await hold(world, account, 4)
    assert (await standing(world, account)).held == 4
    before = await entries(world)
    await settle(world, account, 4, 4)
    assert (await standing(world, account)).held == 0
    assert await entries(world) == before


@pytest.mark.parametrize("amount", [-11, 0])
async def test_an_adjustment_that_cannot_be_is_refused(world: World, amount: int) -> None:
    account = await world.account(phone=10)
    with pytest.raises(InvalidError):
        async with transaction(world.sessions) as session:
            await service.adjust(session, account, PHONE, amount, "counted")
    with pytest.raises(InvalidError, match="cause"):
        async with transaction(world.sessions) as session:
            await service.adjust(session, account, PHONE, 1, " ")


async def test_what_is_there_is_taken_back_and_the_rest_is_owed(world: World) -> None:
    account = await world.account(phone=10, sms=0)
    await hold(world, account, 7)
    assert await take_back(world, account, 8, "first") == 3
    assert await take_back(world, account, 2, "second") == 0
    assert await standing(world, account) == Standing(0, 7, 7, 0, 10, 10, None, Alert.EMPTY)
    await settle(world, account, 7, 1)
    assert (await standing(world, account)).owed == 1
    await buy(world, account, 20)
    after = await standing(world, account)
    assert (after.balance, after.owed) == (19, 0)
    refunds = await world.rows(
        "SELECT amount, cause, source_id FROM ledger_entries WHERE kind = 'refund' ORDER BY id"
    )
    assert [tuple(row) for row in refunds] == [
        (-3, "first", "7"),
        (-5, "owed: first", "7"),
        (-1, "owed: second", "7"),
        (-1, "owed: second", "7"),
    ]
    assert not await world.rows("SELECT FROM credit_debts")
    await assert_sound(world)


async def test_a_debt_of_one_currency_is_not_taken_from_the_other(world: World) -> None:
    account = await world.account(phone=0, sms=5)
    await take_back(world, account, 3)
    await world.buy(account, Currency.SMS, 5)
    assert await world.value("SELECT sms FROM credit_balances") == 10
    assert await world.value("SELECT phone_owed FROM credit_balances") == 3


async def test_nothing_is_taken_back_of_less_than_a_credit(world: World) -> None:
    account = await world.account(phone=5)
    with pytest.raises(ValueError, match="at least one"):
        await take_back(world, account, 0)


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        (EntryKind.PURCHASE, -1),
        (EntryKind.RESERVE, 1),
        (EntryKind.REFUND, 1),
        (EntryKind.EXPIRE, 1),
    ],
)
async def test_an_entry_of_the_wrong_sign_is_refused(world: World, kind: EntryKind, amount: int) -> None:
    account = await world.account(phone=5)
    with pytest.raises(IntegrityError, match="kind_and_sign"):
        async with transaction(world.sessions) as session:
            await repository.enter(session, account, PHONE, kind, amount, "test")
    await assert_sound(world)


@pytest.mark.parametrize(
    "statement", ["UPDATE ledger_entries SET cause = 'other'", "DELETE FROM ledger_entries WHERE amount > 0"]
)
async def test_the_database_changes_no_entry_and_removes_none(world: World, statement: str) -> None:
    await world.account(phone=5, sms=0)
    with pytest.raises(IntegrityError, match="append-only"):
        await world.execute(statement)
    assert await entries(world) == [("purchase", 5, 5)]


async def test_entries_go_with_their_account(world: World) -> None:
    account, other = await world.account(), await world.account(phone=3, sms=0)
    await take_back(world, account, 5000)
    await buy(world, account, 9000, timedelta(days=1))
    await world.execute("DELETE FROM accounts WHERE id = :id", id=account)
    assert await world.rows("SELECT account_id FROM ledger_entries") == [(other,)]
    for table in ("credit_lots", "credit_debts", "credit_events"):
        assert not await world.rows(f"SELECT FROM {table}")


async def test_entries_are_in_the_order_in_which_they_took_effect(world: World) -> None:
    """Though transactions begin in another: who waits for the balance draws id and moment after it."""
    account = await world.account(phone=100, sms=0)

    async def waits(began: asyncio.Event) -> None:
        async with transaction(world.sessions) as session:
            await session.execute(text("SELECT now()"))
            began.set()
            await holder_has_it.wait()
            await service.reserve(session, account, PHONE, 2, 1, uuid4())

    holder_has_it, begun = asyncio.Event(), [asyncio.Event() for _ in range(4)]
    async with asyncio.TaskGroup() as tasks:
        for event in begun:
            tasks.create_task(waits(event))
        for event in begun:
            await event.wait()
        async with transaction(world.sessions) as session:
            await service.reserve(session, account, PHONE, 1, 1, uuid4())
            holder_has_it.set()
            await _until_locked_out(world, len(begun))
            await service.reserve(session, account, PHONE, 3, 1, uuid4())
    rows = await world.rows("SELECT amount, balance, created_at FROM ledger_entries ORDER BY id")
    assert [row.amount for row in rows] == [100, -1, -3, -2, -2, -2, -2]
    assert [row.balance for row in rows] == list(accumulate(row.amount for row in rows))
    assert [row.created_at for row in rows] == sorted(row.created_at for row in rows)


async def _until_locked_out(world: World, many: int) -> None:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database()"
    )
    async with asyncio.timeout(30):
        while await world.value(waiting) < many:  # noqa: ASYNC110 - a server has no event
            await asyncio.sleep(0.01)
