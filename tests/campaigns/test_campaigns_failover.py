"""A message in place of a call: after what it is sent, once, and after what never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine_world import World, outcome
from ghanti.campaigns import failover
from ghanti.campaigns import handlers as campaign_handlers
from ghanti.campaigns.models import Campaign
from ghanti.credits import service as credits
from ghanti.database.session import transaction
from ghanti.dialing import closing, handlers, late, outcomes, ownership, sessions
from ghanti.dialing.attempts import Lease
from ghanti.dialing.models import Channel, Outcome, Plan

ALL = ["not started", "hungup", "unanswered", "failed", "completed"]
TEXT = {"template": "नमस्ते"}


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Campaigns hear from the engine, for one test."""
    for registry in ("_outcome", "_started", "_finished"):
        monkeypatch.setattr(handlers, registry, {})
    campaign_handlers.register()


async def _sent(
    world: World, wanted: list[str], services: str = "PHONE", contacts: int = 1, **order: Any
) -> tuple[Plan, list[Lease]]:
    """A running campaign with these triggers, all its calls on their way."""
    account, trunk = await world.account(), await world.trunk()
    plan = await world.plan(account, contacts, **{"sms_content": TEXT, "text_instead": True, **order})
    await world.execute(
        "UPDATE campaigns SET services = :services, failover_target = :wanted, status = 'Running'",
        services=services,
        wanted=wanted,
    )
    await world.open()
    leases = await world.lease_all(world.leaser(), trunk)
    await world.send(leases)
    return plan, leases


async def _texts(world: World) -> list[tuple[str, str]]:
    """State and outcome of the messages that were ordered."""
    rows = await world.rows("SELECT state, coalesce(outcome, '') FROM targets WHERE channel = 'sms'")
    return [tuple(row) for row in rows]


ENDS = {
    Outcome.COMPLETED: "completed",
    Outcome.HUNGUP: "hungup",
    Outcome.BUSY: "unanswered",
    Outcome.NO_ANSWER: "unanswered",
    Outcome.REJECTED: "failed",
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "failed",
    Outcome.INVALID_NUMBER: "failed",
}


@pytest.mark.parametrize(("ended", "status"), ENDS.items())
async def test_each_status_triggers_its_own_and_no_other(world: World, ended: Outcome, status: str) -> None:
    _, (lease,) = await _sent(world, [other for other in ALL if other != status])
    await world.record(outcome(lease, ended))
    assert await _texts(world) == []
    _, leases = await _sent(world, [status])
    await world.record(*(outcome(lease, ended) for lease in leases))
    assert await _texts(world) == [("waiting", "")]
    await world.check()


@pytest.mark.parametrize("ended", [Outcome.CANCELLED, Outcome.EXPIRED, Outcome.BLOCKED])
async def test_what_was_stopped_expired_or_barred_triggers_nothing(world: World, ended: Outcome) -> None:
    _, (lease,) = await _sent(world, ALL)
    await world.record(outcome(lease, ended))
    assert await _texts(world) == []


async def test_a_call_that_was_never_dialled_has_not_started(world: World) -> None:
    await _sent(world, ["not started"], numbers=("+12025550143",))
    assert await world.value("SELECT outcome FROM targets WHERE channel = 'call'") == "invalid_number"
    assert await _texts(world) == [("waiting", "")]
    _, (lease,) = await _sent(world, ["not started"])
    await world.record(outcome(lease, Outcome.FAILED))
    assert len(await _texts(world)) == 1
    await world.check()


async def test_a_retry_comes_first(world: World) -> None:
    retries = {"no_answer": {"times": 1, "gap_seconds": 0}}
    plan, (lease,) = await _sent(world, ["unanswered"], retries=retries)
    await world.record(outcome(lease, Outcome.NO_ANSWER))
    assert await _texts(world) == []
    trunk = await world.value("SELECT trunk_id FROM attempts")
    (again,) = await world.lease_all(world.leaser(), trunk)
    await world.send([again])
    await world.record(outcome(again, Outcome.NO_ANSWER))
    assert await _texts(world) == [("waiting", "")]
    assert (await world.state(plan))[0] == "running"
    await world.check()


async def test_the_plan_ends_only_with_its_message_which_is_held_and_charged(world: World) -> None:
    plan, (lease,) = await _sent(world, ["hungup"])
    await world.record(outcome(lease, Outcome.HUNGUP))
    await closing.sweep_plans(world.sessions)
    assert (await world.state(plan))[0] == "running"
    await world.execute(
        'UPDATE targets SET ready = true, content = \'{"text": "x", "parts": 1}\', units = 1'
        " WHERE channel = 'sms'"
    )
    (text,) = await world.lease_all(world.leaser(Channel.SMS), await world.smsc(), channel=Channel.SMS)
    assert (text.contact_id, text.number, text.held) == (lease.contact_id, lease.number, 1)
    assert await world.value("SELECT sms FROM credit_balances") == 999
    await world.send([text])
    await world.record(outcome(text, Outcome.COMPLETED))
    await closing.sweep_plans(world.sessions)
    assert await world.state(plan) == ("finished", None)
    assert await world.value("SELECT status FROM campaigns") == "Completed"
    await world.check()


async def _lost(world: World, lease: Lease) -> None:
    """Its worker dies, and a while after the last call the plan is swept."""
    async with transaction(world.sessions) as session:
        await sessions.end_session(session, world.worker)
    await sessions.take_over(world.sessions, lease.attempt_id, 5)
    assert await world.value("SELECT outcome FROM targets WHERE channel = 'call'") == "unknown"
    await late.settle_provisional(world.sessions)
    await closing.sweep_plans(world.sessions)


@pytest.mark.parametrize(
    ("truth", "texts"), [(Outcome.COMPLETED, []), (Outcome.NO_ANSWER, [("waiting", "")])]
)
async def test_a_message_waits_for_the_truth(
    world: World, truth: Outcome, texts: list[tuple[str, str]]
) -> None:
    """What is unknown for now fires nothing, and the plan is there for what the truth fires."""
    plan, (lease,) = await _sent(world, ["failed", "unanswered"])
    await _lost(world, lease)
    assert await _texts(world) == []
    assert (await world.state(plan))[0] == "running"
    await world.record(outcome(lease, truth))
    assert await world.value("SELECT outcome FROM targets WHERE channel = 'call'") == truth
    assert await _texts(world) == texts
    await world.record(outcome(lease, Outcome.BUSY))
    assert await _texts(world) == texts
    await closing.sweep_plans(world.sessions)
    assert (await world.state(plan))[0] == ("running" if texts else "finished")
    await world.check()


async def test_where_the_truth_never_comes_the_message_goes_in_the_end(world: World) -> None:
    plan, (lease,) = await _sent(world, ["failed"])
    await _lost(world, lease)
    await world.execute("UPDATE attempts SET sent_at = sent_at - interval '7401 s'")
    for _ in range(2):
        await late.settle_provisional(world.sessions)
        assert await _texts(world) == [("waiting", "")]
    assert not await world.record(outcome(lease, Outcome.COMPLETED))
    assert (await world.state(plan))[0] == "running"
    await world.check()


async def test_a_stopped_plan_waits_for_no_truth(world: World) -> None:
    plan, (lease,) = await _sent(world, ["failed", "unanswered"])
    await _lost(world, lease)
    await world.stop(plan)
    await closing.sweep_plans(world.sessions)
    assert await world.state(plan) == ("finished", "emergency_stop")
    await world.record(outcome(lease, Outcome.NO_ANSWER))
    assert await _texts(world) == []
    await world.check()


async def test_a_plan_without_such_messages_waits_for_no_truth(world: World) -> None:
    plan, (lease,) = await _sent(world, [], text_instead=False)
    await _lost(world, lease)
    assert (await world.state(plan))[0] == "finished"


async def test_outcome_and_message_are_one_commit(world: World) -> None:
    """A worker that dies before its commit leaves neither; told again, both come, once."""
    _, (lease,) = await _sent(world, ["unanswered"])

    async def die_before_the_commit() -> None:
        async with transaction(world.sessions) as session:
            await outcomes.record(session, [outcome(lease, Outcome.BUSY)], world.worker)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await die_before_the_commit()
    assert await _texts(world) == []
    assert await world.value("SELECT state FROM targets") == "active"
    await world.record(outcome(lease, Outcome.BUSY))
    assert len(await _texts(world)) == 1


async def test_after_an_emergency_stop_nothing_follows(world: World) -> None:
    plan, (first, second) = await _sent(world, ALL, contacts=2)
    await world.record(outcome(first, Outcome.HUNGUP))
    assert await _texts(world) == [("waiting", "")]
    await world.stop(plan)
    await world.record(outcome(second, Outcome.HUNGUP))
    assert await _texts(world) == [("final", "cancelled")]
    await world.check()


async def test_an_expired_plan_sends_none(world: World) -> None:
    plan, _ = await _sent(world, ALL, starts_at=datetime.now(UTC) + timedelta(hours=1))
    await world.execute("UPDATE plans SET starts_at = now() - interval '2 s', expires_at = now()")
    await closing.sweep_plans(world.sessions)
    assert await world.value("SELECT outcome FROM targets WHERE plan_id = :id", id=plan.id) == "expired"
    assert await _texts(world) == []


@pytest.mark.parametrize("services", ["SMS & PHONE", "SMS", "SURVEY"])
async def test_other_services_ignore_it(world: World, services: str) -> None:
    _, (lease,) = await _sent(world, ALL, services)
    await world.record(outcome(lease, Outcome.HUNGUP))
    assert await _texts(world) == []


async def test_a_deleted_contact_gets_none(world: World) -> None:
    _, (lease,) = await _sent(world, ALL)
    assert lease.contact_id is not None
    async with transaction(world.sessions) as session:
        await credits.lock(session, [lease.account_id])
        await ownership.withdraw_contact(session, lease.account_id, lease.contact_id)
    await world.record(outcome(lease, Outcome.HUNGUP))
    assert await _texts(world) == []
    await world.check()


def test_what_it_says() -> None:
    campaign = Campaign(services="PHONE", message="said", sms_message=" ", failover_target=["failed"])
    assert failover.applies(campaign)
    assert failover.text_of(campaign) == "said"
    campaign.sms_message = "written"
    assert failover.text_of(campaign) == "written"
    campaign.services = "SMS & PHONE"
    assert not failover.applies(campaign)
