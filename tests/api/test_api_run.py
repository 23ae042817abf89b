"""Running and stopping: what starts, what refuses to, and that nothing starts by halves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select

from api_world import Tenant, execute, scalar
from ghanti.credits import tariffs
from ghanti.credits.tariff import Tariff
from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import closing, removal
from ghanti.dialing.models import Plan

LATER = (datetime.now(UTC) + timedelta(days=2)).isoformat()


async def _finish(sessions: SessionFactory, outcome: str = "completed") -> None:
    """End every open target as the engine does, and let it announce that the plan is over."""
    await execute(
        sessions,
        "UPDATE targets SET state = 'final', outcome = :outcome, final_at = now() WHERE state <> 'final'",
        outcome=outcome,
    )
    await closing.sweep_plans(sessions)


async def _nothing_started(tenant: Tenant, sessions: SessionFactory, campaign_id: int) -> None:
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 0
    assert (await tenant.get(campaign_id))["status"] == "Not Started"


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"draft": True}, "draft"),
        ({"message": "नमस्ते {nobody}"}, "{nobody}"),
        ({"services": "SMS & PHONE", "sms_message": "{tags_none}"}, "{tags_none}"),
        ({"message": "   "}, "empty"),
        ({"category": "Audio"}, "audio"),
        ({"schedule": "2020-01-01"}, "24 hours"),
    ],
)
async def test_refusals(tenant: Tenant, sessions: SessionFactory, fields: dict[str, Any], word: str) -> None:
    campaign = await tenant.ready(**fields)
    answer = await tenant.run(campaign["id"])
    assert answer.status_code == 400, answer.text
    assert word in answer.json()["message"]
    await _nothing_started(tenant, sessions, campaign["id"])


async def test_empty_campaign(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    answer = await tenant.run(campaign["id"])
    assert answer.status_code == 400
    assert "no contacts" in answer.json()["message"]
    await _nothing_started(tenant, sessions, campaign["id"])


async def test_a_tag_spelt_twice_over_is_no_spelling_of_it(tenant: Tenant) -> None:
    """Filling reads ``{tags_x}`` as tags_x or x: a run that would fail every contact does not start."""
    campaign = await tenant.create(message="{tags_name}")
    await tenant.add(campaign["id"], "9841000001", tags_tags_name="राम")
    answer = await tenant.run(campaign["id"])
    assert answer.status_code == 400
    assert "{tags_name}" in answer.json()["message"]


async def test_tag_that_some_contacts_lack_runs(tenant: Tenant) -> None:
    campaign = await tenant.create(message="{tags_name}")
    await tenant.add(campaign["id"], "9841000001", name="राम")
    await tenant.add(campaign["id"], "9841000002", name="")
    assert (await tenant.run(campaign["id"])).status_code == 200


@pytest.mark.parametrize(
    ("phone", "sms", "services", "limit", "enough"),
    [
        (0, 0, "PHONE", None, False),
        (1, 9, "PHONE", None, False),
        (2, 0, "PHONE", None, True),
        (0, 2, "SMS", None, True),
        (9, 1, "SMS", None, False),
        (2, 1, "SMS & PHONE", None, False),
        (2, 2, "SMS & PHONE", None, True),
        (1, 0, "PHONE", 1, True),
        (0, 0, "PHONE", 1, False),
    ],
)
async def test_credits(
    new_tenant: Callable[..., Any],
    sessions: SessionFactory,
    phone: int,
    sms: int,
    services: str,
    limit: int | None,
    enough: bool,
) -> None:
    tenant: Tenant = await new_tenant("poor@example.com", phone, sms)
    campaign = await tenant.ready(services=services, credit_limit=limit)
    answer = await tenant.run(campaign["id"])
    assert answer.status_code == (200 if enough else 400), answer.text
    assert answer.json()["remaining_phone_credits"] == phone
    assert answer.json()["remaining_sms_credits"] == sms
    if not enough:
        assert answer.json()["needed_phone_credits"] == (0 if services == "SMS" else 2)
        await _nothing_started(tenant, sessions, campaign["id"])


async def test_running_twice(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    assert (await tenant.run(campaign["id"])).status_code == 200
    again = await tenant.run(campaign["id"])
    assert again.status_code == 409
    assert again.json()["message"]
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 1


async def test_two_runs_at_once_start_one(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    answers = await asyncio.gather(*(tenant.run(campaign["id"]) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 1
    assert await scalar(sessions, "SELECT count(*) FROM targets") == 2


async def test_scheduled_for_earlier_today_starts_at_once(tenant: Tenant) -> None:
    schedule = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    campaign = await tenant.ready(schedule=schedule)
    assert (await tenant.run(campaign["id"])).json()["message"] == "Campaign Began Successfully!!"


async def test_scheduled_waits_and_begins(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready(schedule=LATER)
    assert "Scheduled successfully for 20" in (await tenant.run(campaign["id"])).json()["message"]
    assert (await tenant.run(campaign["id"])).status_code == 409
    await closing.sweep_plans(sessions)
    assert (await tenant.get(campaign["id"]))["status"] == "Scheduled"
    await execute(sessions, "UPDATE plans SET starts_at = now()")
    await closing.sweep_plans(sessions)
    assert (await tenant.get(campaign["id"]))["status"] == "Running"
    late = await tenant.http.patch(f"campaign/{campaign['id']}/", json={"schedule": None})
    assert late.status_code == 400


async def test_the_plan_has_what_the_campaign_says(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready(
        services="SMS & PHONE", voice=4, length_factor=1.5, credit_limit=50, sms_message="लेख"
    )
    await tenant.run(campaign["id"])
    async with transaction(sessions) as session:
        plan = (await session.scalars(select(Plan))).one()
    assert plan.call_content == {
        "voice_id": 4,
        "length_factor": "1.50",
        "audios": {"message": {"template": "नमस्ते"}},
    }
    assert plan.sms_content == {"template": "लेख"}
    assert plan.credit_limit == 50
    assert plan.caller_numbers == [f"+9771{tenant.account_id:07}"]


async def test_default_voice_and_number(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready(user_phone=[], credit_limit=0)
    await tenant.run(campaign["id"])
    assert await scalar(sessions, "SELECT call_content ->> 'voice_id' FROM plans") == "1"
    assert await scalar(sessions, "SELECT caller_numbers[1] FROM plans") == f"+9771{tenant.account_id:07}"
    assert await scalar(sessions, "SELECT credit_limit FROM plans") is None


async def test_finished_campaign_calls_only_the_new(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    await tenant.run(campaign["id"])
    await _finish(sessions)
    assert (await tenant.get(campaign["id"]))["status"] == "Completed"
    again = await tenant.run(campaign["id"])
    assert again.status_code == 400
    assert (await tenant.get(campaign["id"]))["status"] == "Completed"
    await tenant.add(campaign["id"], "9841000003")
    assert (await tenant.run(campaign["id"])).status_code == 200
    assert await scalar(sessions, "SELECT count(*) FROM targets WHERE state = 'waiting'") == 1


async def test_added_while_it_runs_joins(
    tenant: Tenant, sessions: SessionFactory, workbook: Callable[..., bytes]
) -> None:
    campaign = await tenant.ready(services="SMS & PHONE")
    await tenant.run(campaign["id"])
    await tenant.add(campaign["id"], "9841000003")
    await tenant.http.post(f"campaign/{campaign['id']}/add-contact/", json={"number": 9841000004})
    file = {"bulk_file": ("more.xlsx", workbook([["number"], [9841000004], [9841000005]]))}
    await tenant.http.patch(f"campaign/create/{campaign['id']}/detail/", files=file)
    assert await scalar(sessions, "SELECT count(*) FROM targets WHERE state = 'waiting'") == 10


async def test_emergency_stop(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    path = f"campaign/emergency-stop/{campaign['id']}/"
    assert (await tenant.http.post(path)).status_code == 400
    await tenant.run(campaign["id"])
    answer = await tenant.http.post(path, data={"id": str(campaign["id"])})
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["status"] == "Terminated"
    assert answer.json()["remaining_phone_credits"] == 1000
    assert await scalar(sessions, "SELECT count(*) FROM targets WHERE outcome = 'cancelled'") == 2
    await closing.sweep_plans(sessions)
    detail = await tenant.get(campaign["id"])
    assert (detail["status"], detail["progress_percent"]) == ("Terminated", 100)
    assert (await tenant.http.post(path)).status_code == 200
    listed = (await tenant.http.get(f"campaign-detail/{campaign['id']}/")).json()["results"]
    assert {row["status"] for row in listed} == {"terminated"}


async def test_credit_limit_terminates(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    await tenant.run(campaign["id"])
    await execute(sessions, "UPDATE plans SET state = 'stopped', state_reason = 'credit_limit'")
    await closing.sweep_plans(sessions)
    detail = await tenant.get(campaign["id"])
    assert (detail["status"], detail["status_reason"]) == ("Terminated", "credit_limit")


async def test_paused_campaign_runs_on_the_wire(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    await tenant.run(campaign["id"])
    await execute(sessions, "UPDATE plans SET state = 'paused', state_reason = 'credits'")
    detail = await tenant.get(campaign["id"])
    assert (detail["status"], detail["paused_reason"]) == ("Running", "credits")


async def test_deleted_campaign_leaves_no_plan_behind(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    await tenant.run(campaign["id"])
    await tenant.http.delete(f"campaign/{campaign['id']}/")
    await closing.sweep_plans(sessions)
    await removal.remove_deleted(sessions)
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 0
    assert await scalar(sessions, "SELECT count(*) FROM targets") == 0


async def test_rules_are_the_applications_own(
    app: FastAPI, new_tenant: Callable[..., Any], sessions: SessionFactory
) -> None:
    settings = app.state.parts.settings
    settings.ring_seconds, settings.credits_per_pulse = 44, 3
    tenant: Tenant = await new_tenant("rules@example.com", 5, 0)
    campaign = await tenant.ready()
    refused = await tenant.run(campaign["id"])
    assert refused.json()["needed_phone_credits"] == 6
    async with transaction(sessions) as session:
        await tariffs.put(session, [("", Tariff(60, 2, 1))])
    assert (await tenant.run(campaign["id"])).status_code == 200
    assert await scalar(sessions, "SELECT ring_seconds FROM plans") == 44
