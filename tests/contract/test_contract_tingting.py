"""Every printed example of the vendor's pages: sent as printed, answered in the printed shape.

Every printed key is there, with the printed type, in the printed relative order; more keys are allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from api_world import Tenant, execute
from ghanti.campaigns import schedule
from ghanti.database.session import SessionFactory, transaction
from ghanti.trunks.models import CallerNumber

MESSAGE = "नमस्ते तिङ्तिङ् मा स्वागत् छ"

VOICES = [
    {"id": 1, "voice_display_name": "Rija", "voice_internal_name": "np_rija", "is_premium": False},
    {"id": 2, "voice_display_name": "Rija premium", "voice_internal_name": "np_rija", "is_premium": True},
    {
        "id": 3,
        "voice_display_name": "Prashanna",
        "voice_internal_name": "np_prashanna",
        "is_premium": False,
    },
    {"id": 4, "voice_display_name": "Binod", "voice_internal_name": "np_binod", "is_premium": False},
    {"id": 5, "voice_display_name": "Shreegya", "voice_internal_name": "np_shreegya", "is_premium": False},
]

CREATE = {
    "name": "example test campaign",
    "services": "PHONE",
    "user_phone": [3],
    "message": MESSAGE,
    "sms_message": MESSAGE,
    "description": "Test message",
    "schedule": "2025-07-08",
}

CREATED = {
    "id": 79,
    "name": "example test campaign",
    "services": "PHONE",
    "status": "Not Started",
    "sms_message": MESSAGE,
    "message": MESSAGE,
    "description": "Test message",
    "schedule": "2025-07-08T00:00:00+05:45",
    "audio_file": None,
    "bulk_file": None,
    "category": None,
    "user_phone": [3],
    "campaign_action_count": 0,
    "progress_percent": 0,
    "updated_at": "2025-07-07T14:01:50.508344+05:45",
    "credit_limit": None,
    "voice": None,
    "draft": False,
    "failover_target": [],
    "length_factor": "1.00",
}

LISTED = {
    "count": 2,
    "total_pages": 1,
    "next": None,
    "previous": None,
    "results": [
        CREATED
        | {
            "id": 858,
            "name": "rockabye",
            "status": "Completed",
            "schedule": None,
            "category": "Text",
            "campaign_action_count": 4,
            "progress_percent": 100,
            "voice": VOICES[4],
        }
    ],
}

CONTACT = {
    "id": 125,
    "number": "9841349152",
    "status": "not started",
    "updated_at": "2025-07-08T16:52:53.054691+05:45",
    "call_duration": "0s",
    "playback": "",
    "credit_consumed": 0,
    "credit_consumed_SMS": 0,
    "carrier": "NTC",
}

BULK_CONTACT = {
    "id": 9801692,
    "updated_at": "Jan. 27, 2026, 05:19 PM",
    "created_at": "2026-01-27T17:19:46.911153+05:45",
    "deleted_at": None,
    "status": "not started",
    "other_variables": {},
    "credit_consumed": 0,
    "credit_consumed_SMS": 0,
    "duration": "",
    "playback": "",
    "uuid": "2f9b0f39-2b4c-4c49-b3a5-6ab27ea4b4dc",
    "failover_sms_sent": False,
    "campaing": 3278,
}


def assert_like(printed: Any, actual: Any, where: str = "answer") -> None:
    """The actual value has the printed one's keys in its order, and its types; null prints no type."""
    if printed is None:
        return
    assert type(actual) is type(printed), f"{where}: {actual!r}, printed {printed!r}"
    if isinstance(printed, dict):
        assert [key for key in actual if key in printed] == list(printed), where
        for key, value in printed.items():
            assert_like(value, actual[key], f"{where}.{key}")
    if isinstance(printed, list) and printed:
        assert actual, where
        for item in actual:
            assert_like(printed[0], item, where)


@pytest.fixture
async def printed(tenant: Tenant, sessions: SessionFactory) -> Tenant:
    """An account whose rows get the printed ids: caller number 3, campaign 79, contact 42."""
    async with transaction(sessions) as session:
        session.add(CallerNumber(id=3, number="+97715970425", account_id=tenant.account_id))
    await execute(sessions, "ALTER TABLE campaigns ALTER id RESTART WITH 79")
    await execute(sessions, "ALTER TABLE contacts ALTER id RESTART WITH 42")
    return tenant


@pytest.fixture
async def campaign(printed: Tenant) -> Tenant:
    assert (await printed.http.post("campaign/create/", json=CREATE)).json()["id"] == 79
    return printed


async def test_voices(tenant: Tenant) -> None:
    answer = await tenant.http.get("voice-models/")
    assert answer.status_code == 200
    assert answer.json() == VOICES


async def test_caller_numbers(printed: Tenant, sessions: SessionFactory) -> None:
    async with transaction(sessions) as session:
        session.add(CallerNumber(id=9, number="+97715970969", account_id=None))
    shared = await printed.http.get("active-broker-phone/")
    assert shared.json() == [{"id": 9, "phone_number": "+97715970969"}]
    own = await printed.http.get("phone-number/active/")
    assert {"id": 3, "phone_number": "+97715970425"} in own.json()
    assert {"id": 9, "phone_number": "+97715970969"} not in own.json()


async def test_create(printed: Tenant) -> None:
    answer = await printed.http.post("campaign/create/", json=CREATE)
    assert answer.status_code == 201
    assert_like(CREATED, answer.json())
    assert answer.json() | {"updated_at": CREATED["updated_at"]} == CREATED


async def test_one_field_create_of_the_overview(tenant: Tenant) -> None:
    answer = await tenant.http.post("campaign/create/", json={"name": "My Campaign"})
    assert answer.status_code == 400
    assert isinstance(answer.json()["message"], str)
    assert answer.json()["errors"].keys() == {"services", "user_phone", "message"}


async def test_list(campaign: Tenant, sessions: SessionFactory) -> None:
    await campaign.http.patch("campaign/create/79/message/", json={"voice": 5, "category": "Text"})
    await execute(sessions, "UPDATE campaigns SET status = 'Completed'")
    answer = await campaign.http.get("campaign/?limit=10&offset=0&status=Completed")
    assert answer.status_code == 200
    assert_like(LISTED, answer.json())
    assert answer.json()["results"][0]["voice"] == VOICES[4]


async def test_detail(campaign: Tenant) -> None:
    await campaign.http.patch("campaign/create/79/message/", json={"voice": 3, "category": "Text"})
    answer = await campaign.http.get("campaign/79/")
    assert answer.status_code == 200
    assert_like(CREATED | {"category": "Text", "voice": 3}, answer.json())


async def test_message_step(campaign: Tenant) -> None:
    answer = await campaign.http.patch("campaign/create/79/message/", json={"voice": 3, "category": "Text"})
    assert answer.status_code == 200
    assert list(answer.json().items()) == [
        ("voice", 3),
        ("sms_message", MESSAGE),
        ("message", MESSAGE),
        ("category", "Text"),
        ("draft", False),
        ("length_factor", "1.00"),
    ]


async def test_add_one_contact(campaign: Tenant) -> None:
    body = {"number": 9823561098, "other_variables": {"age": 23, "name": "Rajesh", "salary": 50000}}
    answer = await campaign.http.post("campaign/79/add-contact/", json=body)
    assert answer.status_code == 201
    assert answer.json()["message"] == "New Contact added"
    assert_like(CONTACT, {key: value for key, value in answer.json().items() if key != "message"})
    assert answer.json()["attributes"] == body["other_variables"]
    assert answer.json()["number"] == "9823561098"


async def test_add_many_contacts(campaign: Tenant) -> None:
    contacts = [
        {"number": "9841234567", "other_variables": {}},
        {"number": "9841234568"},
        {"number": "9841234569", "other_variables": {"name": "Jane"}},
    ]
    answer = await campaign.http.post("campaign/79/add-contact/", json={"contacts": contacts})
    assert answer.status_code == 201
    body = answer.json()
    assert list(body) == ["created", "skipped", "contacts", "errors"]
    assert (body["created"], body["skipped"], body["errors"]) == (3, 0, [])
    assert [contact["number"] for contact in body["contacts"]] == [item["number"] for item in contacts]
    assert next(iter(body["contacts"][0])) == "number"
    assert_like(BULK_CONTACT, body["contacts"][0])
    assert body["contacts"][0]["campaing"] == 79


async def test_upload(campaign: Tenant, workbook: Callable[..., bytes]) -> None:
    rows = [
        ["number", "name", "age", "salary"],
        ["9841234567", "Rajesh", 23, 50000],
        [9841234568, "Sita", 24, 1],
    ]
    file = {"bulk_file": ("contacts.xlsx", workbook(rows))}
    answer = await campaign.http.patch("campaign/create/79/detail/", files=file)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body)[:3] == ["error_list", "samples", "total_validated_rows"]
    assert body["error_list"] == []
    assert [(item["column"], item["sample"]) for item in body["samples"]] == [
        ("number", "9841234567"),
        ("name", "Rajesh"),
        ("age", "23"),
        ("salary", "50000"),
    ]
    assert body["samples"][2]["values"] == [23, 24]
    assert body["total_validated_rows"] == 2


@pytest.mark.parametrize("method", ["PATCH", "PUT", "POST"])
async def test_update(campaign: Tenant, method: str) -> None:
    body = {"name": "updated name", "services": "SMS & PHONE", "schedule": "2025-07-09"}
    answer = await campaign.http.request(method, "campaign/79/", json=body)
    assert answer.status_code == 200
    assert_like(CREATED, answer.json())
    assert answer.json()["name"] == "updated name"
    assert answer.json()["services"] == "SMS & PHONE"
    assert answer.json()["schedule"] == "2025-07-09T00:00:00+05:45"
    assert answer.json()["category"] == "Text"


async def test_delete(campaign: Tenant) -> None:
    answer = await campaign.http.delete("campaign/79/")
    assert answer.status_code == 200
    assert answer.json()["message"]
    assert (await campaign.http.get("campaign/79/")).status_code == 404


async def test_contact_list(campaign: Tenant) -> None:
    await campaign.add(79, "9841349152")
    answer = await campaign.http.get("campaign-detail/79/")
    assert answer.status_code == 200
    printed = {
        "count": 1,
        "total_pages": 1,
        "next": None,
        "previous": None,
        "results": [CONTACT],
        "total_credits_consumed": 0,
        "carrier_summary": {"NTC": 3},
    }
    assert_like(printed, answer.json())
    assert answer.json()["carrier_summary"] == {"NTC": 1}


async def test_attributes(campaign: Tenant) -> None:
    variables = {"age": 22, "name": "राहुल", "salary": "एक लाख "}
    await campaign.add(79, "9841349152", **variables)
    answer = await campaign.http.get("campaign/42/attributes/")
    assert list(answer.json().items()) == list(variables.items())
    changed = {"age": "22", "name": "Ram", "salary": "200000"}
    assert (await campaign.http.patch("campaign/42/attributes/", json=changed)).json() == changed


async def test_edit_number(campaign: Tenant) -> None:
    await campaign.add(79, "9841349152")
    answer = await campaign.http.patch("phone-number/update/42/", json={"number": 9808684325})
    assert answer.status_code == 200
    assert_like(CONTACT, answer.json())
    assert (answer.json()["number"], answer.json()["carrier"]) == ("9808684325", "Ncell")


async def test_delete_contact(campaign: Tenant) -> None:
    await campaign.add(79, "9841349152")
    answer = await campaign.http.delete("phone-number/delete/42/")
    assert answer.status_code == 200
    assert answer.json() == {"message": "Successfully Deleted."}
    assert (await campaign.http.get("campaign-detail/79/")).json()["count"] == 0


async def test_run_at_a_schedule(campaign: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "utc_now", lambda: datetime(2025, 7, 8, 12, tzinfo=UTC))
    await campaign.http.patch("campaign/79/", json={"schedule": "2025-07-09T14:46:00"})
    await campaign.add(79, "9841349152")
    answer = await campaign.http.post("run-campaign/79/")
    assert answer.status_code == 200
    assert answer.json()["message"] == "Campaign Scheduled successfully for 2082-03-25 at 14:46:00"
    assert type(answer.json()["remaining_sms_credits"]) is int
    assert type(answer.json()["remaining_phone_credits"]) is int
    assert (await campaign.get(79))["status"] == "Scheduled"


async def test_run_at_once(campaign: Tenant) -> None:
    await campaign.http.patch("campaign/79/", json={"schedule": None})
    await campaign.add(79, "9841349152")
    answer = await campaign.http.post("run-campaign/79/")
    assert answer.json()["message"] == "Campaign Began Successfully!!"


@pytest.mark.parametrize("path", ["download/79/report/", "download/report/79/"])
async def test_report(campaign: Tenant, path: str) -> None:
    await campaign.add(79, "9841349152", name="राम")
    answer = await campaign.http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.content.startswith(b"\xef\xbb\xbf")
    header = answer.content.decode("utf-8-sig").splitlines()[0]
    assert header == (
        "number,name,status,call_duration,duration_seconds,playback,credit_consumed,credit_consumed_SMS,"
        "sms_status,carrier,attempts,started_at,ended_at,reason"
    )


async def test_login_refresh_and_tokens(tenant: Tenant, http: httpx.AsyncClient) -> None:
    login = await http.post("auths/login/", json={"email": tenant.email, "password": "correct horse"})
    assert login.status_code == 200
    assert list(login.json().items()) == [("has_logged_in", True), ("message", "Login Successful")]
    refreshed = await http.post("auths/login/refresh/")
    assert refreshed.status_code == 200
    assert refreshed.json() == {"message": "Session Refreshed Successfully"}
    generated = await http.post("auths/generate-api-keys/")
    assert generated.status_code == 200
    assert list(generated.json()) == ["token", "message"]
    assert len(bytes.fromhex(generated.json()["token"])) == 32
    assert generated.json()["message"] == "New API token generated successfully"
    bearer = {"Authorization": f"Bearer {generated.json()['token']}"}
    shown = await http.get("auths/get-api-keys/", headers=bearer)
    example = {
        "token": "39106a38ac483eb4625308fe98411588",
        "last_used": "2025-02-20T14:30:00.000Z",
        "created_at": "2025-03-14T14:30:00.000Z",
    }
    assert_like(example, shown.json())
    assert [len(shown.json()[key]) for key in ("last_used", "created_at")] == [24, 24]


async def test_profile(tenant: Tenant) -> None:
    example = {
        "id": 35,
        "user": {"first_name": "Ram", "last_name": "Thapa", "username": "ramthapa", "email": "…"},
        "profile_picture": "https://app.tingting.io/media/account/1/profile_image.jpg",
        "contact_no": "9808365218",
        "address": "Lalitpur",
        "is_verified_contact": True,
    }
    assert_like(example, (await tenant.http.get("auths/user-profile/")).json())


async def test_pagination_envelope(tenant: Tenant) -> None:
    for index in range(3):
        await tenant.create(name=f"tax {index}")
    answer = (await tenant.http.get("campaign/?limit=1&offset=1&search=tax")).json()
    assert list(answer) == ["count", "total_pages", "next", "previous", "results"]
    assert (answer["count"], answer["total_pages"]) == (3, 3)
    assert answer["next"] == "http://ghanti.test/api/v1/campaign/?search=tax&limit=1&offset=2"
    assert answer["previous"] == "http://ghanti.test/api/v1/campaign/?search=tax&limit=1&offset=0"


async def test_refresh_errors_as_printed(http: httpx.AsyncClient) -> None:
    absent = await http.post("auths/login/refresh/")
    assert (absent.status_code, absent.json()) == (400, {"message": "No refresh token provided"})
    malformed = await http.post("auths/login/refresh/", json={"refresh": "not a token"})
    assert (malformed.status_code, malformed.json()) == (400, {"detail": "Invalid token payload."})
