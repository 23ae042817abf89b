"""The ledger explains every balance, and no race takes one below zero."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from engine_world import World
from ghanti.credits import repository, service
from ghanti.credits.models import Currency, EntryKind
from ghanti.database.session import transaction

changes = st.lists(st.tuples(st.sampled_from(list(Currency)), st.integers(-30, 30)), max_size=12)


@given(changes=changes)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_balance_is_the_sum_of_its_entries_and_never_negative(
    world: World, changes: list[tuple[Currency, int]]
) -> None:
    account = await world.account(phone=0, sms=0)
    expected = dict.fromkeys(Currency, 0)
    for currency, amount in changes:
        if not amount:
            continue
        try:
            async with transaction(world.sessions) as session:
                await repository.enter(session, account, currency, EntryKind.ADJUST, amount, "test")
        except IntegrityError:
            assert expected[currency] + amount < 0
        else:
            expected[currency] += amount
    async with transaction(world.sessions) as session:
        balances = await service.balances(session, account)
        sums = {c: await repository.ledger_sum(session, account, c) for c in Currency}
    assert {c: balances.of(c) for c in Currency} == sums == expected


async def test_workers_that_race_for_the_last_credits_hold_no_more_than_there_are(world: World) -> None:
    account = await world.account(phone=10)

    async def hold() -> bool:
        async with transaction(world.sessions) as session:
            balance = (await service.lock(session, [account]))[account]
            if balance.phone < 3:
                return False
            await service.reserve(session, account, Currency.PHONE, 3, 1, uuid4())
            return True

    held = await asyncio.gather(*(hold() for _ in range(8)))
    assert held.count(True) == 3
    async with transaction(world.sessions) as session:
        assert (await service.balances(session, account)).phone == 1


async def test_a_hold_beyond_the_balance_is_refused_whole(world: World) -> None:
    account = await world.account(phone=1)
    with pytest.raises(IntegrityError):
        async with transaction(world.sessions) as session:
            await service.reserve(session, account, Currency.PHONE, 2, 1, uuid4())
    async with transaction(world.sessions) as session:
        assert await repository.ledger_sum(session, account, Currency.PHONE) == 1


async def test_an_account_never_opened_has_no_ledger(world: World) -> None:
    account = await world.insert("INSERT INTO accounts (name) VALUES ('ward') RETURNING id")
    with pytest.raises(LookupError, match="no balance"):
        async with transaction(world.sessions) as session:
            await service.purchase(session, account, Currency.SMS, 5, "bought")
    assert not await world.rows("SELECT FROM ledger_entries")


@pytest.mark.parametrize("amount", [0, -1])
async def test_a_purchase_is_of_something(world: World, amount: int) -> None:
    account = await world.account()
    with pytest.raises(ValueError, match="at least one"):
        async with transaction(world.sessions) as session:
            await service.purchase(session, account, Currency.PHONE, amount, "bought")
