"""What could not leave in time never leaves, and costs nothing; what is kept is kept no longer than said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api_world import Tenant, execute, scalar
from engine_world import World, outcome
from ghanti.database.session import SessionFactory
from ghanti.dialing import closing
from ghanti.dialing.models import Channel, PlanClass
from ghanti.otp import service as otps


def moments(seconds: int) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def targets(world: World) -> list[tuple[str, str | None]]:
    rows = await world.rows("SELECT state, outcome FROM targets ORDER BY id")
    return [tuple(row) for row in rows]


async def test_what_expired_is_not_leased(world: World) -> None:
    trunk, account = await world.trunk(), await world.account()
    await world.plan(account, 2, plan_class=PlanClass.OTP, expires_at=moments(-1))
    in_time = await world.plan(account, 1, plan_class=PlanClass.OTP, expires_at=moments(60))
    leases = await world.lease_all(world.leaser(), trunk)
    assert [lease.plan_id for lease in leases] == [in_time.id]


@pytest.mark.parametrize("channel", list(Channel))
async def test_what_waits_ends_as_expired(world: World, channel: Channel) -> None:
    account = await world.account()
    plan = await world.plan(account, 2, channel, plan_class=PlanClass.OTP, expires_at=moments(-1))
    await closing.sweep_plans(world.sessions)
    assert await targets(world) == [("final", "expired")] * 2
    assert await world.state(plan) == ("finished", None)
    assert await world.value("SELECT sum(phone + sms)::int FROM credit_balances") == 2000
    await world.check()


async def test_what_is_under_way_goes_on(world: World) -> None:
    await world.open()
    trunk, account = await world.trunk(), await world.account()
    plan = await world.plan(account, 2, plan_class=PlanClass.OTP, expires_at=moments(60))
    [lease] = await world.lease(world.leaser(), trunk, free=1)
    await world.execute("UPDATE plans SET expires_at = now()")
    await closing.sweep_plans(world.sessions)
    assert await targets(world) == [("active", None), ("final", "expired")]
    assert await world.send([lease]) == {lease.attempt_id}
    assert await world.record(outcome(lease)) == {lease.attempt_id}
    await closing.sweep_plans(world.sessions)
    assert await targets(world) == [("final", "completed"), ("final", "expired")]
    assert (await world.state(plan))[0] == "finished"
    await world.check()


async def test_a_plan_that_waits_for_credits_expires_too(world: World) -> None:
    trunk, account = await world.trunk(), await world.account(phone=1)
    plan = await world.plan(account, 1, expires_at=moments(60))
    assert await world.lease(world.leaser(), trunk) == []
    assert await world.state(plan) == ("paused", "credits")
    await world.execute("UPDATE plans SET expires_at = now()")
    await closing.sweep_plans(world.sessions)
    assert await targets(world) == [("final", "expired")]
    assert (await world.state(plan))[0] == "finished"


async def send(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    body = {"number": "9841000001", "message": "{otp}", "sms_send_options": "text", **fields}
    answer = await tenant.http.post("auths/send/otp/", json=body)
    assert answer.status_code == 200, answer.text
    details: dict[str, Any] = answer.json()["data"]["details"]
    return details


async def listed(tenant: Tenant) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await tenant.http.get("auths/list/send-otps/")).json()["results"]["data"]
    return rows


async def test_an_expired_one_is_listed_and_its_credit_is_free(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    assert (await send(tenant))["remaining_sms_credits"] == 999
    seconds = "SELECT extract(epoch FROM p.expires_at - o.created_at)::int FROM plans p, sent_otps o"
    assert await scalar(sessions, seconds) == 300
    await execute(sessions, "UPDATE plans SET starts_at = now(), expires_at = now()")
    await closing.sweep_plans(sessions)
    [row] = await listed(tenant)
    assert (row["status"], row["credits_used"], row["reason"]) == ("terminated", 0, "not sent in time")
    assert (await send(tenant, number="9851023212"))["remaining_sms_credits"] == 999


async def test_old_codes_are_erased_and_their_rows_stay(tenant: Tenant, sessions: SessionFactory) -> None:
    old = await send(tenant, company_name="घण्टी")
    fresh = await send(tenant, number="9851023212")
    await execute(
        sessions,
        "UPDATE sent_otps SET created_at = created_at - interval '30 days' WHERE id = :id",
        id=old["id"],
    )
    await execute(
        sessions, "UPDATE plans SET expires_at = now(), starts_at = now() WHERE owner_id = :id", id=old["id"]
    )
    await closing.sweep_plans(sessions)
    assert await otps.erase_old(sessions, 30) == 1
    assert await otps.erase_old(sessions, 30) == 0
    kept, erased = await listed(tenant)
    assert (kept["otp"], kept["message"]) == (fresh["otp"], fresh["message"])
    assert (erased["id"], erased["phone_number"]) == (old["id"], "9841000001")
    assert (erased["otp"], erased["message"]) == ("", "")
    assert await scalar(sessions, "SELECT count(*) FROM plans WHERE sms_content IS NULL") == 1


async def test_codes_under_another_key_are_blank(tenant: Tenant, sessions: SessionFactory) -> None:
    await send(tenant)
    await execute(sessions, "UPDATE sent_otps SET code = message, message = 'of another key'")
    [row] = await listed(tenant)
    assert (row["message"], row["status"]) == ("", "not started")
