"""Whatever is bought, held, settled, taken back, adjusted and expires, in any order: the books are right."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from ghanti.accounts.errors import InvalidError
from ghanti.credits import expiry, parts_repository, repository, service, statement
from ghanti.credits.models import Currency
from ghanti.database.session import create_engine, create_session_factory, transaction

T = TypeVar("T")

PHONE = Currency.PHONE
NEVER = 10**6
amounts = st.integers(1, 40)


class Books:
    """Credits by the day on which they expire, each spent at once, those first that expire first.

    ``stale`` are those that expired while they were held, ``debts`` what is owed, the oldest first.
    """

    def __init__(self) -> None:
        self.good: dict[int, int] = {}
        self.today = 0
        self.held = 0
        self.stale = 0
        self.debts: list[int] = []

    @property
    def balance(self) -> int:
        return sum(self.good.values()) + self.stale - self.held

    def buy(self, day: int, amount: int) -> None:
        self.good[day] = self.good.get(day, 0) + amount
        self.spend(self.pay(amount))

    def spend(self, amount: int) -> None:
        for day in sorted(self.good):
            taken = min(self.good[day], amount)
            self.good[day] -= taken
            amount -= taken
        assert amount == 0

    def pay(self, most: int) -> int:
        """Pay debts with at most so many; how many that took."""
        left = most
        while self.debts and left:
            paid = min(self.debts[0], left)
            left -= paid
            self.debts[0] -= paid
            if not self.debts[0]:
                self.debts.pop(0)
        return most - left

    def settle(self, held: int, charged: int) -> None:
        self.held -= held
        used = charged + self.pay(held - charged)
        of_stale = min(self.stale, used)
        self.spend(used - of_stale)
        self.stale -= of_stale + min(self.stale - of_stale, held - used)

    def expire(self) -> int:
        gone = 0
        for day in sorted(day for day in self.good if day <= self.today):
            held = min(self.good[day], self.held - self.stale)
            self.stale += held
            gone += self.good.pop(day) - held
        return gone

    @property
    def expiring(self) -> dict[int, int]:
        """Credits by the days until they expire."""
        return {day - self.today: left for day, left in self.good.items() if day < NEVER and left}


class Machine(RuleBasedStateMachine):
    """An account in a real database beside the books; the days pass by moving what is to expire."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.engine = create_engine(self.url, pool_size=1)
        self.sessions = create_session_factory(self.engine)
        self.books = Books()
        self.holds: list[int] = []
        self.account = self.run(self._open())

    def teardown(self) -> None:
        self.run(self.engine.dispose())
        self.loop.close()

    def run(self, what: Coroutine[Any, Any, T]) -> T:
        return self.loop.run(what)

    async def _open(self) -> int:
        async with transaction(self.sessions) as session:
            account = await session.scalar(text("INSERT INTO accounts (name) VALUES ('a') RETURNING id"))
            await service.open_account(session, int(account or 0))
        return int(account or 0)

    def do(self, rule_of_credits: Any, *values: Any, **more: Any) -> Any:
        async def within() -> Any:
            async with transaction(self.sessions) as session:
                return await rule_of_credits(session, self.account, PHONE, *values, **more)

        return self.run(within())

    @rule(amount=amounts, days=st.one_of(st.none(), st.integers(1, 5)))
    def buy(self, amount: int, days: int | None) -> None:
        expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
        self.do(service.purchase, amount, "bought", expires_at=expires_at)
        self.books.buy(NEVER if days is None else self.books.today + days, amount)

    @rule(amount=st.integers(-15, 15).filter(bool))
    def adjust(self, amount: int) -> None:
        if self.books.balance + amount < 0:
            with pytest.raises(InvalidError):
                self.do(service.adjust, amount, "counted")
            return
        self.do(service.adjust, amount, "counted")
        if amount > 0:
            self.books.buy(NEVER, amount)
        else:
            self.books.spend(-amount)

    @rule(amount=amounts)
    def take_back(self, amount: int) -> None:
        there = min(amount, self.books.balance)
        assert self.do(service.take_back, amount, "refunded") == there
        self.books.spend(there)
        if there < amount:
            self.books.debts.append(amount - there)

    @precondition(lambda self: self.books.balance > 0)
    @rule(part=st.floats(0, 1))
    def hold(self, part: float) -> None:
        amount = max(1, round(self.books.balance * part))
        self.do(service.reserve, amount, 1, uuid4())
        self.books.held += amount
        self.holds.append(amount)

    @precondition(lambda self: self.holds)
    @rule(which=st.integers(0, 100), part=st.floats(0, 1))
    def settle(self, which: int, part: float) -> None:
        held = self.holds.pop(which % len(self.holds))
        charged = round(held * part)
        self.do(service.settle, held, charged, 1, uuid4())
        self.books.settle(held, charged)

    @precondition(lambda self: self.books.balance > 0)
    @rule(part=st.floats(0, 1))
    def charge_late(self, part: float) -> None:
        charged = round(self.books.balance * part)
        self.do(service.charge_late, charged, 1, uuid4())
        self.books.spend(charged)

    @rule(days=st.integers(1, 3))
    def pass_days(self, days: int) -> None:
        self.run(self._pass(days))
        before = self.books.balance
        self.books.today += days
        gone = self.books.expire()
        assert self.books.balance == before - gone

    async def _pass(self, days: int) -> None:
        async with transaction(self.sessions) as session:
            await session.execute(
                text("UPDATE credit_lots SET expires_at = expires_at - make_interval(days => :days)"),
                {"days": days},
            )
        await service.expire_due(self.sessions)

    @invariant()
    def is_right(self) -> None:
        standing = self.do(repository.standing)
        books = self.books
        assert (standing.balance, standing.held, standing.stale) == (books.balance, books.held, books.stale)
        assert min(standing.balance, standing.held, standing.stale) >= 0
        assert standing.owed == sum(books.debts)
        assert [debt.owed for debt in self.do(parts_repository.debts)] == books.debts
        lots, _ = expiry.shared(self.do(parts_repository.lots), standing)
        expiring: Counter[int] = Counter()
        for lot in lots:
            expiring[round((lot.expires_at - datetime.now(UTC)) / timedelta(days=1))] += lot.unspent
        assert expiring == books.expiring
        assert self.run(self._differences()) == []

    async def _differences(self) -> list[statement.Difference]:
        async with transaction(self.sessions) as session:
            return await statement.check(session)


def test_the_books_are_right(engine_database: str) -> None:
    machine = type("MachineOfThisTest", (Machine,), {"url": engine_database})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=15, stateful_step_count=25, deadline=None)
    )
