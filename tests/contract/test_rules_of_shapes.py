"""What answers look like where the vendor's pages are silent or disagree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_world import Tenant, execute
from ghanti.database.session import SessionFactory


async def test_errors_of_an_add_name_item_number_field_and_message(tenant: Tenant) -> None:
    """A list, never null; the good items are kept beside the bad ones."""
    campaign = await tenant.create()
    path = f"campaign/{campaign['id']}/add-contact/"
    items = [{"number": "9841000001"}, {"number": "12"}, {"number": "9841000002", "other_variables": [1]}]
    answer = await tenant.http.post(path, json={"contacts": items})
    assert answer.status_code == 201
    assert answer.json()["created"] == 1
    assert [error["index"] for error in answer.json()["errors"]] == [1, 2]
    assert answer.json()["errors"][0]["number"] == "12"
    for error in answer.json()["errors"]:
        assert list(error) == ["index", "number", "field", "message"]
        assert isinstance(error["message"], str)


async def test_errors_of_an_upload_name_row_number_field_and_message(tenant: Tenant) -> None:
    campaign = await tenant.create()
    file = {"bulk_file": ("c.csv", b"number,name\n9841000001,a\n12,b\n", "text/csv")}
    answer = await tenant.http.patch(f"campaign/create/{campaign['id']}/detail/", files=file)
    assert answer.status_code == 200
    assert answer.json()["total_validated_rows"] == 1
    (error,) = answer.json()["error_list"]
    assert list(error) == ["row", "number", "field", "message"]
    assert (error["row"], error["field"]) == (3, "number")


async def test_sample_is_the_first_value_that_is_not_empty(
    tenant: Tenant, workbook: Callable[..., bytes]
) -> None:
    """As text, with up to three typed values in a key of their own."""
    campaign = await tenant.create()
    rows: list[list[Any]] = [["number", "age", "note"]]
    rows += [[9841000000 + index, index + 20 if index else None, None] for index in range(6)]
    file = {"bulk_file": ("c.xlsx", workbook(rows))}
    answer = await tenant.http.patch(f"campaign/create/{campaign['id']}/detail/", files=file)
    assert answer.status_code == 200, answer.text
    by_column = {item["column"]: item for item in answer.json()["samples"]}
    assert (by_column["age"]["sample"], by_column["age"]["values"]) == ("21", [21, 22, 23])
    assert by_column["note"]["sample"] == ""
    assert by_column["number"]["sample"] == "9841000000"


async def test_category_is_text_in_every_answer_but_that_to_create(tenant: Tenant) -> None:
    campaign = await tenant.create()
    assert campaign["category"] is None
    path = f"campaign/{campaign['id']}/"
    assert (await tenant.http.patch(path, json={"name": "other"})).json()["category"] == "Text"
    assert (await tenant.get(campaign["id"]))["category"] == "Text"
    assert (await tenant.http.get("campaign/")).json()["results"][0]["category"] == "Text"
    for spelling in ("AUDIO", "audio", "Audio"):
        assert (await tenant.http.patch(path, json={"category": spelling})).json()["category"] == "Audio"
    refused = await tenant.http.patch(path, json={"category": "Video"})
    assert refused.status_code == 400
    assert refused.json()["category"] == ["Enter Text or Audio."]


@pytest.mark.parametrize("services", ["PHONE", "SMS", "SMS & PHONE", "SURVEY"])
@pytest.mark.parametrize("category", ["Text", "Audio"])
async def test_create_needs_what_its_services_use(tenant: Tenant, services: str, category: str) -> None:
    """A spoken message unless a file or a survey is played; a written one whenever texts are sent."""
    wanted = {"name", "user_phone"}
    if "PHONE" in services and category == "Text":
        wanted.add("message")
    if "SMS" in services:
        wanted.add("sms_message")
    answer = await tenant.http.post("campaign/create/", json={"services": services, "category": category})
    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == wanted
    body: dict[str, Any] = {"services": services, "category": category}
    body |= {name: [] if name == "user_phone" else "x" for name in wanted}
    assert (await tenant.http.post("campaign/create/", json=body)).status_code == 201


async def test_statuses_of_what_makes_and_what_removes(tenant: Tenant) -> None:
    """201 for what is new, 200 when everything was there already, 200 with a message for a deletion."""
    campaign = await tenant.create()
    path = f"campaign/{campaign['id']}/add-contact/"
    body = {"contacts": [{"number": "9841000001"}]}
    assert (await tenant.http.post(path, json=body)).status_code == 201
    assert (await tenant.http.post(path, json=body)).status_code == 200
    assert (await tenant.http.post(path, json={"number": "9841000002"})).status_code == 201
    deleted = await tenant.http.delete(f"campaign/{campaign['id']}/")
    assert deleted.status_code == 200
    assert list(deleted.json())[:2] == ["message", "data"]
    generated = await tenant.http.post("auths/generate-api-keys/")
    assert generated.status_code == 200


@pytest.mark.parametrize(
    ("path", "has_data"),
    [
        ("run-campaign/{campaign}/", False),
        ("run-survey/{campaign}/", True),
        ("demo-call/{contact}/", True),
        ("test-survey/{contact}/", True),
    ],
)
async def test_what_starts_answers_what_is_left(tenant: Tenant, path: str, *, has_data: bool) -> None:
    """And what it started, where no page of the vendor prints another answer."""
    steps = [{"content_type": "say", "text_or_url": "x", "response_type": "none"}]
    campaign = await tenant.create(services="SURVEY", steps=steps)
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    answer = await tenant.http.post(path.format(campaign=campaign["id"], contact=contact["id"]))
    assert answer.status_code == 200, answer.text
    left = {"remaining_sms_credits": 1000, "remaining_phone_credits": 1000}
    assert list(answer.json()) == ["message", *(["data"] if has_data else []), *left]
    assert {name: answer.json()[name] for name in left} == left
    assert isinstance(answer.json().get("data", {}), dict)


async def test_stop_answers_the_campaign_and_what_is_left(tenant: Tenant) -> None:
    campaign = await tenant.ready()
    await tenant.run(campaign["id"])
    stop = await tenant.http.post(f"campaign/emergency-stop/{campaign['id']}/")
    assert list(stop.json()) == ["message", "data", "remaining_sms_credits", "remaining_phone_credits"]
    assert stop.json()["data"]["status"] == "Terminated"


async def test_public_url_leads_pages_and_files(tenant: Tenant, app: FastAPI) -> None:
    app.state.parts.settings.public_url = "https://calls.example.org"
    campaign = await tenant.create()
    await tenant.create()
    file = {"bulk_file": ("c.csv", b"number\n9841000001\n", "text/csv")}
    await tenant.http.patch(f"campaign/create/{campaign['id']}/detail/", files=file)
    page = (await tenant.http.get("campaign/?limit=1&search=tax")).json()
    assert page["next"] == "https://calls.example.org/api/v1/campaign/?search=tax&limit=1&offset=1"
    bulk_file = (await tenant.get(campaign["id"]))["bulk_file"]
    assert bulk_file.startswith("https://calls.example.org/api/v1/media/")
    path = bulk_file.removeprefix("https://calls.example.org/api/v1/")
    fetched = await tenant.http.get(path, headers={"Authorization": ""})
    assert fetched.content == file["bulk_file"][1]


async def test_pages_keep_their_filters_and_their_limit(tenant: Tenant) -> None:
    """Ten rows unless told otherwise; rows of one moment stand by id, the newest first."""
    for index in range(12):
        await tenant.create(name=f"tax {index}")
    answer = (await tenant.http.get("campaign/?limit=5&offset=5&search=tax&status=Not%20Started")).json()
    base = "http://ghanti.test/api/v1/campaign/?search=tax&status=Not+Started&limit=5&offset="
    assert (answer["count"], answer["total_pages"]) == (12, 3)
    assert (answer["next"], answer["previous"]) == (f"{base}10", f"{base}0")
    assert len((await tenant.http.get("campaign/")).json()["results"]) == 10
    past = await tenant.http.get("campaign/?offset=100")
    assert (past.status_code, past.json()["results"], past.json()["next"]) == (200, [], None)


async def test_pages_are_no_longer_than_the_setting_allows(tenant: Tenant, app: FastAPI) -> None:
    """Pages are counted with the limit that was honoured."""
    app.state.parts.settings.page_limit = 11
    for _ in range(12):
        await tenant.create()
    page = (await tenant.http.get("campaign/?limit=500")).json()
    assert (len(page["results"]), page["total_pages"]) == (11, 2)
    assert page["next"].endswith("?limit=11&offset=11")


async def test_rows_of_one_moment_are_listed_newest_id_first(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    ids = [(await tenant.create())["id"] for _ in range(3)]
    await execute(sessions, "UPDATE campaigns SET updated_at = '2026-01-01'")
    listed = (await tenant.http.get("campaign/")).json()["results"]
    assert [row["id"] for row in listed] == ids[::-1]


async def test_unknown_status_is_refused_with_the_five(tenant: Tenant) -> None:
    answer = await tenant.http.get("campaign/?status=Paused")
    assert answer.status_code == 400
    for status in ("Not Started", "Scheduled", "Running", "Completed", "Terminated"):
        assert status in answer.json()["status"][0]
        assert (await tenant.http.get("campaign/", params={"status": status})).status_code == 200
        enumeration = f"CampaignStatus.{status.replace(' ', '_').upper()}"
        assert (await tenant.http.get("campaign/", params={"status": enumeration})).status_code == 200


async def test_carriers_are_counted_over_the_whole_campaign(tenant: Tenant) -> None:
    """Of the mobile carriers; land lines and foreign numbers are other, absent carriers are absent."""
    campaign = await tenant.create()
    await tenant.add(
        campaign["id"],
        *("9841000001", "9861000001", "9741000001", "9801000001"),
        *("9611000001", "9721000001", "015970425", "+14155550123"),
    )
    page = (await tenant.http.get(f"campaign-detail/{campaign['id']}/?limit=1")).json()
    assert page["carrier_summary"] == {"NTC": 3, "other": 2, "Ncell": 1, "Smart": 1, "UTL": 1}
    ntc = await tenant.ready("9841000001")
    page = (await tenant.http.get(f"campaign-detail/{ntc['id']}/")).json()
    assert page["carrier_summary"] == {"NTC": 1}


@pytest.mark.parametrize("path", ["download/{}/report/", "download/report/{}/"])
async def test_report_on_both_paths(tenant: Tenant, path: str) -> None:
    campaign = await tenant.create()
    await tenant.add(campaign["id"], "9841000001", name="राम", note="=1+1")
    answer = await tenant.http.get(path.format(campaign["id"]))
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    header, row = answer.content.decode("utf-8-sig").splitlines()
    assert header == (
        "number,name,note,status,call_duration,duration_seconds,playback,credit_consumed,"
        "credit_consumed_SMS,sms_status,carrier,attempts,started_at,ended_at,reason"
    )
    assert row.startswith("9841000001,राम,'=1+1,not started,")


async def test_token_is_shown_masked(tenant: Tenant, http: httpx.AsyncClient) -> None:
    shown = (await tenant.http.get("auths/get-api-keys/")).json()["token"]
    assert len(shown) == 64
    assert (shown[:4], shown[-4:]) == (tenant.token[:4], tenant.token[-4:])
    assert set(shown[4:-4]) == {"*"}
