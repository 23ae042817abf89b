"""What a campaign says of its own pace, retries and failover, and what its plan makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from api_world import Tenant, execute, scalar
from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing.models import Plan

RETRIES = {"busy": {"times": 2, "gap_seconds": 300}, "hungup": {"times": 0, "gap_seconds": 60}}


async def _plan(sessions: SessionFactory) -> Plan:
    async with transaction(sessions) as session:
        return (await session.scalars(select(Plan).order_by(Plan.id.desc()).limit(1))).one()


async def test_they_are_shown_and_go_into_the_plan(tenant: Tenant, sessions: SessionFactory) -> None:
    bare = await tenant.create()
    assert (bare["pace"], bare["retries"]) == (None, {})
    campaign = await tenant.ready(pace=2.5, retries=RETRIES)
    assert (campaign["pace"], campaign["retries"]) == (2.5, RETRIES)
    assert [*campaign].index("pace") > [*campaign].index("length_factor")
    listed = (await tenant.http.get("campaign/")).json()["results"][0]
    assert (listed["pace"], listed["retries"]) == (2.5, RETRIES)
    await tenant.run(campaign["id"])
    plan = await _plan(sessions)
    assert plan.pace == 2.5
    assert plan.retries == RETRIES


async def test_a_form_sends_them_as_text(tenant: Tenant) -> None:
    body = {
        "name": "x",
        "services": "PHONE",
        "user_phone": str(tenant.phones[0]),
        "message": "y",
        "pace": "0.5",
        "retries": json.dumps(RETRIES),
    }
    answer = await tenant.http.post("campaign/create/", data=body)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["pace"], answer.json()["retries"]) == (0.5, RETRIES)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pace", 0),
        ("pace", -1),
        ("pace", 1001),
        ("pace", "fast"),
        ("pace", True),
        ("pace", float("1e400")),
        ("retries", []),
        ("retries", "{"),
        ("retries", {"completed": {"times": 1, "gap_seconds": 60}}),
        ("retries", {"unknown": {"times": 1, "gap_seconds": 60}}),
        ("retries", {"busy": 3}),
        ("retries", {"busy": {"times": 1}}),
        ("retries", {"busy": {"times": 11, "gap_seconds": 60}}),
        ("retries", {"busy": {"times": -1, "gap_seconds": 60}}),
        ("retries", {"busy": {"times": 1.5, "gap_seconds": 60}}),
        ("retries", {"busy": {"times": True, "gap_seconds": 60}}),
        ("retries", {"busy": {"times": 1, "gap_seconds": 59}}),
        ("retries", {"busy": {"times": 1, "gap_seconds": 604801}}),
        ("retries", {"busy": {"times": 1, "gap_seconds": 60, "more": 1}}),
    ],
)
async def test_what_they_cannot_be(tenant: Tenant, field: str, value: Any) -> None:
    body = {"name": "x", "services": "PHONE", "user_phone": [], "message": "y", field: value}
    headers = {"Content-Type": "application/json"}
    answer = await tenant.http.post("campaign/create/", content=json.dumps(body), headers=headers)
    assert answer.status_code == 400, answer.text
    if value != float("1e400"):
        assert field in answer.json()


async def test_pace_changes_while_it_runs_and_retries_do_not(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    campaign = await tenant.ready(pace=1)
    path = f"campaign/{campaign['id']}/"
    await tenant.run(campaign["id"])
    answer = await tenant.http.patch(path, json={"pace": 7})
    assert (answer.status_code, answer.json()["pace"]) == (200, 7)
    assert (await _plan(sessions)).pace == 7
    assert (await tenant.http.patch(path, json={"pace": None})).status_code == 200
    assert (await _plan(sessions)).pace is None
    answer = await tenant.http.patch(path, json={"retries": RETRIES})
    assert answer.status_code == 400
    assert "retries" in answer.json()
    answer = await tenant.http.patch(path, json={"failover_target": ["failed"]})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"sms_message": "लिखित"}, "लिखित"),
        ({"sms_message": "  "}, "नमस्ते"),
        ({"services": "SMS & PHONE", "sms_message": "लिखित"}, "लिखित"),
    ],
)
async def test_the_plan_has_the_text_of_the_failover(
    tenant: Tenant, sessions: SessionFactory, fields: dict[str, str], text: str
) -> None:
    campaign = await tenant.ready("9841000001", failover_target=["failed"], **fields)
    assert (await tenant.run(campaign["id"])).status_code == 200
    assert (await _plan(sessions)).sms_content == {"template": text}
    channels = 2 if "services" in fields else 1
    assert await scalar(sessions, "SELECT count(*) FROM targets") == channels


async def test_a_plan_without_failover_has_no_text(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready(sms_message="लिखित")
    await tenant.run(campaign["id"])
    assert (await _plan(sessions)).sms_content is None


async def test_a_failover_text_that_nobody_can_get(tenant: Tenant) -> None:
    campaign = await tenant.ready(failover_target=["failed"], sms_message="{nobody}")
    answer = await tenant.run(campaign["id"])
    assert answer.status_code == 400
    assert "{nobody}" in answer.json()["message"]


async def test_deleting_a_contact_in_flight(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    await tenant.run(campaign["id"])
    await execute(
        sessions,
        "WITH made AS (INSERT INTO attempts (account_id, id, plan_id, target_id, contact_id, channel, number,"
        " session_id, lease_until, state, sent_at)"
        " SELECT account_id, gen_random_uuid(), plan_id, id, contact_id, channel, number,"
        " gen_random_uuid(), now(), 'ringing', now() FROM targets RETURNING id, target_id)"
        " UPDATE targets t SET state = 'active', attempt_id = made.id FROM made WHERE made.target_id = t.id",
    )
    path = f"phone-number/update/{contact['id']}/"
    assert (await tenant.http.patch(path, json={"number": "9841000002"})).status_code == 400
    answer = await tenant.http.delete(f"phone-number/delete/{contact['id']}/")
    assert answer.status_code == 200, answer.text
    assert await scalar(sessions, "SELECT withdrawn FROM targets")
    assert await scalar(sessions, "SELECT count(*) FROM contacts") == 0
    assert (await tenant.http.delete(f"phone-number/delete/{contact['id']}/")).status_code == 404


async def test_a_contact_shows_that_a_message_went_in_place_of_its_call(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    campaign = await tenant.ready("9841000001", "9841000002", failover_target=["failed"])
    await tenant.run(campaign["id"])
    await execute(
        sessions,
        "INSERT INTO targets (account_id, plan_id, contact_id, channel, number, carrier, state, outcome)"
        " SELECT account_id, plan_id, contact_id, 'sms', number, carrier, 'final', 'completed'"
        " FROM targets ORDER BY id LIMIT 1",
    )
    contacts = (await tenant.http.get(f"campaign-detail/{campaign['id']}/")).json()["results"]
    assert [contact["failover_sms_sent"] for contact in contacts] == [False, True]
    assert [contact["sms_status"] for contact in contacts] == ["", "sent"]
