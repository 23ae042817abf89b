"""An attempt under events in any order, twice, late, amid stops and takeovers: the sums hold throughout."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine_world import World, outcome
from ghanti.database.session import transaction
from ghanti.dialing import attempts, closing, sessions
from ghanti.dialing.attempts import Lease
from ghanti.dialing.models import Outcome, Plan

ENDS = [Outcome.COMPLETED, Outcome.HUNGUP, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.CANCELLED]
STEPS = ["lease", "send", "ring", "answer", "play", "end", "give back", "expire", "die", "stop", "sweep"]
steps = st.lists(
    st.tuples(st.sampled_from(STEPS), st.integers(0, 7), st.sampled_from(ENDS)), min_size=5, max_size=25
)
retries = st.sampled_from(
    [{}, {"no_answer": {"times": 2, "gap_seconds": 0}}, {"unknown": {"times": 1, "gap_seconds": 0}}]
)


class Story:
    """One plan, and every lease that was ever granted of it: events may name any of them."""

    def __init__(self, world: World, plan: Plan, trunk: int) -> None:
        self.world = world
        self.plan = plan
        self.trunk = trunk
        self.leases: list[Lease] = []

    async def step(self, what: str, which: int, end: Outcome) -> None:
        if what == "lease":
            await self.world.open()
            await self.world.rewind()
            self.leases += await self.world.lease(self.world.leaser(), self.trunk, free=2)
        elif what == "stop":
            await self.world.stop(self.plan)
        elif what == "sweep":
            await closing.sweep_plans(self.world.sessions)
        elif what == "die":
            await self._die()
        elif self.leases:
            await self._event(what, self.leases[which % len(self.leases)], end)

    async def _die(self) -> None:
        async with transaction(self.world.sessions) as session:
            await sessions.end_session(session, self.world.worker)
        await sessions.take_over(self.world.sessions, uuid4(), 5)

    async def _event(self, what: str, lease: Lease, end: Outcome) -> None:
        token, said = lease.attempt_id, outcome(lease, end)
        if what == "end":
            await self.world.record(said)
            return
        if what == "send":
            await self.world.send([lease])
            return
        async with transaction(self.world.sessions) as session:
            if what == "ring":
                await attempts.set_ringing(session, {token: said.ended_at})
            elif what == "answer":
                await attempts.set_answered(session, {token: said.ended_at})
            elif what == "play":
                await attempts.set_played(session, {token: 1000})
            elif what == "give back":
                await attempts.void_unsent(session, [token], "capacity")
            else:
                await attempts.void_leased(session, [token], "lease_expired")


@given(script=steps, retries=retries)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_happens_the_sums_hold_and_no_target_is_lost(
    world: World, script: list[tuple[str, int, Outcome]], retries: dict[str, Any]
) -> None:
    account, trunk = await world.account(phone=9), await world.trunk()
    plan = await world.plan(account, 3, retries=retries)
    story = Story(world, plan, trunk)
    for what, which, end in script:
        sent_before = await world.value("SELECT count(*) FROM attempts WHERE sent_at IS NOT NULL")
        await story.step(what, which, end)
        await world.check()
        sent_after = await world.value("SELECT count(*) FROM attempts WHERE sent_at IS NOT NULL")
        assert sent_after - sent_before <= int(what == "send")
    await story.step("stop", 0, Outcome.CANCELLED)
    await story.step("die", 0, Outcome.CANCELLED)
    await closing.sweep_plans(world.sessions)
    assert await world.rows("SELECT DISTINCT state FROM targets WHERE plan_id = :id", id=plan.id) == [
        ("final",)
    ]
    assert (await world.state(plan))[0] == "finished"
    await world.check()
