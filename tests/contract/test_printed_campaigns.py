"""Every example of the vendor's page on campaigns: the command as printed, the printed answer's shape."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from printed import assert_like, curl, json_of

from api_world import Tenant, execute
from ghanti.campaigns import repository
from ghanti.database.session import SessionFactory

VOICES = """[
  { "id": 1, "voice_display_name": "Rija", "voice_internal_name": "np_rija", "is_premium": false },
  { "id": 2, "voice_display_name": "Rija premium", "voice_internal_name": "np_rija", "is_premium": true },
  { "id": 3, "voice_display_name": "Prashanna", "voice_internal_name": "np_prashanna", "is_premium": false },
  { "id": 4, "voice_display_name": "Binod", "voice_internal_name": "np_binod", "is_premium": false },
  { "id": 5, "voice_display_name": "Shreegya", "voice_internal_name": "np_shreegya", "is_premium": false }
]"""

LISTED = """{
  "count": 2,
  "total_pages": 1,
  "next": null,
  "previous": null,
  "results": [
    {
      "id": 858,
      "name": "rockabye",
      "services": "PHONE",
      "status": "Completed",
      "sms_message": "",
      "message": "नमस्ते तिङ्तिङ् मा स्वागत् छ ",
      "description": "",
      "schedule": null,
      "audio_file": null,
      "bulk_file": null,
      "category": "Text",
      "user_phone": [12],
      "campaign_action_count": 4,
      "progress_percent": 100,
      "updated_at": "2025-07-07T11:38:24.219065+05:45",
      "credit_limit": null,
      "voice": {
        "id": 5,
        "voice_display_name": "Shreegya",
        "voice_internal_name": "np_shreegya",
        "is_premium": false
      },
      "draft": false,
      "failover_target": [],
      "length_factor": "1.00"
    }
  ]
}"""

CREATE = """curl --request POST \\
  --url https://app.tingting.io/api/v1/campaign/create/ \\
  --header 'Authorization: Bearer YOUR_TOKEN' \\
  --header 'Content-Type: application/json' \\
  --data '{
    "name": "example test campaign",
    "services": "PHONE",
    "user_phone": [3],
    "message": "नमस्ते तिङ्तिङ् मा स्वागत् छ",
    "sms_message": "नमस्ते तिङ्तिङ् मा स्वागत् छ",
    "description": "Test message",
    "schedule": "2025-07-08"
  }'"""

CREATED = """{
  "id": 79,
  "name": "example test campaign",
  "services": "PHONE",
  "status": "Not Started",
  "sms_message": "नमस्ते तिङ्तिङ् मा स्वागत् छ",
  "message": "नमस्ते तिङ्तिङ् मा स्वागत् छ",
  "description": "Test message",
  "schedule": "2025-07-08T00:00:00+05:45",
  "audio_file": null,
  "bulk_file": null,
  "category": null,
  "user_phone": [3],
  "campaign_action_count": 0,
  "progress_percent": 0,
  "updated_at": "2025-07-07T14:01:50.508344+05:45",
  "credit_limit": null,
  "voice": null,
  "draft": false,
  "failover_target": [],
  "length_factor": "1.00"
}"""

DETAIL = """{
  "id": 79,
  "name": "example test campaign example",
  "services": "SMS & PHONE",
  "status": "Not Started",
  "sms_message": "नमस्ते तिङ्तिङ् म स्वागत् छ ",
  "message": "नमस्ते तिङ्तिङ् म स्वागत् छ ",
  "description": "Test message",
  "schedule": "2025-07-09T00:00:00+05:45",
  "audio_file": null,
  "bulk_file": null,
  "category": "example category",
  "user_phone": [3],
  "campaign_action_count": 1,
  "progress_percent": 0,
  "updated_at": "2025-07-07T14:01:50.508344+05:45",
  "credit_limit": 100,
  "voice": 3,
  "draft": false,
  "failover_target": [],
  "length_factor": "1.00"
}"""

CONTACT = """{"id": 125, "number": "9841349152", "status": "not started",
 "updated_at": "2025-07-08T16:52:53.054691+05:45", "call_duration": "0s", "playback": "",
 "credit_consumed": 0, "credit_consumed_SMS": 0, "carrier": "NTC"}"""

BULK_CONTACT = """{"id": 9801692, "updated_at": "Jan. 27, 2026, 05:19 PM",
 "created_at": "2026-01-27T17:19:46.911153+05:45", "deleted_at": null, "number": "1231231234",
 "status": "not started", "other_variables": {}, "credit_consumed": 0, "credit_consumed_SMS": 0,
 "duration": "", "playback": "", "uuid": "2f9b0f39-2b4c-4c49-b3a5-6ab27ea4b4dc",
 "failover_sms_sent": false, "campaing": 3278}"""


async def test_voices(printed: Tenant) -> None:
    answer = await curl(
        printed,
        """curl --request GET \\
  --url https://app.tingting.io/api/v1/voice-models/ \\
  --header 'Authorization: Bearer YOUR_TOKEN'""",
    )
    assert answer.status_code == 200
    printed_voices = json_of(VOICES)
    # Ours, which speak other languages, come after those that programs know.
    assert answer.json()[: len(printed_voices)] == printed_voices
    for ours in answer.json()[len(printed_voices) :]:
        assert_like(printed_voices[0], ours)


async def test_list(printed: Tenant, sessions: SessionFactory) -> None:
    fields = json_of(LISTED)["results"][0]
    for name in (fields["name"], "second"):
        made = await printed.create(name=name, message=fields["message"], sms_message="", voice=5)
        await printed.add(made["id"], *(f"98413491{index}0" for index in range(4)))
    await execute(sessions, "UPDATE campaigns SET status = 'Completed'")
    answer = await curl(
        printed,
        """curl --request GET \\
  --url 'https://app.tingting.io/api/v1/campaign/?limit=10&offset=0&status=Completed' \\
  --header 'Authorization: Bearer YOUR_TOKEN'""",
    )
    assert answer.status_code == 200
    assert_like(json_of(LISTED), answer.json())
    row = answer.json()["results"][-1]
    varying = ("id", "user_phone", "updated_at", "progress_percent")
    assert {key: row[key] for key in fields if key not in varying} == {
        key: value for key, value in fields.items() if key not in varying
    }
    assert (answer.json()["count"], answer.json()["total_pages"]) == (2, 1)


async def test_detail(printed: Tenant) -> None:
    example = json_of(DETAIL)
    fields = ("name", "services", "sms_message", "message", "description", "voice", "credit_limit")
    await printed.create(
        **{name: example[name] for name in fields}, user_phone=[3], schedule="2025-07-09", category="Text"
    )
    await printed.add(79, "9841349152")
    answer = await curl(
        printed,
        """curl --request GET \\
  --url https://app.tingting.io/api/v1/campaign/79/ \\
  --header 'Authorization: Bearer YOUR_TOKEN'""",
    )
    assert answer.status_code == 200
    assert_like(example, answer.json())
    # The printed category is no category of the service's; it has two.
    varying = {name: example[name] for name in ("updated_at", "category")}
    assert {name: answer.json()[name] for name in example} | varying == example


async def test_create(printed: Tenant) -> None:
    answer = await curl(printed, CREATE)
    assert answer.status_code == 201
    assert_like(json_of(CREATED), answer.json())
    example = json_of(CREATED)
    varying = {"updated_at": example["updated_at"]}
    assert {name: answer.json()[name] for name in example} | varying == example


async def test_message_step(campaign: Tenant) -> None:
    answer = await curl(
        campaign,
        """curl --request PATCH \\
  --url https://app.tingting.io/api/v1/campaign/create/79/message/ \\
  --header 'Authorization: Bearer YOUR_TOKEN' \\
  --header 'Content-Type: application/json' \\
  --data '{"voice": 3, "category": "Text"}'""",
    )
    assert answer.status_code == 200
    example = json_of("""{
  "voice": 3,
  "sms_message": "नमस्ते तिङ्तिङ् मा स्वागत् छ",
  "message": "नमस्ते तिङ्तिङ् मा स्वागत् छ",
  "category": "Text",
  "draft": false,
  "length_factor": "1.00"
}""")
    assert_like(example, answer.json())
    assert {key: answer.json()[key] for key in example} == example


async def test_add_one_contact(campaign: Tenant) -> None:
    """The message is printed; the contact beside it is what the vendor's own client reads."""
    answer = await curl(
        campaign,
        """curl --request POST \\
  --url https://app.tingting.io/api/v1/campaign/79/add-contact/ \\
  --header 'Authorization: Bearer YOUR_TOKEN' \\
  --header 'Content-Type: application/json' \\
  --data '{
    "number": 9823561098,
    "other_variables": {"age": 23, "name": "Rajesh", "salary": 50000}
  }'""",
    )
    assert answer.status_code == 201
    assert_like({"message": "New Contact added"}, answer.json())
    assert_like(json_of(CONTACT), answer.json())
    assert answer.json()["message"] == "New Contact added"
    assert answer.json()["number"] == "9823561098"
    assert answer.json()["attributes"] == {"age": 23, "name": "Rajesh", "salary": 50000}


async def test_add_many_contacts(campaign: Tenant) -> None:
    answer = await curl(
        campaign,
        """curl --request POST \\
  --url https://app.tingting.io/api/v1/campaign/79/add-contact/ \\
  --header 'Authorization: Bearer YOUR_TOKEN' \\
  --header 'Content-Type: application/json' \\
  --data '{
    "contacts": [
      {"number": "9841234567", "other_variables": {}},
      {"number": "9841234568"},
      {"number": "9841234569", "other_variables": {"name": "Jane"}}
    ]
  }'""",
    )
    assert answer.status_code == 201
    example = json_of("""{
  "created": 3,
  "skipped": 0,
  "contacts": [
    {"number": "9841234567"},
    {"number": "9841234568"},
    {"number": "9841234569"}
  ],
  "errors": []
}""")
    assert_like(example, answer.json())
    body = answer.json()
    assert [{"number": row["number"]} for row in body["contacts"]] == example["contacts"]
    assert (body["created"], body["skipped"], body["errors"]) == (3, 0, [])


async def test_fuller_contact_of_a_bulk_add(campaign: Tenant) -> None:
    """The one-key item comes first; the fuller item's other keys follow in the order they are printed in."""
    (contact,) = await campaign.add(79, "1231231234")
    assert next(iter(contact)) == "number"
    example = json_of(BULK_CONTACT)
    number = example.pop("number")
    assert_like(example, contact)
    assert (contact["number"], contact["campaing"]) == (number, 79)


async def test_upload(campaign: Tenant, workbook: Callable[..., bytes]) -> None:
    rows = [["number", "name", "age", "salary"], ["9841234567", "Rajesh", 23, 50000]]
    rows += [[9841300000 + index, "Sita", 24, 1] for index in range(149)]
    answer = await curl(
        campaign,
        """curl --request PATCH \\
  --url https://app.tingting.io/api/v1/campaign/create/79/detail/ \\
  --header 'Authorization: Bearer YOUR_TOKEN' \\
  --form 'bulk_file=@/path/to/contacts.xlsx'""",
        files={"bulk_file": ("contacts.xlsx", workbook(rows))},
    )
    assert answer.status_code == 200, answer.text
    example = json_of("""{
  "error_list": [],
  "samples": [
    {"column": "number", "sample": "9841234567"},
    {"column": "name", "sample": "Rajesh"},
    {"column": "age", "sample": "23"},
    {"column": "salary", "sample": "50000"}
  ],
  "total_validated_rows": 150
}""")
    assert_like(example, answer.json())
    samples = [{key: item[key] for key in ("column", "sample")} for item in answer.json()["samples"]]
    assert samples == example["samples"]
    assert answer.json()["total_validated_rows"] == 150


async def test_update(campaign: Tenant) -> None:
    answer = await curl(
        campaign,
        """curl --request PATCH \\
  --url https://app.tingting.io/api/v1/campaign/79/ \\
  --header 'Authorization: Bearer YOUR_TOKEN' \\
  --header 'Content-Type: application/json' \\
  --data '{"name": "updated name", "services": "SMS & PHONE", "schedule": "2025-07-09"}'""",
    )
    assert answer.status_code == 200
    assert_like(json_of(CREATED), answer.json())
    changed = {"name": "updated name", "services": "SMS & PHONE", "schedule": "2025-07-09T00:00:00+05:45"}
    assert {key: answer.json()[key] for key in changed} == changed


async def test_delete(campaign: Tenant) -> None:
    answer = await curl(
        campaign,
        """curl --request DELETE \\
  --url https://app.tingting.io/api/v1/campaign/79/ \\
  --header 'Authorization: Bearer YOUR_TOKEN'""",
    )
    assert answer.status_code == 200
    assert isinstance(answer.json()["message"], str)
    assert (await campaign.http.get("campaign/79/")).status_code == 404


async def test_contact_list(campaign: Tenant) -> None:
    await campaign.add(79, "9841349152", "9841349153", "9865349153")
    answer = await curl(
        campaign,
        """curl --request GET \\
  --url https://app.tingting.io/api/v1/campaign-detail/79/ \\
  --header 'Authorization: Bearer YOUR_TOKEN'""",
    )
    assert answer.status_code == 200
    envelope = {"count": 3, "total_pages": 1, "next": None, "previous": None, "results": [json_of(CONTACT)]}
    totals = {"total_credits_consumed": 0, "carrier_summary": {"NTC": 3}}
    assert_like(envelope | totals, answer.json())
    assert {key: answer.json()[key] for key in totals} == totals
    assert [row["number"] for row in answer.json()["results"]] == ["9865349153", "9841349153", "9841349152"]


async def test_attributes(campaign: Tenant) -> None:
    example = json_of("""{
  "age": 22,
  "name": "राहुल",
  "salary": "एक लाख "
}""")
    await campaign.add(79, "9841349152", **example)
    shown = await curl(
        campaign,
        """curl --request GET \\
  --url https://app.tingting.io/api/v1/campaign/42/attributes/ \\
  --header 'Authorization: Bearer YOUR_TOKEN'""",
    )
    assert shown.status_code == 200
    assert list(shown.json().items()) == list(example.items())
    changed = await curl(
        campaign,
        """curl --request PATCH \\
  --url https://app.tingting.io/api/v1/campaign/42/attributes/ \\
  --header 'Authorization: Bearer YOUR_TOKEN' \\
  --header 'Content-Type: application/json' \\
  --data '{"age": "22", "name": "Ram", "salary": "200000"}'""",
    )
    assert changed.status_code == 200
    assert changed.json() == {"age": "22", "name": "Ram", "salary": "200000"}


async def test_edit_number(campaign: Tenant) -> None:
    await campaign.add(79, "9841349152")
    answer = await curl(
        campaign,
        """curl --request PATCH \\
  --url https://app.tingting.io/api/v1/phone-number/update/42/ \\
  --header 'Authorization: Bearer YOUR_TOKEN' \\
  --header 'Content-Type: application/json' \\
  --data '{"number": 9808684325}'""",
    )
    assert answer.status_code == 200
    assert_like(json_of(CONTACT), answer.json())
    row = answer.json()
    assert (row["id"], row["number"], row["carrier"]) == (42, "9808684325", "Ncell")


async def test_delete_contact(campaign: Tenant) -> None:
    await campaign.add(79, "9841349152")
    answer = await curl(
        campaign,
        """curl --request DELETE \\
  --url https://app.tingting.io/api/v1/phone-number/delete/42/ \\
  --header 'Authorization: Bearer YOUR_TOKEN'""",
    )
    assert answer.status_code == 200
    assert answer.json() == {"message": "Successfully Deleted."}
    assert (await campaign.http.get("campaign-detail/79/")).json()["count"] == 0


RUN = """curl --request POST \\
  --url https://app.tingting.io/api/v1/run-campaign/79/ \\
  --header 'Authorization: Bearer YOUR_TOKEN'"""


async def test_run_at_a_schedule(campaign: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The printed date, 2082-03-25, is the ninth of July 2025 in the Bikram Sambat calendar."""

    async def clock(_session: object) -> datetime:
        return datetime(2025, 7, 8, 12, tzinfo=UTC)

    monkeypatch.setattr(repository, "clock", clock)
    await campaign.http.patch("campaign/79/", json={"schedule": "2025-07-09T14:46:00"})
    await campaign.add(79, "9841349152")
    answer = await curl(campaign, RUN)
    assert answer.status_code == 200
    example = json_of("""{
  "message": "Campaign Scheduled successfully for 2082-03-25 at 14:46:00"
}""")
    assert {"message": answer.json()["message"]} == example
    assert (await campaign.get(79))["status"] == "Scheduled"


async def test_run_at_once(campaign: Tenant) -> None:
    await campaign.http.patch("campaign/79/", json={"schedule": None})
    await campaign.add(79, "9841349152")
    answer = await curl(campaign, RUN)
    assert answer.status_code == 200
    assert answer.json()["message"] == "Campaign Began Successfully!!"


async def test_report(campaign: Tenant) -> None:
    await campaign.add(79, "9841349152", name="राम")
    answer = await curl(
        campaign,
        """curl --request GET \\
  --url https://app.tingting.io/api/v1/download/79/report/ \\
  --header 'Authorization: Bearer YOUR_TOKEN' \\
  --output campaign_report.csv""",
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert (row["number"], row["name"], row["status"]) == ("9841349152", "राम", "not started")
