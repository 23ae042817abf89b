"""Demo calls: ordered at once, charged, listed, and telling nobody that the contact was called."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api_world import Tenant, execute, scalar
from ghanti.campaigns import repository
from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import closing
from ghanti.dialing.models import Plan

_REMAINING = ("remaining_sms_credits", "remaining_phone_credits")


async def _campaign(tenant: Tenant, **fields: Any) -> tuple[int, int]:
    """A campaign with one contact: both ids."""
    campaign = await tenant.create(**fields)
    contacts = await tenant.add(campaign["id"], "9841000001")
    return campaign["id"], contacts[0]["id"]


async def _end(sessions: SessionFactory) -> None:
    """End every open demo call as the engine does when it was heard."""
    await execute(
        sessions,
        "UPDATE targets SET state = 'final', outcome = 'completed', credits = 2, final_at = now()"
        " WHERE state <> 'final' AND plan_id IN (SELECT id FROM plans WHERE owner_kind = 'demo')",
    )
    await closing.sweep_plans(sessions)


async def test_a_demo_call_is_a_plan_of_its_own_that_goes_first(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    campaign_id, contact_id = await _campaign(tenant, message="नमस्ते {name}")
    await tenant.http.patch(f"campaign/{contact_id}/attributes/", json={"name": "राम"})
    before = (await tenant.http.get(f"campaign-detail/{campaign_id}/")).json()
    answer = await tenant.http.post(f"demo-call/{contact_id}/")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert [*body] == ["message", "data", *_REMAINING]
    assert body["data"]["contact_id"] == contact_id
    assert body["data"]["status"] == "not started"
    async with transaction(sessions) as session:
        plan = (await session.scalars(select(Plan))).one()
    assert (plan.plan_class, plan.owner_kind, plan.owner_id) == ("demo", "demo", campaign_id)
    assert plan.call_content is not None
    assert plan.call_content["audios"] == {"message": {"template": "नमस्ते {name}"}}
    assert (await tenant.http.get(f"campaign-detail/{campaign_id}/")).json() == before
    assert (await tenant.get(campaign_id))["progress_percent"] == 0


async def test_it_is_listed_with_what_became_of_it(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign_id, contact_id = await _campaign(tenant)
    first = (await tenant.http.post(f"demo-call/{contact_id}/")).json()["data"]
    await _end(sessions)
    second = (await tenant.http.post(f"demo-call/{contact_id}/")).json()["data"]
    listed = (await tenant.http.get(f"demo-call/{contact_id}/")).json()["results"]
    assert [call["id"] for call in listed] == [second["id"], first["id"]]
    assert [call["status"] for call in listed] == ["not started", "completed"]
    assert [call["credit_consumed"] for call in listed] == [0, 2]
    detail = (await tenant.http.get(f"campaign-detail/{campaign_id}/")).json()
    assert detail["total_credits_consumed"] == 0
    assert detail["results"][0]["status"] == "not started"
    assert detail["results"][0]["credit_consumed"] == 0
    assert (await tenant.get(campaign_id))["status"] == "Not Started"


async def test_it_goes_while_the_campaign_runs_and_leaves_the_run_alone(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    campaign_id, contact_id = await _campaign(tenant)
    await tenant.run(campaign_id)
    assert (await tenant.http.post(f"demo-call/{contact_id}/")).status_code == 200
    assert await scalar(sessions, "SELECT count(*) FROM targets") == 2
    await _end(sessions)
    assert (await tenant.get(campaign_id))["status"] == "Running"
    assert await scalar(sessions, "SELECT count(*) FROM targets WHERE state = 'waiting'") == 1


async def test_the_contact_is_still_called_by_a_later_run(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign_id, contact_id = await _campaign(tenant)
    await tenant.http.post(f"demo-call/{contact_id}/")
    await _end(sessions)
    assert (await tenant.run(campaign_id)).status_code == 200
    assert await scalar(sessions, "SELECT count(*) FROM targets WHERE state = 'waiting'") == 1


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"services": "SMS"}, "messages only"),
        ({"draft": True}, "draft"),
        ({"message": "  "}, "empty"),
        ({"message": "{nobody}"}, "{nobody}"),
        ({"category": "Audio"}, "audio"),
    ],
)
async def test_refusals(tenant: Tenant, sessions: SessionFactory, fields: dict[str, Any], word: str) -> None:
    _, contact_id = await _campaign(tenant, **fields)
    answer = await tenant.http.post(f"demo-call/{contact_id}/")
    assert answer.status_code == 400, answer.text
    assert word in answer.json()["message"]
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 0


async def test_a_tag_that_only_other_contacts_have(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign_id, contact_id = await _campaign(tenant, message="{amount}")
    await tenant.add(campaign_id, "9841000002", amount=500)
    answer = await tenant.http.post(f"demo-call/{contact_id}/")
    assert answer.status_code == 400
    assert "{amount}" in answer.json()["message"]
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 0


async def test_without_credits(tenant: Tenant, sessions: SessionFactory) -> None:
    _, contact_id = await _campaign(tenant)
    await execute(sessions, "UPDATE credit_balances SET phone = 0")
    answer = await tenant.http.post(f"demo-call/{contact_id}/")
    assert answer.status_code == 400
    assert answer.json()["remaining_phone_credits"] == 0
    assert answer.json()["needed_phone_credits"] == 2


async def test_credits_must_suffice_for_what_the_call_will_hold(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    """The pulses of a message of some two minutes and one more, its numbers written out."""
    campaign_id, contact_id = await _campaign(tenant, message="तपाईंको बक्यौता {amount} रुपैयाँ छ। " * 20)
    await tenant.http.patch(f"campaign/{contact_id}/attributes/", json={"amount": "98765"})
    await execute(sessions, "UPDATE credit_balances SET phone = 2")
    answer = await tenant.http.post(f"demo-call/{contact_id}/")
    assert answer.status_code == 400, answer.text
    needed = answer.json()["needed_phone_credits"]
    assert 3 <= needed <= 5
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 0
    await execute(sessions, "UPDATE credit_balances SET phone = :needed", needed=needed)
    assert (await tenant.http.post(f"demo-call/{contact_id}/")).status_code == 200
    other = (await tenant.add(campaign_id, "9841000002", amount="98765"))[0]["id"]
    refused = await tenant.http.post(f"demo-call/{other}/")
    assert refused.status_code == 400, "what the first call will hold is promised"
    assert refused.json()["remaining_phone_credits"] == 0


async def test_an_account_has_few_demo_calls_at_once(
    tenant: Tenant, other: Tenant, sessions: SessionFactory
) -> None:
    campaign = await tenant.create()
    ids = [(await tenant.add(campaign["id"], f"984100000{n}"))[0]["id"] for n in range(8)]
    answers = await asyncio.gather(*(tenant.http.post(f"demo-call/{each}/") for each in ids))
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [429] * 5
    throttled = next(answer for answer in answers if answer.status_code == 429)
    assert int(throttled.headers["Retry-After"]) > 0
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 3
    _, theirs = await _campaign(other)
    assert (await other.http.post(f"demo-call/{theirs}/")).status_code == 200
    await _end(sessions)
    assert (await tenant.http.post(f"demo-call/{ids[-1]}/")).status_code == 200


async def test_it_expires_by_the_clock_of_the_database(
    tenant: Tenant, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The API's machine may think what it will of the time."""
    _, contact_id = await _campaign(tenant)
    long_ago = datetime(2001, 1, 1, tzinfo=UTC)

    async def clock(_session: object) -> datetime:
        return long_ago

    monkeypatch.setattr(repository, "clock", clock)
    assert (await tenant.http.post(f"demo-call/{contact_id}/")).status_code == 200
    expires = await scalar(sessions, "SELECT expires_at FROM plans")
    assert expires == long_ago + timedelta(minutes=5)


async def test_of_two_at_once_one_calls(tenant: Tenant, sessions: SessionFactory) -> None:
    _, contact_id = await _campaign(tenant)
    answers = await asyncio.gather(*(tenant.http.post(f"demo-call/{contact_id}/") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert await scalar(sessions, "SELECT count(*) FROM targets") == 1
    await _end(sessions)
    assert (await tenant.http.post(f"demo-call/{contact_id}/")).status_code == 200


@pytest.mark.parametrize("path", ["campaign/{campaign}/", "phone-number/delete/{contact}/"])
async def test_deleting_campaign_or_contact_ends_the_call(
    tenant: Tenant, sessions: SessionFactory, path: str
) -> None:
    campaign_id, contact_id = await _campaign(tenant)
    await tenant.http.post(f"demo-call/{contact_id}/")
    answer = await tenant.http.delete(path.format(campaign=campaign_id, contact=contact_id))
    assert answer.status_code == 200, answer.text
    assert await scalar(sessions, "SELECT count(*) FROM targets WHERE state <> 'final'") == 0
    assert (await tenant.http.get(f"demo-call/{contact_id}/")).status_code == 404


async def test_a_viewer_may_not(viewer: Tenant, tenant: Tenant) -> None:
    _, contact_id = await _campaign(tenant)
    assert (await viewer.http.post(f"demo-call/{contact_id}/")).status_code == 403
