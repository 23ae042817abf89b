"""The same request from different clients: JSON, urlencoded, multipart, mislabelled, empty."""

from __future__ import annotations

from tempfile import SpooledTemporaryFile
from typing import Any

import orjson
import pytest

from api_world import Tenant

FIELDS = {
    "name": "tax",
    "services": "SMS & PHONE",
    "user_phone": "",
    "message": "नमस्ते",
    "sms_message": "नमस्ते  ",
    "credit_limit": "0",
    "draft": "False",
    "length_factor": "1.2",
    "voice": "3",
}


def _multipart(values: dict[str, str]) -> bytes:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in values.items()
    ]
    return ("".join(parts) + "--b--\r\n").encode()


@pytest.mark.parametrize(
    "request_parts",
    [
        {"data": FIELDS},
        {"content": _multipart(FIELDS), "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        {"content": _multipart(FIELDS), "headers": {"Content-Type": "application/json"}},
        {"json": FIELDS},
        {
            "content": orjson.dumps(FIELDS),
            "headers": {"Content-Type": "application/x-www-form-urlencoded"},
        },
        {"content": orjson.dumps(FIELDS)},
        {"content": b"\xef\xbb\xbf" + orjson.dumps(FIELDS), "headers": {"Content-Type": "text/plain"}},
    ],
)
async def test_every_form_of_body(tenant: Tenant, request_parts: dict[str, Any]) -> None:
    answer = await tenant.http.post("campaign/create/", **request_parts)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["services"] == "SMS & PHONE"
    assert made["user_phone"] == []
    assert made["sms_message"] == "नमस्ते  "
    assert made["credit_limit"] == 0
    assert made["draft"] is False
    assert made["length_factor"] == "1.20"
    assert made["voice"] == 3


async def test_repeated_form_fields_are_a_list(tenant: Tenant) -> None:
    shared = await tenant.create(user_phone=tenant.phones)
    answer = await tenant.http.patch(
        f"campaign/{shared['id']}/",
        data={"user_phone": [str(tenant.phones[0])], "failover_target": ["failed", "hungup"]},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["user_phone"] == tenant.phones
    assert answer.json()["failover_target"] == ["failed", "hungup"]


async def test_whole_campaign_as_the_vendors_client_posts_it(tenant: Tenant) -> None:
    campaign = await tenant.create()
    form = {
        "id": str(campaign["id"]),
        "name": "renamed",
        "services": "PHONE",
        "status": "Not Started",
        "voice": ["id", "voice_display_name", "voice_internal_name", "is_premium"],
        "progress_percent": "0",
    }
    answer = await tenant.http.post(f"campaign/{campaign['id']}/", data=form)
    assert answer.status_code == 200, answer.text
    assert answer.json()["name"] == "renamed"
    assert answer.json()["voice"] is None


@pytest.mark.parametrize("request_parts", [{}, {"json": {}}, {"content": b""}, {"data": {"id": "1"}}])
async def test_run_with_any_body(tenant: Tenant, request_parts: dict[str, Any]) -> None:
    campaign = await tenant.ready()
    answer = await tenant.http.post(f"run-campaign/{campaign['id']}/", **request_parts)
    assert answer.status_code == 200, answer.text


async def test_contact_as_a_form(tenant: Tenant) -> None:
    campaign = await tenant.create()
    form = {"number": "9841000001", "other_variables": '{"name": "राम"}'}
    answer = await tenant.http.post(f"campaign/{campaign['id']}/add-contact/", data=form)
    assert answer.status_code == 201, answer.text
    assert answer.json()["attributes"] == {"name": "राम"}


_FILE = b'--b\r\nContent-Disposition: form-data; name="bulk_file"; filename="a.csv"\r\n\r\nnumber\n'


@pytest.mark.parametrize(
    "content",
    [
        _FILE + b'\r\n--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n\0\r\n--b--\r\n',
        _FILE + b"\r\n--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        _FILE,
        _FILE + b"\r\n--b\r\nno header\r\n\r\n",
    ],
    ids=["NUL", "nameless", "cut off", "malformed"],
)
async def test_a_refused_body_leaves_no_open_file(
    tenant: Tenant, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[SpooledTemporaryFile[bytes]] = []

    def open_file(**options: Any) -> SpooledTemporaryFile[bytes]:
        opened.append(SpooledTemporaryFile(**options))  # noqa: SIM115 - the API's to close
        return opened[-1]

    monkeypatch.setattr("starlette.formparsers.SpooledTemporaryFile", open_file)
    answer = await tenant.http.post(
        "campaign/create/", content=content, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert answer.status_code == 400, answer.text
    assert opened
    assert all(file.closed for file in opened)
