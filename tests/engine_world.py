"""The engine on a real database: accounts, plans with ready targets, and the sums that must always hold."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from clean_database import migrated_database
from ghanti.credits import repository as ledger
from ghanti.credits import service as credits
from ghanti.credits import statement
from ghanti.credits.models import Currency
from ghanti.database import tables  # noqa: F401 - foreign keys need every model
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import SessionFactory, create_engine, create_session_factory, transaction
from ghanti.dialing import attempts, holds, outcomes, sessions
from ghanti.dialing import service as dialing
from ghanti.dialing.attempts import Lease
from ghanti.dialing.leasing import Leaser, smsc_gateway, trunk_gateway
from ghanti.dialing.models import Channel, Outcome, Plan
from ghanti.dialing.outcomes import AttemptOutcome


@pytest.fixture(scope="session")
def engine_template(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A migrated database, to be copied."""
    name = f"engine_template_{secrets.token_hex(4)}"
    with migrated_database(postgres_server, name):
        yield name


@pytest.fixture
def engine_database(engine_template: str, create_database: Callable[..., str]) -> str:
    return create_database(engine_template)


@pytest.fixture
async def world(engine_database: str) -> AsyncIterator[World]:
    engine = create_engine(engine_database, pool_size=10)
    yield World(create_session_factory(engine))
    await engine.dispose()


@dataclass
class World:
    sessions: SessionFactory
    worker: UUID = field(default_factory=uuid4)
    numbers: int = 0

    async def trunk(self, cps: float = 1000, max_calls: int = 1000, reserved: int = 0) -> int:
        return await self.insert(
            "INSERT INTO trunks (name, host, cps, max_calls, reserved_percent)"
            " VALUES (:name, 'h', :cps, :max, :reserved) RETURNING id",
            name=secrets.token_hex(4),
            cps=cps,
            max=max_calls,
            reserved=reserved,
        )

    async def smsc(self, rate: float = 1000, window: int = 1000, reserved: int = 0) -> int:
        return await self.insert(
            "INSERT INTO smscs"
            " (name, host, system_id, password, messages_per_second, window_size, reserved_percent)"
            " VALUES (:name, 'h', 's', '', :rate, :window, :reserved) RETURNING id",
            name=secrets.token_hex(4),
            rate=rate,
            window=window,
            reserved=reserved,
        )

    async def account(self, phone: int = 1000, sms: int = 1000) -> int:
        account = await self.insert("INSERT INTO accounts (name) VALUES ('ward') RETURNING id")
        async with transaction(self.sessions) as session:
            await credits.open_account(session, account)
        await self.buy(account, Currency.PHONE, phone)
        await self.buy(account, Currency.SMS, sms)
        return account

    async def buy(self, account: int, currency: Currency, amount: int) -> None:
        if amount:
            async with transaction(self.sessions) as session:
                await credits.purchase(session, account, currency, amount, "bought")

    async def plan(
        self,
        account: int,
        contacts: int,
        *channels: Channel,
        units: Sequence[int] = (2,),
        numbers: Sequence[str] = (),
        variables: Sequence[dict[str, Any]] = (),
        ready: bool = True,
        **order: Any,
    ) -> Plan:
        """A campaign's plan with so many contacts; ``units`` are the holds of its targets in turn.

        ``numbers`` and ``variables`` are its contacts' own, where they matter.
        """
        wanted = channels or (Channel.CALL,)
        async with transaction(self.sessions) as session:
            campaign = await session.scalar(
                text(
                    "INSERT INTO campaigns (account_id, name, services) VALUES (:a, 'c', 'SMS & PHONE')"
                    " RETURNING id"
                ),
                {"a": account},
            )
            called = list(numbers) or [self._number() for _ in range(contacts)]
            if called:
                await session.execute(
                    text(
                        "INSERT INTO contacts"
                        " (account_id, campaign_id, number, number_sent, carrier, variables)"
                        " VALUES (:a, :c, :n, :n, 'NTC', CAST(:v AS json))"
                    ),
                    [
                        {"a": account, "c": campaign, "n": number, "v": json.dumps(own)}
                        for number, own in zip(called, variables or [{}] * len(called), strict=True)
                    ],
                )
            plan = await dialing.create_plan(
                session, dialing.PlanOrder(account, "campaign", campaign, **order)
            )
            await dialing.add_targets(session, plan, wanted)
            if ready:
                await session.execute(
                    text(
                        'UPDATE targets SET ready = true, content = \'{"ms": 5000, "text": "x"}\','
                        " units = (CAST(:units AS bigint[]))[id % :count + 1] WHERE plan_id = :plan"
                    ),
                    {"units": list(units), "count": len(units), "plan": plan.id},
                )
        return plan

    def _number(self) -> str:
        self.numbers += 1
        return f"+97798{self.numbers:08d}"

    def leaser(
        self, channel: Channel = Channel.CALL, worker: UUID | None = None, lease: float = 60
    ) -> Leaser:
        return Leaser(worker or self.worker, channel, 0.05, lease, "NP")

    async def lease(
        self, leaser: Leaser, gateway_id: int, free: int = 1000, channel: Channel = Channel.CALL
    ) -> list[Lease]:
        """What one tick grants."""
        gateway = trunk_gateway(gateway_id) if channel is Channel.CALL else smsc_gateway(gateway_id)
        async with transaction(self.sessions) as session:
            return await leaser.grant(session, gateway, free)

    async def lease_all(self, leaser: Leaser, gateway_id: int, **more: Any) -> list[Lease]:
        """Ticks until nothing more is granted, at whatever pace."""
        found: list[Lease] = []
        while True:
            await self.rewind()
            leases = await self.lease(leaser, gateway_id, **more)
            if not leases:
                return found
            found += leases

    async def rewind(self) -> None:
        """Let every gateway's next start be long due."""
        async with transaction(self.sessions) as session:
            await session.execute(text("UPDATE trunks SET next_start_at = now() - interval '1 hour'"))
            await session.execute(text("UPDATE smscs SET next_start_at = now() - interval '1 hour'"))

    async def open(self, worker: UUID | None = None, role: str = "call") -> None:
        async with transaction(self.sessions) as session:
            await sessions.open_session(session, worker or self.worker, role)

    async def send(self, leases: Sequence[Lease]) -> set[UUID]:
        async with transaction(self.sessions) as session:
            return await attempts.begin_sending(session, [lease.attempt_id for lease in leases])

    async def record(self, *batch: AttemptOutcome) -> set[UUID]:
        async with transaction(self.sessions) as session:
            return await outcomes.record(session, batch, self.worker)

    async def stop(self, plan: Plan, reason: str = "emergency_stop") -> bool:
        async with transaction(self.sessions) as session:
            return await dialing.stop_plan(session, plan.account_id, plan.id, reason)

    async def insert(self, statement: str, **values: Any) -> int:
        async with transaction(self.sessions) as session:
            return int(await session.scalar(text(statement), values) or 0)

    async def execute(self, statement: str, **values: Any) -> None:
        async with transaction(self.sessions) as session:
            await session.execute(text(statement), values)

    async def rows(self, statement: str, **values: Any) -> list[Any]:
        async with transaction(self.sessions) as session:
            return list(await session.execute(text(statement), values))

    async def value(self, statement: str, **values: Any) -> Any:
        return (await self.rows(statement, **values))[0][0]

    async def state(self, plan: Plan) -> tuple[str, str | None]:
        row = (await self.rows("SELECT state, state_reason FROM plans WHERE id = :id", id=plan.id))[0]
        return row.state, row.state_reason

    async def check(self) -> None:
        """What holds at every moment: ledger, balances, holds, figures, and one live attempt a target."""
        async with transaction(self.sessions) as session:
            for (account,) in await session.execute(text("SELECT id FROM accounts")):
                balances = await ledger.read(session, account)
                for currency in Currency:
                    total = await ledger.ledger_sum(session, account, currency)
                    assert balances.of(currency) == total, (account, currency)
            assert not await statement.check_held(session, await holds.live(session))
        await self._check_holds()
        await self._check_figures()
        assert not await self.rows(
            "SELECT target_id FROM attempts WHERE state <> 'ended' GROUP BY target_id HAVING count(*) > 1"
        )
        assert not await self.rows(
            "SELECT t.id FROM targets t LEFT JOIN attempts a ON a.id = t.attempt_id"
            " WHERE (t.state = 'active') <> (a.state IS NOT NULL AND a.state <> 'ended')"
        )

    async def _check_holds(self) -> None:
        """What was spent is what was bought, less what live attempts hold and ended ones were charged."""
        for row in await self.rows(
            """
            SELECT l.account_id, l.currency, sum(l.amount) AS spent,
                   (SELECT coalesce(sum(CASE a.state WHEN 'ended' THEN a.charged ELSE a.held END), 0)
                      FROM attempts a WHERE a.account_id = l.account_id
                       AND a.channel = CASE l.currency WHEN 'phone' THEN 'call' ELSE 'sms' END) AS taken
              FROM ledger_entries l WHERE l.kind IN ('reserve', 'settle') GROUP BY l.account_id, l.currency
            """
        ):
            assert -row.spent == row.taken, row

    async def _check_figures(self) -> None:
        counted = await self.rows(
            "SELECT plan_id, channel, outcome, count(*)::int AS n FROM targets WHERE state = 'final'"
            " GROUP BY 1, 2, 3"
        )
        summed = await self.rows(
            "SELECT plan_id, channel, outcome, sum(targets)::int AS n FROM plan_figures WHERE outcome <> ''"
            " GROUP BY 1, 2, 3 HAVING sum(targets) <> 0"
        )
        assert sorted(map(tuple, summed)) == sorted(map(tuple, counted))
        added = await self.rows("SELECT plan_id, channel, count(*)::int FROM targets GROUP BY 1, 2")
        noted = await self.rows(
            "SELECT plan_id, channel, sum(targets)::int FROM plan_figures WHERE outcome = '' GROUP BY 1, 2"
        )
        assert sorted(map(tuple, noted)) == sorted(map(tuple, added))
        spent = await self.rows("SELECT plan_id, sum(credits)::int FROM targets GROUP BY 1")
        figured = await self.rows("SELECT plan_id, sum(credits)::int FROM plan_figures GROUP BY 1")
        assert sorted(map(tuple, figured)) == sorted(map(tuple, spent))


def outcome(lease: Lease, kind: Outcome = Outcome.COMPLETED, **more: Any) -> AttemptOutcome:
    """A channel's word on an attempt; answered calls lasted five seconds."""
    now = datetime.now(UTC)
    answered = kind in (Outcome.COMPLETED, Outcome.HUNGUP)
    values: dict[str, Any] = {
        "ended_at": now,
        "answered_at": now if answered else None,
        "duration_ms": 5000 if answered else 0,
        "parts": 1 if answered else 0,
    }
    return AttemptOutcome(lease.attempt_id, kind, kind.value, **{**values, **more})
