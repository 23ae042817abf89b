"""What campaigns and contacts do where the vendor's pages are silent or disagree."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from api_world import Tenant, execute, scalar
from ghanti.campaigns import repository
from ghanti.database.session import SessionFactory


@pytest.mark.parametrize(
    "again", ["9841000001", 9841000001, "+977 984-1000001", "9779841000001", "०९८४१०००००१"]
)
async def test_one_phone_is_one_contact_however_it_is_written(tenant: Tenant, again: Any) -> None:
    """Alone it is refused, among others it is skipped, and the first spelling stays."""
    campaign = await tenant.ready("984-1000001")
    path = f"campaign/{campaign['id']}/add-contact/"
    alone = await tenant.http.post(path, json={"number": again})
    assert alone.status_code == 400
    assert alone.json()["number"]
    many = await tenant.http.post(path, json={"contacts": [{"number": again}, {"number": 9841000002}]})
    assert (many.json()["created"], many.json()["skipped"]) == (1, 1)
    listed = (await tenant.http.get(f"campaign-detail/{campaign['id']}/")).json()["results"]
    assert [row["number"] for row in listed] == ["9841000002", "984-1000001"]


@pytest.mark.parametrize(
    ("number", "status"), [("123456", 400), ("1234567", 201), ("9" * 15, 201), ("9" * 16, 400), ("abc", 400)]
)
async def test_only_seven_to_fifteen_digits_are_a_number(tenant: Tenant, number: str, status: int) -> None:
    """Any other is taken; one that the trunk may not call fails when its turn comes."""
    campaign = await tenant.create()
    answer = await tenant.http.post(f"campaign/{campaign['id']}/add-contact/", json={"number": number})
    assert answer.status_code == status, answer.text


async def test_contacts_win_over_a_number_beside_them(tenant: Tenant) -> None:
    campaign = await tenant.create()
    path = f"campaign/{campaign['id']}/add-contact/"
    both = await tenant.http.post(path, json={"number": "9841000001", "contacts": [{"number": "9841000002"}]})
    assert [row["number"] for row in both.json()["contacts"]] == ["9841000002"]
    assert (await tenant.get(campaign["id"]))["campaign_action_count"] == 1
    empty = await tenant.http.post(path, json={"contacts": []})
    assert empty.status_code == 400


@pytest.mark.parametrize("spelling", ["{}", "[{}]", ["{}"], 0])
async def test_one_caller_number_is_a_list_of_it(tenant: Tenant, spelling: Any) -> None:
    (phone,) = tenant.phones
    sent: Any = phone
    if isinstance(spelling, str):
        sent = spelling.format(phone)
    elif isinstance(spelling, list):
        sent = [spelling[0].format(phone)]
    assert (await tenant.create(user_phone=sent))["user_phone"] == [phone]


async def test_unknown_caller_numbers_are_named(tenant: Tenant, other: Tenant) -> None:
    foreign = [*other.phones, 987654]
    body = {"name": "x", "services": "PHONE", "user_phone": [*tenant.phones, *foreign], "message": "y"}
    answer = await tenant.http.post("campaign/create/", json=body)
    assert answer.status_code == 400
    for phone in foreign:
        assert str(phone) in answer.json()["user_phone"][0]


@pytest.mark.parametrize(
    ("written", "now", "starts"),
    [
        ("2025-07-09", "2025-07-09T15:00:00+05:45", "at once"),
        ("2025-07-09T14:46:00", "2025-07-09T14:47:00+05:45", "at once"),
        ("2025-07-09T14:46:00", "2025-07-10T14:45:00+05:45", "at once"),
        ("2025-07-09T14:46:00", "2025-07-10T14:47:00+05:45", "never"),
        ("2024-07-09T14:46:00", "2025-07-09T14:40:00+05:45", "never"),
        ("2025-07-10", "2025-07-09T15:00:00+05:45", "later"),
    ],
)
async def test_a_schedule_that_passed(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, written: str, now: str, starts: str
) -> None:
    """Within a day it starts at once; a mistyped year calls nobody. Create and update take any date."""

    async def clock(_session: object) -> datetime:
        return datetime.fromisoformat(now).astimezone(UTC)

    monkeypatch.setattr(repository, "clock", clock)
    campaign = await tenant.ready(schedule=written)
    assert campaign["schedule"].startswith(written)
    updated = await tenant.http.patch(f"campaign/{campaign['id']}/", json={"schedule": written})
    assert updated.json()["schedule"].startswith(written)
    assert updated.json()["status"] == "Not Started"
    run = await tenant.run(campaign["id"])
    assert run.status_code == (400 if starts == "never" else 200), run.text
    status = {"at once": "Running", "later": "Scheduled", "never": "Not Started"}[starts]
    assert (await tenant.get(campaign["id"]))["status"] == status


async def test_no_voice_is_the_accounts_default(tenant: Tenant, sessions: SessionFactory) -> None:
    await execute(sessions, "UPDATE accounts SET default_voice_id = 4")
    campaign = await tenant.ready(voice=None)
    assert (await tenant.run(campaign["id"])).status_code == 200
    assert await scalar(sessions, "SELECT call_content ->> 'voice_id' FROM plans") == "4"
    assert (await tenant.get(campaign["id"]))["voice"] is None


@pytest.mark.parametrize(("limit", "kept"), [(None, None), (0, 0), ("25", 25), (3.0, 3)])
async def test_no_credit_limit_is_null_or_zero(
    tenant: Tenant, sessions: SessionFactory, limit: Any, kept: Any
) -> None:
    campaign = await tenant.ready(credit_limit=limit)
    assert campaign["credit_limit"] == kept
    assert (await tenant.run(campaign["id"])).status_code == 200
    assert await scalar(sessions, "SELECT credit_limit FROM plans") == (kept or None)


async def test_deletion_keeps_the_ledger(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    before = await scalar(sessions, "SELECT count(*) FROM ledger_entries")
    assert before > 0
    await tenant.run(campaign["id"])
    await tenant.http.delete(f"campaign/{campaign['id']}/")
    assert await scalar(sessions, "SELECT count(*) FROM ledger_entries") >= before
    assert await scalar(sessions, "SELECT count(*) FROM contacts") == 0


@pytest.mark.parametrize(
    ("written", "kept"), [(1, "1.00"), ("1.2", "1.20"), (0.5, "0.50"), ("2.00", "2.00"), (None, "1.00")]
)
async def test_length_factor_has_two_decimals(tenant: Tenant, written: Any, kept: str) -> None:
    campaign = await tenant.create(length_factor=written)
    assert campaign["length_factor"] == kept


@pytest.mark.parametrize("written", ["0.49", 2.01, "slow", True])
async def test_length_factor_beyond_half_and_double_is_refused(tenant: Tenant, written: Any) -> None:
    campaign = await tenant.create()
    path = f"campaign/create/{campaign['id']}/message/"
    answer = await tenant.http.patch(path, json={"voice": 1, "category": "Text", "length_factor": written})
    assert answer.status_code == 400
    assert answer.json()["length_factor"]


async def test_variables_that_no_message_uses_are_kept_as_they_came(tenant: Tenant) -> None:
    campaign = await tenant.create(message="{name}")
    (contact,) = await tenant.add(campaign["id"], "9841000001", name="राम ", unused=[1, {"a": None}])
    path = f"campaign/{contact['id']}/attributes/"
    assert (await tenant.http.patch(path, json={"age": 2.5})).status_code == 200
    assert (await tenant.http.get(path)).json() == {"name": "राम ", "unused": [1, {"a": None}], "age": 2.5}


async def test_two_services_are_two_targets_a_contact(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready(services="SMS & PHONE")
    await tenant.run(campaign["id"])
    rows = "SELECT string_agg(channel, ' ' ORDER BY channel) FROM targets GROUP BY contact_id LIMIT 1"
    assert await scalar(sessions, rows) == "call sms"
    await execute(
        sessions,
        "UPDATE targets SET state = 'final', outcome = 'completed', final_at = now() WHERE channel = 'sms'",
    )
    assert await scalar(sessions, "SELECT count(*) FROM targets WHERE state = 'waiting'") == 2
