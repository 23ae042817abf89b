"""Whole campaigns: real processes, simulated phones and SMSC, every outcome and credit accounted for."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from running_engine import running, spoken

from ghanti.database.session import transaction
from ghanti.dialing import service as dialing
from ghanti.dialing.models import Channel

BEHAVIOURS = {
    90: ("busy", "unanswered"),
    91: ("no_answer", "unanswered"),
    92: ("rejected", "unanswered"),
    93: ("hungup", "answered"),
    94: ("completed", "answered"),
    95: ("invalid_number", "unanswered"),
    96: ("no_answer", "unanswered"),
    97: ("failed", "unanswered"),
    80: ("completed", "answered"),
    81: ("completed", "answered"),
    82: ("completed", "answered"),
    83: ("completed", "answered"),
}


async def test_every_behaviour_ends_in_its_outcome_and_its_credits(engine_database: str) -> None:
    endings = [*BEHAVIOURS, *range(10, 18)]
    async with running(engine_database) as engine:
        # Long enough that the phone which hangs up after 3 s does so before the end.
        content = spoken("रकम {amount} रुपैयाँ " * 6)
        plan = await engine.campaign(endings, Channel.CALL, Channel.SMS, call_content=content, ring_seconds=6)
        await engine.finished(plan)
        calls = await engine.world.rows(
            "SELECT right(t.number, 2)::int AS ending, t.outcome, t.credits, a.caller_number, a.sip_code,"
            " a.played_ms, a.total_ms, a.keys"
            " FROM targets t JOIN attempts a ON a.id = t.attempt_id WHERE t.channel = 'call'"
        )
        for call in calls:
            outcome, answered = BEHAVIOURS.get(call.ending, ("completed", "answered"))
            assert (call.ending, call.outcome, call.credits) == (
                call.ending,
                outcome,
                int(answered == "answered"),
            )
            assert call.caller_number == "+97715970425"
            assert (call.played_ms == call.total_ms > 0) == (outcome == "completed")
        codes = {call.ending: call.sip_code for call in calls}
        assert {codes[90], codes[92], codes[95], codes[97]} == {486, 603, 404, 503}
        assert 0 < next(c.played_ms for c in calls if c.ending == 93) < max(c.total_ms for c in calls)
        assert Counter(line["number"] for line in engine.phones_saw("invite")) == Counter(
            row.number for row in await engine.world.rows("SELECT number FROM targets WHERE channel = 'call'")
        )
        await engine.until(
            "SELECT count(*) FROM attempts WHERE delivery = 'delivered'", lambda rows: rows[0][0] == 17
        )
        texts = await engine.world.rows(
            "SELECT right(t.number, 2)::int AS ending, t.outcome, t.credits, a.delivery"
            " FROM targets t JOIN attempts a ON a.id = t.attempt_id WHERE t.channel = 'sms'"
        )
        special = {80: "undelivered", 81: "awaited", 83: "not_offered"}
        for sms in texts:
            refused = sms.ending == 83
            assert (sms.ending, sms.outcome) == (sms.ending, "failed" if refused else "completed")
            assert sms.credits == int(not refused)
            assert sms.delivery == special.get(sms.ending, "delivered")
        received = Counter((line["to"], line["text"]) for line in engine.texts())
        assert received == Counter(
            (f"977984{index:05d}{ending:02d}", f"रकम {index}")
            for index, ending in enumerate(endings)
            if ending != 83
        )
        balance = (await engine.world.rows("SELECT phone, sms FROM credit_balances"))[0]
        assert balance == (1000 - sum(call.credits for call in calls), 1000 - 19)
        await engine.world.check()


@pytest.mark.parametrize("endings", [[91] * 6, [10] * 6], ids=["ringing", "answered"])
async def test_an_emergency_stop_ends_calls_within_two_seconds(
    engine_database: str, endings: list[int]
) -> None:
    """Measured where it matters: the phones note when BYE or CANCEL came."""
    async with running(engine_database) as engine:
        content = spoken("रकम {amount} रुपैयाँ " * 40)
        wanted = "answered" if endings[0] == 10 else "ringing"
        more = [endings[0]] * 40
        plan = await engine.campaign(
            endings + more, Channel.CALL, Channel.SMS, call_content=content, ring_seconds=60
        )
        await engine.until(
            "SELECT count(*) FROM attempts WHERE state = :state", lambda rows: rows[0][0] >= 4, state=wanted
        )
        stopped_at = time.time()
        async with transaction(engine.world.sessions) as session:
            assert await dialing.stop_plan(session, plan.account_id, plan.id, "emergency_stop")
        await engine.finished(plan)
        assert await engine.world.state(plan) == ("finished", "emergency_stop")
        called = engine.phones_saw("invite")
        ended = await engine.all_calls_ended()
        assert 4 <= len(called) < len(endings + more)
        # The promise itself, not a benchmark: no phone rings or speaks two seconds after a stop.
        assert max(line["at"] for line in ended) - stopped_at < 2.0
        assert max(line["at"] for line in called) - stopped_at < 2.0
        sent = {line["to"] for line in engine.texts()}
        texted = await engine.world.value(
            "SELECT count(*) FROM targets WHERE channel = 'sms' AND outcome = 'completed'"
        )
        assert len(sent) == texted
        await engine.world.check()
