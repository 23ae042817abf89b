"""Adding and changing contacts, and files that are none of contacts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import pytest

from api_world import Tenant, execute, scalar
from ghanti.database.session import SessionFactory


async def test_number_comes_back_as_sent(tenant: Tenant) -> None:
    campaign = await tenant.create()
    numbers = ["9779812345678", "+977 984-1234567", "९८४१२३४५६९"]
    contacts = await tenant.add(campaign["id"], *numbers)
    assert [contact["number"] for contact in contacts] == numbers


async def test_known_number_alone_is_refused_and_in_bulk_skipped(tenant: Tenant) -> None:
    campaign = await tenant.ready("9841000001")
    path = f"campaign/{campaign['id']}/add-contact/"
    alone = await tenant.http.post(path, json={"number": "+9779841000001"})
    assert alone.status_code == 400
    assert "number" in alone.json()["errors"]
    bulk = await tenant.http.post(path, json={"contacts": [{"number": 9841000001}], "number": "9841000009"})
    assert bulk.status_code == 200
    assert (bulk.json()["created"], bulk.json()["skipped"]) == (0, 1)


async def test_bad_items_stand_beside_good_ones(tenant: Tenant) -> None:
    campaign = await tenant.create()
    items: list[Any] = [{"number": "12"}, {"number": "9841000001"}, {}, {"number": None}, "9841000002"]
    answer = await tenant.http.post(f"campaign/{campaign['id']}/add-contact/", json={"contacts": items})
    assert answer.status_code == 201
    assert answer.json()["created"] == 2
    assert [error["index"] for error in answer.json()["errors"]] == [0, 2, 3]
    assert answer.json()["errors"][0].keys() == {"index", "number", "field", "message"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"number": ""},
        {"number": "12"},
        {"number": "9841000001", "other_variables": [1]},
        {"number": "9841000001", "other_variables": "{"},
        {"contacts": []},
        {"contacts": {}},
        {"contacts": "many"},
        {"contacts": [{"number": "12"}]},
    ],
)
async def test_wrong_contacts(tenant: Tenant, body: dict[str, Any]) -> None:
    campaign = await tenant.create()
    answer = await tenant.http.post(f"campaign/{campaign['id']}/add-contact/", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"]
    assert (await tenant.get(campaign["id"]))["campaign_action_count"] == 0


async def test_attributes_merge_and_keep_types(tenant: Tenant) -> None:
    campaign = await tenant.create()
    (contact,) = await tenant.add(campaign["id"], "9841000001", age=22, note=None, name="राहुल ")
    answer = await tenant.http.patch(f"campaign/{contact['id']}/attributes/", json={"age": "23", "new": 1.5})
    assert answer.json() == {"age": "23", "note": None, "name": "राहुल ", "new": 1.5}


async def test_changes_reach_a_contact_that_waits(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    (contact,) = await tenant.add(campaign["id"], "9841000001", name="राम")
    await tenant.run(campaign["id"])
    await execute(sessions, "UPDATE targets SET ready = true, content = '{}'")
    await tenant.http.patch(f"campaign/{contact['id']}/attributes/", json={"name": "सीता"})
    assert await scalar(sessions, "SELECT ready FROM targets") is False
    await tenant.http.patch(f"phone-number/update/{contact['id']}/", json={"number": "9808684325"})
    assert await scalar(sessions, "SELECT number || carrier FROM targets") == "+9779808684325Ncell"


async def test_contact_in_flight_keeps_its_number_and_may_be_deleted(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    campaign = await tenant.create()
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    await tenant.run(campaign["id"])
    await execute(sessions, "UPDATE targets SET state = 'active', attempt_id = gen_random_uuid()")
    edit = await tenant.http.patch(f"phone-number/update/{contact['id']}/", json={"number": "9841000002"})
    assert edit.status_code == 400
    assert await scalar(sessions, "SELECT number FROM contacts") == "+9779841000001"
    assert (await tenant.http.delete(f"phone-number/delete/{contact['id']}/")).status_code == 200
    assert (await tenant.http.get(f"campaign-detail/{campaign['id']}/")).json()["count"] == 0


async def test_deleted_contact_leaves_the_run(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    contact, _ = await tenant.add(campaign["id"], "9841000001", "9841000002")
    await tenant.run(campaign["id"])
    assert (await tenant.http.delete(f"phone-number/delete/{contact['id']}/")).status_code == 200
    assert await scalar(sessions, "SELECT outcome FROM targets WHERE state = 'final'") == "cancelled"
    detail = await tenant.get(campaign["id"])
    assert (detail["progress_percent"], detail["campaign_action_count"]) == (50, 1)


async def test_editing_to_a_known_number(tenant: Tenant) -> None:
    campaign = await tenant.create()
    contact, _ = await tenant.add(campaign["id"], "9841000001", "9841000002")
    answer = await tenant.http.patch(f"phone-number/update/{contact['id']}/", json={"number": "9841000002"})
    assert answer.status_code == 400
    assert "number" in answer.json()["errors"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("contacts.xlsx", "यो तालिका होइन\n".encode() * 50),
        ("contacts.xlsx", b""),
        ("contacts.csv", b""),
        ("contacts.csv", b"name,age\nRam,20\nSita,22\n"),
        ("contacts.xlsx", os.urandom(10 * 1024 * 1024)),
        ("contacts.csv", os.urandom(10 * 1024 * 1024)),
        ("contacts.pdf", b"%PDF-1.7\n"),
        ("", b"\0" * 1000),
    ],
    ids=["text", "empty xlsx", "empty csv", "no phones", "junk xlsx", "junk csv", "pdf", "nul"],
)
async def test_files_that_are_refused(tenant: Tenant, settings: Any, name: str, content: bytes) -> None:
    campaign = await tenant.create()
    answer = await tenant.http.patch(
        f"campaign/create/{campaign['id']}/detail/", files={"bulk_file": (name, content)}
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"]
    detail = await tenant.get(campaign["id"])
    assert (detail["campaign_action_count"], detail["bulk_file"]) == (0, None)
    assert not [path for path in settings.media_folder.rglob("*") if path.is_file()]


async def test_sheet_without_phones(tenant: Tenant, workbook: Callable[..., bytes]) -> None:
    campaign = await tenant.create()
    file = {"bulk_file": ("c.xlsx", workbook([["name", "village"], ["राम", "क"], ["सीता", "ख"]]))}
    answer = await tenant.http.patch(f"campaign/create/{campaign['id']}/detail/", files=file)
    assert answer.status_code == 400
    assert "bulk_file" in answer.json()["errors"]


async def test_upload_without_a_file(tenant: Tenant) -> None:
    campaign = await tenant.create()
    path = f"campaign/create/{campaign['id']}/detail/"
    for parts in ({}, {"data": {"bulk_file": "text"}}, {"json": {"bulk_file": None}}):
        answer = await tenant.http.patch(path, **parts)
        assert answer.status_code == 400
        assert "bulk_file" in answer.json()["errors"]


async def test_upload_labelled_as_json(tenant: Tenant) -> None:
    campaign = await tenant.create()
    body = (
        b'--x\r\nContent-Disposition: form-data; name="bulk_file"; filename="c.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\nnumber,name\n9841000001,Ram\n\r\n--x--\r\n"
    )
    answer = await tenant.http.post(
        f"campaign/create/{campaign['id']}/detail/",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["total_validated_rows"] == 1


async def test_second_upload_appends_and_replaces_the_file(tenant: Tenant, settings: Any) -> None:
    campaign = await tenant.create()
    path = f"campaign/create/{campaign['id']}/detail/"
    for content in (b"number\n9841000001\n", b"number\n9841000001\n9841000002\n"):
        answer = await tenant.http.patch(path, files={"bulk_file": ("c.csv", content, "text/csv")})
    assert (answer.json()["total_validated_rows"], answer.json()["skipped"]) == (2, 1)
    detail = await tenant.get(campaign["id"])
    assert detail["campaign_action_count"] == 2
    assert len([path for path in settings.media_folder.rglob("*") if path.is_file()]) == 1
    assert (await tenant.http.get(detail["bulk_file"])).content == content


async def test_same_file_twice_at_once(tenant: Tenant) -> None:
    campaign = await tenant.create()
    content = "number\n" + "\n".join(str(9841000000 + index) for index in range(500))
    file = ("c.csv", content.encode(), "text/csv")
    path = f"campaign/create/{campaign['id']}/detail/"
    answers = await asyncio.gather(*(tenant.http.patch(path, files={"bulk_file": file}) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [200] * 3
    assert sum(answer.json()["created"] for answer in answers) == 500
    assert (await tenant.get(campaign["id"]))["campaign_action_count"] == 500
