"""Real processes and phones: urgent calls on a busy trunk, deleted contacts, messages in place of calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from running_engine import Running, running, spoken

from ghanti.credits import service as credits
from ghanti.database.session import transaction
from ghanti.dialing import ownership
from ghanti.dialing import service as dialing
from ghanti.dialing.models import Channel, Plan, PlanClass

NEVER_ANSWERS, BUSY = 91, 90
SOMEBODY = "+9779851000010"


async def _ringing(engine: Running, calls: int) -> Plan:
    """A bulk campaign that has this many phones ringing, all that the trunk gives it."""
    await engine.world.execute("UPDATE trunks SET max_calls = :calls", calls=calls + 1)
    plan = await engine.campaign([NEVER_ANSWERS] * 3 * calls, ring_seconds=60)
    await engine.until(
        "SELECT count(*) FROM attempts WHERE state = 'ringing'", lambda rows: rows[0][0] == calls
    )
    return plan


async def test_an_urgent_call_is_placed_while_all_bulk_channels_are_busy(engine_database: str) -> None:
    async with running(engine_database) as engine:
        bulk = await _ringing(engine, 4)
        async with transaction(engine.world.sessions) as session:
            order = dialing.PlanOrder(
                engine.account, "otp", 1, PlanClass.OTP, call_content=spoken("कोड १२३४")
            )
            urgent = await dialing.create_plan(session, order)
            await dialing.add_number(session, urgent, Channel.CALL, SOMEBODY, "NTC")
        await engine.finished(urgent)
        rows = await engine.world.rows("SELECT outcome FROM targets WHERE plan_id = :id", id=urgent.id)
        assert [row.outcome for row in rows] == ["completed"]
        called = [line["number"] for line in engine.phones_saw("invite")]
        # Nothing of bulk came or went meanwhile: the call had a channel that bulk may not have.
        assert called.count(SOMEBODY) == 1
        assert len(called) == 5
        assert await engine.world.value("SELECT count(*) FROM attempts WHERE state = 'ringing'") == 4
        await engine.world.stop(bulk)
        await engine.finished(bulk)
        await engine.world.check()


async def test_a_phone_that_rings_for_a_deleted_contact_stops_ringing(engine_database: str) -> None:
    async with running(engine_database) as engine:
        plan = await _ringing(engine, 2)
        row = (
            await engine.world.rows(
                "SELECT contact_id, number FROM attempts WHERE state = 'ringing' ORDER BY target_id LIMIT 1"
            )
        )[0]
        async with transaction(engine.world.sessions) as session:
            await credits.lock(session, [engine.account])
            await ownership.withdraw_contact(session, engine.account, row.contact_id)
        ended = await engine.until(
            "SELECT t.state, t.outcome, a.state AS attempt FROM targets t"
            " JOIN attempts a ON a.id = t.attempt_id WHERE t.contact_id = :id",
            lambda rows: rows[0].state == "final",
            id=row.contact_id,
        )
        assert ended == [("final", "cancelled", "ended")]
        assert [line["number"] for line in engine.phones_saw("end")] == [row.number]
        assert await engine.world.state(plan) == ("running", None)
        await engine.world.stop(plan)
        await engine.finished(plan)
        await engine.world.check()


async def test_a_busy_phone_gets_a_message_once_though_the_dialler_is_killed(engine_database: str) -> None:
    async with running(engine_database) as engine:
        plan = await engine.campaign([BUSY] * 12, starts_at=datetime.now(UTC) + timedelta(seconds=2))
        await engine.world.execute(
            "UPDATE campaigns SET services = 'PHONE', failover_target = '{unanswered}', status = 'Scheduled'"
        )
        await engine.until("SELECT count(*) FROM targets WHERE channel = 'sms'", lambda rows: rows[0][0] >= 2)
        await engine.kill("dialler")
        await engine.start_role("dialler")
        await engine.finished(plan)
        busy = await engine.world.value(
            "SELECT count(*) FROM targets WHERE channel = 'call' AND outcome = 'busy'"
        )
        assert busy >= 2
        sent = sorted(line["to"] for line in engine.texts())
        assert len(sent) == len(set(sent)) == busy
        assert await engine.world.value("SELECT status FROM campaigns") == "Completed"
        await engine.world.check()
