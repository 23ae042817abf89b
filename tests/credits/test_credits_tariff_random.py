"""Whatever the prices, lengths and limits, whatever happens: charged <= held <= balance, and sums hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine_world import World, outcome
from ghanti.credits import service as credits
from ghanti.credits.models import Currency
from ghanti.credits.repository import Balances
from ghanti.credits.tariff import Tariff, Tariffs
from ghanti.database.session import transaction
from ghanti.dialing import attempts, sessions
from ghanti.dialing.attempts import Lease
from ghanti.dialing.models import Channel, Outcome
from priced import LANDLINE, NCELL, NTC, make_ready, numbers, within_limits

prices = st.builds(Tariff, st.integers(1, 90), st.integers(0, 5), st.integers(0, 4))
tables = st.fixed_dictionaries({"": prices}, optional={"977": prices, "977984": prices, "977980": prices})
lengths = st.integers(0, 400_000)
STEPS = ["lease calls", "lease texts", "end", "end", "end", "die", "price", "buy", "give back"]
scripts = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 20), lengths, tables), min_size=6, max_size=20
)


@dataclass
class _Story:
    """A plan over both channels, the leases of it, and by which tariff each of its targets was made ready."""

    world: World
    account: int
    trunk: int
    smsc: int
    message_ms: int
    parts: int
    leases: list[tuple[Lease, Channel]] = field(default_factory=list)
    made_at: dict[int, Tariff] = field(default_factory=dict)
    held_at: dict[UUID, Tariff] = field(default_factory=dict)
    lost: set[UUID] = field(default_factory=set)

    async def make_ready(self, table: dict[str, Tariff]) -> None:
        """What waits is made ready, or made ready anew, by these prices."""
        await self.world.execute("UPDATE targets SET ready = false WHERE state = 'waiting'")
        self.made_at |= await make_ready(self.world, Tariffs(table), self.message_ms, self.parts)

    async def step(self, what: str, which: int, ms: int, table: dict[str, Tariff]) -> None:
        match what:
            case "lease calls":
                await self._lease(Channel.CALL, self.trunk, 1 + which % 3, sent=ms % 4 > 0)
            case "lease texts":
                await self._lease(Channel.SMS, self.smsc, 1 + which % 3, sent=ms % 4 > 0)
            case "price":
                await self.make_ready(table)
            case "buy":
                await self.world.buy(self.account, Currency.PHONE, which)
            case "die":
                async with transaction(self.world.sessions) as session:
                    await sessions.end_session(session, self.world.worker)
                await sessions.take_over(self.world.sessions, World(self.world.sessions).worker, 5)
                lost = await self.world.rows("SELECT id FROM attempts WHERE provisional")
                self.lost |= {row.id for row in lost}
            case _ if self.leases:
                await self._event(what, *self.leases[which % len(self.leases)], ms)

    async def balances(self) -> Balances:
        async with transaction(self.world.sessions) as session:
            return await credits.balances(session, self.account)

    async def _lease(self, channel: Channel, gateway: int, free: int, *, sent: bool) -> None:
        await self.world.open()
        await self.world.rewind()
        before = (await self.balances()).of(attempts.currency(channel))
        granted = await self.world.lease(self.world.leaser(channel), gateway, free, channel)
        assert sum(lease.held for lease in granted) <= before
        self.held_at |= {lease.attempt_id: self.made_at[lease.target_id] for lease in granted}
        self.leases += [(lease, channel) for lease in granted]
        if sent and granted:
            await self.world.send(granted)

    async def _event(self, what: str, lease: Lease, channel: Channel, ms: int) -> None:
        if what == "give back":
            async with transaction(self.world.sessions) as session:
                await attempts.take_back(session, [lease.attempt_id], "database")
        else:
            parts = min(self.parts, 1 + ms % 4) if channel is Channel.SMS else 0
            said = outcome(lease, Outcome.COMPLETED if ms % 5 else Outcome.BUSY, parts=parts, duration_ms=ms)
            await self.world.record(said)

    async def check(self) -> None:
        await within_limits(self.world)
        balances = await self.balances()
        assert balances.phone >= 0
        assert balances.sms >= 0
        rows = await self.world.rows(
            "SELECT id, channel, held, charged, pulse_seconds, price, state, answered_at, duration_ms"
            " FROM attempts"
        )
        for row in rows:
            tariff = self.held_at[row.id]
            call = row.channel == Channel.CALL
            assert row.charged <= row.held
            assert row.held == (tariff.hold(self.message_ms) if call else tariff.message(self.parts))
            assert row.pulse_seconds == tariff.pulse_seconds
            assert row.price == (tariff.credits_per_pulse if call else tariff.credits_per_segment)
            if call and row.answered_at is not None:
                cost = min(tariff.call(row.duration_ms), row.held)
                # What was lost before may cost less in the end: its hold was given back.
                assert row.charged == cost or (row.charged < cost and row.id in self.lost)


@given(
    table=tables,
    script=scripts,
    phone=st.integers(0, 40),
    sms=st.integers(0, 20),
    limit=st.none() | st.integers(1, 30),
    message_ms=st.integers(0, 200_000),
    parts=st.integers(1, 4),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_nothing_costs_more_than_was_held_nor_is_held_beyond_what_there_is(
    world: World,
    table: dict[str, Tariff],
    script: list[tuple[str, int, int, dict[str, Tariff]]],
    phone: int,
    sms: int,
    limit: int | None,
    message_ms: int,
    parts: int,
) -> None:
    await world.execute("TRUNCATE accounts, trunks, smscs CASCADE")
    account, trunk, smsc = await world.account(phone, sms), await world.trunk(), await world.smsc()
    called = [number for prefix in (NTC, NCELL, LANDLINE) for number in numbers(prefix, 2)]
    await world.plan(
        account,
        0,
        Channel.CALL,
        Channel.SMS,
        numbers=called,
        ready=False,
        credit_limit=limit,
        retries={"busy": {"times": 1, "gap_seconds": 0}},
    )
    story = _Story(world, account, trunk, smsc, message_ms, parts)
    await story.make_ready(table)
    for step in script:
        await story.step(*step)
        await story.check()
    await world.check()
