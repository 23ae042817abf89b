"""Creating, changing, listing and deleting campaigns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from api_world import Tenant, execute, scalar
from ghanti.database.session import SessionFactory

LATER = (datetime.now(UTC) + timedelta(days=2)).isoformat()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": {}}, "name"),
        ({"services": "FAX"}, "services"),
        ({"user_phone": [999999]}, "user_phone"),
        ({"user_phone": "abc"}, "user_phone"),
        ({"user_phone": {"id": 1}}, "user_phone"),
        ({"schedule": "tomorrow"}, "schedule"),
        ({"schedule": "9999-12-31"}, "schedule"),
        ({"schedule": 5}, "schedule"),
        ({"voice": 99}, "voice"),
        ({"voice": "np_nobody"}, "voice"),
        ({"voice": True}, "voice"),
        ({"credit_limit": -1}, "credit_limit"),
        ({"credit_limit": 2**63}, "credit_limit"),
        ({"credit_limit": 1.5}, "credit_limit"),
        ({"category": "Video"}, "category"),
        ({"length_factor": "2.01"}, "length_factor"),
        ({"length_factor": "NaN"}, "length_factor"),
        ({"length_factor": 1e300}, "length_factor"),
        ({"draft": "maybe"}, "draft"),
        ({"failover_target": ["ringing"]}, "failover_target"),
    ],
)
async def test_create_names_the_wrong_field(tenant: Tenant, fields: dict[str, Any], wrong: str) -> None:
    body = {"name": "x", "services": "PHONE", "user_phone": [], "message": "y"} | fields
    answer = await tenant.http.post("campaign/create/", json=body)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()["errors"]) == [wrong]
    assert answer.json()[wrong] == answer.json()["errors"][wrong]
    assert (await tenant.http.get("campaign/")).json()["count"] == 0


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"services": "SMS"}, {"sms_message"}),
        ({"services": "SMS & PHONE"}, {"message", "sms_message"}),
        ({"services": "PHONE"}, {"message"}),
        ({"services": "PHONE", "category": "Audio"}, set()),
    ],
)
async def test_required_messages(tenant: Tenant, fields: dict[str, Any], missing: set[str]) -> None:
    answer = await tenant.http.post("campaign/create/", json={"name": "x", "user_phone": []} | fields)
    assert answer.status_code == (400 if missing else 201)
    assert set(answer.json().get("errors", {})) == missing


@pytest.mark.parametrize(
    ("voice", "expected"),
    [
        (3, 3),
        ("3", 3),
        ({"id": 3, "voice_internal_name": "np_prashanna"}, 3),
        ({"voice_internal_name": "np_binod"}, 4),
        ("np_binod", 4),
        (None, None),
    ],
)
async def test_every_way_to_name_a_voice(tenant: Tenant, voice: Any, expected: int | None) -> None:
    assert (await tenant.create(voice=voice))["voice"] == expected


async def test_premium_voice_needs_a_premium_account(tenant: Tenant, sessions: SessionFactory) -> None:
    assert (await tenant.create(voice=2))["voice"] == 2
    await execute(sessions, "UPDATE accounts SET premium = false")
    body = {"name": "x", "services": "PHONE", "user_phone": [], "message": "y", "voice": 2}
    answer = await tenant.http.post("campaign/create/", json=body)
    assert answer.status_code == 403
    assert "premium" in answer.json()["message"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2025-07-08", "2025-07-08T00:00:00+05:45"),
        ("2025-07-08T14:00:00", "2025-07-08T14:00:00+05:45"),
        ("2025-07-08T14:00:00.250Z", "2025-07-08T19:45:00.250000+05:45"),
        ("2025-07-08T14:00:00+05:45", "2025-07-08T14:00:00+05:45"),
        ("", None),
        (None, None),
    ],
)
async def test_schedule_forms(tenant: Tenant, written: str | None, read: str | None) -> None:
    assert (await tenant.create(schedule=written))["schedule"] == read


async def test_category_is_null_only_in_the_answer_to_create(tenant: Tenant) -> None:
    campaign = await tenant.create()
    assert campaign["category"] is None
    assert (await tenant.get(campaign["id"]))["category"] == "Text"
    assert (await tenant.http.get("campaign/")).json()["results"][0]["category"] == "Text"
    assert (await tenant.create(category="audio"))["category"] == "Audio"


async def test_message_step_needs_voice_and_category(tenant: Tenant) -> None:
    campaign = await tenant.create(draft=True)
    path = f"campaign/create/{campaign['id']}/message/"
    answer = await tenant.http.patch(path, json={})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"voice", "category"}
    assert (await tenant.http.put(path, json={"voice": "3", "category": "text"})).json()["draft"] is False
    empty = await tenant.http.post(path, json={"voice": 3, "category": "Text", "message": ""})
    assert empty.status_code == 400
    assert "message" in empty.json()["errors"]


async def test_updated_at_moves(tenant: Tenant) -> None:
    campaign = await tenant.create()
    answer = await tenant.http.patch(f"campaign/{campaign['id']}/", json={"name": "other"})
    assert answer.json()["updated_at"] > campaign["updated_at"]


async def test_only_harmless_fields_change_while_it_runs(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready()
    path = f"campaign/{campaign['id']}/"
    assert (await tenant.run(campaign["id"])).status_code == 200
    same = {**campaign, "name": "renamed", "description": "why", "credit_limit": 7}
    answer = await tenant.http.patch(path, json=same)
    assert answer.status_code == 200, answer.text
    assert answer.json()["credit_limit"] == 7
    assert await scalar(sessions, "SELECT credit_limit FROM plans") == 7
    barred = await tenant.http.patch(path, json={"message": "other", "voice": 4, "name": "again"})
    assert barred.status_code == 400
    assert set(barred.json()["errors"]) == {"message", "voice"}
    assert (await tenant.get(campaign["id"]))["name"] == "renamed"


async def test_schedule_moves_and_clears_a_scheduled_campaign(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    campaign = await tenant.ready(schedule=LATER)
    path = f"campaign/{campaign['id']}/"
    await tenant.run(campaign["id"])
    assert (await tenant.get(campaign["id"]))["status"] == "Scheduled"
    later = datetime.now(UTC) + timedelta(days=3)
    moved = await tenant.http.patch(path, json={"schedule": later.isoformat(), "message": "नयाँ"})
    assert moved.json()["status"] == "Scheduled"
    assert await scalar(sessions, "SELECT starts_at FROM plans") == later
    assert await scalar(sessions, "SELECT call_content #>> '{audios,message,template}' FROM plans") == "नयाँ"
    assert await scalar(sessions, "SELECT count(*) FROM targets") == 2

    cleared = await tenant.http.patch(path, json={"schedule": None})
    assert cleared.json()["status"] == "Not Started"
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 0
    assert (await tenant.run(campaign["id"])).json()["message"] == "Campaign Began Successfully!!"


async def test_delete_stops_and_removes(tenant: Tenant, sessions: SessionFactory, settings: Any) -> None:
    campaign = await tenant.create()
    upload = {"bulk_file": ("c.csv", b"number,name\n9841000001,a\n9841000002,b\n", "text/csv")}
    await tenant.http.patch(f"campaign/create/{campaign['id']}/detail/", files=upload)
    assert [path for path in settings.media_folder.rglob("*") if path.is_file()]
    await tenant.run(campaign["id"])
    assert (await tenant.http.delete(f"campaign/{campaign['id']}/")).status_code == 200
    assert await scalar(sessions, "SELECT count(*) FROM contacts") == 0
    assert await scalar(sessions, "SELECT count(*) FROM targets WHERE state <> 'final'") == 0
    assert await scalar(sessions, "SELECT state FROM plans") == "stopped"
    assert not [path for path in settings.media_folder.rglob("*") if path.is_file()]
    assert (await tenant.http.delete(f"campaign/{campaign['id']}/")).status_code == 404


class TestList:
    @pytest.fixture
    async def listed(self, tenant: Tenant, sessions: SessionFactory) -> Tenant:
        for index, (name, draft) in enumerate(
            [("Water tax", False), ("100% off_", True), ("Land TAX", False), ("school", False)]
        ):
            campaign = await tenant.create(name=name, draft=draft)
            await execute(
                sessions,
                "UPDATE campaigns SET updated_at = :at WHERE id = :id",
                at=datetime(2026, 1, 1 + index, 12, tzinfo=UTC),
                id=campaign["id"],
            )
        await execute(sessions, "UPDATE campaigns SET status = 'Completed' WHERE name = 'school'")
        return tenant

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ({}, ["school", "Land TAX", "100% off_", "Water tax"]),
            ({"sort_by": "asc"}, ["Water tax", "100% off_", "Land TAX", "school"]),
            ({"sort_by": "des", "limit": "1"}, ["school"]),
            ({"search": "tax"}, ["Land TAX", "Water tax"]),
            ({"search": "0%"}, ["100% off_"]),
            ({"search": "_"}, ["100% off_"]),
            ({"draft": "true"}, ["100% off_"]),
            ({"draft": "True"}, ["100% off_"]),
            ({"draft": "False"}, ["school", "Land TAX", "Water tax"]),
            ({"status": "Completed"}, ["school"]),
            ({"status": "CampaignStatus.COMPLETED"}, ["school"]),
            ({"from_date": str(int(datetime(2026, 1, 3, tzinfo=UTC).timestamp()))}, ["school", "Land TAX"]),
            (
                {"to_date": str(int(datetime(2026, 1, 2, 0, 30, tzinfo=UTC).timestamp()))},
                ["100% off_", "Water tax"],
            ),
            ({"offset": "3"}, ["Water tax"]),
            ({"offset": "50"}, []),
            ({"page": "2", "limit": "3"}, ["Water tax"]),
        ],
    )
    async def test_filters(self, listed: Tenant, query: dict[str, str], names: list[str]) -> None:
        answer = await listed.http.get("campaign/", params=query)
        assert answer.status_code == 200, answer.text
        assert [row["name"] for row in answer.json()["results"]] == names

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": "0"},
            {"limit": "-1"},
            {"limit": "ten"},
            {"offset": "-1"},
            {"offset": "9" * 30},
            {"page": "0"},
            {"status": "completed"},
            {"draft": "perhaps"},
            {"sort_by": "name"},
            {"from_date": "yesterday"},
            {"to_date": "9" * 18},
            {"search": "a\0b"},
        ],
    )
    async def test_wrong_filters(self, tenant: Tenant, query: dict[str, str]) -> None:
        answer = await tenant.http.get("campaign/", params=query)
        assert answer.status_code == 400, answer.text
        assert answer.json()["message"]

    async def test_pages_follow_each_other(self, listed: Tenant) -> None:
        names, url = [], "campaign/?limit=2&draft=&search="
        while url is not None:
            page = (await listed.http.get(url)).json()
            names += [row["name"] for row in page["results"]]
            url = page["next"]
        assert names == ["school", "Land TAX", "100% off_", "Water tax"]
        assert parse_qs(urlsplit(page["previous"]).query)["offset"] == ["0"]

    async def test_limit_is_capped(self, listed: Tenant) -> None:
        assert (await listed.http.get("campaign/?limit=1000000")).json()["total_pages"] == 1
