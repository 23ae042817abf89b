"""kill -9 in mid-campaign: nobody is called twice, nobody is forgotten, every credit is accounted for."""

from __future__ import annotations

from collections import Counter

import pytest
from running_engine import Running, running, spoken

pytestmark = pytest.mark.chaos

LONG = spoken("रकम {amount} रुपैयाँ " * 8)


async def _accounted_for(engine: Running, targets: int) -> None:
    assert await engine.world.rows("SELECT state, count(*) FROM targets GROUP BY 1") == [("final", targets)]
    invites = Counter(line["number"] for line in engine.phones_saw("invite"))
    assert invites
    assert set(invites.values()) == {1}
    assert not await engine.world.rows("SELECT FROM attempts WHERE state <> 'ended'")
    await engine.world.check()


async def test_a_killed_dialler_is_replaced_and_its_calls_go_on(engine_database: str) -> None:
    async with running(engine_database, cps=8) as engine:
        plan = await engine.campaign([10] * 30 + [91] * 2, call_content=LONG, ring_seconds=8)
        await engine.until(
            "SELECT count(*) FROM attempts WHERE state = 'answered'", lambda rows: rows[0][0] >= 5
        )
        await engine.kill("dialler")
        live = await engine.world.rows("SELECT id FROM attempts WHERE state = 'answered'")
        await engine.start_role("dialler")
        await engine.finished(plan)
        adopted = await engine.world.rows(
            "SELECT outcome, count(*) FROM attempts WHERE id = ANY(:ids) GROUP BY 1",
            ids=[row.id for row in live],
        )
        assert adopted == [("completed", len(live))]
        outcomes = dict(await engine.world.rows("SELECT outcome, count(*) FROM targets GROUP BY 1"))
        # An order that was committed and died with the dialler never reached voice: it waits again.
        assert outcomes.keys() <= {"completed", "no_answer"}
        assert outcomes["completed"] >= 20
        await _accounted_for(engine, 32)


async def test_an_order_that_died_with_its_dialler_is_placed_by_the_next(engine_database: str) -> None:
    """The kill falls between the second commit and the order: the row says that it was sent."""
    async with running(engine_database, "speech", "dialler") as engine:
        (voice,) = await engine.until("SELECT id FROM worker_sessions WHERE role = 'call'", bool)
        await engine.kill("dialler")
        plan = await engine.campaign([10] * 2)
        await engine.until("SELECT count(*) FROM targets WHERE ready", lambda rows: rows[0][0] == 2)
        leases = await engine.world.lease_all(
            engine.world.leaser(worker=voice.id), await engine.world.value("SELECT id FROM trunks")
        )
        assert len(await engine.world.send(leases)) == 2
        await engine.start_role("dialler")
        await engine.finished(plan)
        ended = "SELECT outcome, reason, count(*) FROM attempts GROUP BY 1, 2 ORDER BY 1"
        assert await engine.world.rows(ended) == [("completed", "completed", 2), (None, "void", 2)]
        await _accounted_for(engine, 2)


async def test_a_dialler_that_stays_away_too_long_finds_what_was_called_unknown_and_says_the_truth(
    engine_database: str,
) -> None:
    """The SMS worker takes over; the voice process kept what happened, for whoever asks."""
    async with running(engine_database, cps=8) as engine:
        plan = await engine.campaign([10] * 6, call_content=LONG)
        await engine.until(
            "SELECT count(*) FROM attempts WHERE state = 'answered'", lambda rows: rows[0][0] >= 3
        )
        await engine.kill("dialler")
        await engine.until(
            "SELECT count(*) FROM targets WHERE outcome = 'unknown'", lambda rows: rows[0][0] >= 3
        )
        await engine.world.check()
        await engine.start_role("dialler")
        await engine.until(
            "SELECT count(*) FROM targets WHERE outcome = 'completed'", lambda rows: rows[0][0] == 6
        )
        await engine.finished(plan)
        assert await engine.world.value("SELECT sum(charged) FROM attempts") == 6
        await _accounted_for(engine, 6)


async def test_the_calls_of_a_killed_voice_process_are_unknown(engine_database: str) -> None:
    async with running(engine_database, cps=8) as engine:
        plan = await engine.campaign([10] * 24, call_content=LONG)
        await engine.until(
            "SELECT count(*) FROM attempts WHERE state = 'answered'", lambda rows: rows[0][0] >= 5
        )
        await engine.kill("voice")
        await engine.start_voice()
        await engine.finished(plan)
        outcomes = dict(await engine.world.rows("SELECT outcome, count(*) FROM targets GROUP BY 1"))
        assert outcomes.keys() == {"completed", "unknown"}
        assert outcomes["unknown"] >= 5
        reasons = await engine.world.rows("SELECT DISTINCT reason FROM targets WHERE outcome = 'unknown'")
        assert reasons == [("worker_lost",)]
        await _accounted_for(engine, 24)
