"""auths/send/otp/ and auths/list/send-otps/: the printed bodies, what is accepted, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text

from api_world import Tenant, assert_error, execute, scalar
from clear_text import tables_with
from ghanti.database.session import SessionFactory, transaction

PRINTED = {
    "number": "9851023212",
    "message": "Hi your OTP is {otp}",
    "sms_send_options": "text",
    "otp_options": "personnel",
    "otp": "564546",
    "company_name": "TingTing",
}
SPOKEN = PRINTED | {"sms_send_options": "voice", "voice_input": "np_rija"}


async def send(tenant: Tenant, **fields: Any) -> httpx.Response:
    body = {name: value for name, value in (PRINTED | fields).items() if value is not None}
    return await tenant.http.post("auths/send/otp/", json=body)


async def details(tenant: Tenant, **fields: Any) -> dict[str, Any]:
    answer = await send(tenant, **fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]["details"]
    return found


async def listed(tenant: Tenant, query: str = "") -> list[dict[str, Any]]:
    answer = await tenant.http.get(f"auths/list/send-otps/{query}")
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["results"]["data"]
    return rows


# The printed bodies


async def test_text_as_printed(tenant: Tenant) -> None:
    answer = await send(tenant)
    assert answer.status_code == 200
    body = answer.json()
    assert list(body) == ["status", "success", "message", "errors", "data"]
    found = body["data"]["details"]
    otp_id = found.pop("id")
    assert isinstance(otp_id, int)
    assert body == {
        "status": 200,
        "success": True,
        "message": "OTP Sent Successfully.",
        "errors": [],
        "data": {"details": found},
    }
    assert list(found.items()) == [
        ("number", "9851023212"),
        ("otp_options", "personnel"),
        ("message", "TingTing: Hi your OTP is 564546"),
        ("otp", "564546"),
        ("sms_send_options", "text"),
        ("credits_used", 1),
        ("remaining_sms_credits", 999),
        ("remaining_phone_credits", 1000),
        ("company_name", "TingTing"),
    ]


async def test_voice_as_printed(tenant: Tenant) -> None:
    answer = await tenant.http.post("auths/send/otp/", json=SPOKEN)
    assert answer.status_code == 200
    assert answer.json()["message"] == "OTP Call Initiated Successfully."
    found = answer.json()["data"]["details"]
    assert list(found) == [
        "number",
        "otp_options",
        "message",
        "otp",
        "sms_send_options",
        "credits_used",
        "remaining_sms_credits",
        "remaining_phone_credits",
        "company_name",
        "voice_input",
        "length_factor",
        "id",
    ]
    assert (found["voice_input"], found["length_factor"]) == ("np_rija", 1.0)
    assert isinstance(found["length_factor"], float)
    assert found["remaining_phone_credits"] == 1000 - found["credits_used"]
    assert found["remaining_sms_credits"] == 1000


async def test_list_as_printed(tenant: Tenant) -> None:
    await send(tenant, company_name=None, otp="12345", message="Hi,  your otp is {otp}")
    await send(tenant, number="9861489014")
    answer = await tenant.http.get("auths/list/send-otps/")
    body = answer.json()
    assert list(body) == ["count", "total_pages", "next", "previous", "results"]
    assert (body["count"], body["total_pages"], body["next"], body["previous"]) == (2, 1, None, None)
    assert list(body["results"]) == ["status", "success", "errors", "data"]
    assert {**body["results"], "data": None} == {"status": 200, "success": True, "errors": [], "data": None}
    newest, oldest = body["results"]["data"]
    assert newest["id"] > oldest["id"]
    assert newest["phone_number"] == "9861489014"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+05:45", oldest.pop("created_at"))
    assert oldest.pop("id")
    assert oldest == {
        "phone_number": "9851023212",
        "message": "Hi,  your otp is 12345",
        "otp": "12345",
        "otp_options": "personnel",
        "sms_send_options": "text",
        "status": "not started",
        "delivery": None,
        "credits_used": 1,
        "reason": "",
    }


async def test_list_by_pages(tenant: Tenant) -> None:
    sent = [(await details(tenant, number=f"985102{n}212"))["id"] for n in range(3)]
    answer = await tenant.http.get("auths/list/send-otps/?limit=2&offset=1")
    body = answer.json()
    assert [row["id"] for row in body["results"]["data"]] == [sent[1], sent[0]]
    assert (body["count"], body["total_pages"], body["next"]) == (3, 2, None)
    assert body["previous"] == "http://ghanti.test/api/v1/auths/list/send-otps/?limit=2&offset=0"
    assert await listed(tenant, "?offset=9") == []
    assert (await tenant.http.get("auths/list/send-otps/?limit=x")).status_code == 400


# What is accepted


async def test_generated_by_default_with_six_digits(tenant: Tenant) -> None:
    found = await details(tenant, otp_options=None, otp=None)
    assert found["otp_options"] == "generated"
    assert re.fullmatch(r"\d{6}", found["otp"])
    assert found["message"] == f"TingTing: Hi your OTP is {found['otp']}"


@pytest.mark.parametrize("length", [4, "4", 10, "10", 8.0])
async def test_length_of_generated(tenant: Tenant, length: Any) -> None:
    found = await details(tenant, otp_options="generated", otp_length=length)
    assert len(found["otp"]) == int(length)


@pytest.mark.parametrize(("given", "code"), [(1234, "1234"), ("0012", "0012"), ("aB3x", "aB3x")])
async def test_own_codes(tenant: Tenant, given: Any, code: str) -> None:
    assert (await details(tenant, otp=given))["otp"] == code
    assert (await listed(tenant))[0]["otp"] == code


async def test_a_length_does_not_matter_for_ones_own_code(tenant: Tenant) -> None:
    assert (await details(tenant, otp_length="many"))["otp"] == "564546"


@pytest.mark.parametrize("number", [9851023212, "+977 985-1023212", "०९८५१०२३२१२", "9779851023212"])
async def test_number_comes_back_as_it_was_sent(
    tenant: Tenant, number: Any, sessions: SessionFactory
) -> None:
    assert (await details(tenant, number=number))["number"] == str(number)
    assert (await listed(tenant))[0]["phone_number"] == str(number)
    assert await scalar(sessions, "SELECT number FROM targets") == "+9779851023212"


@pytest.mark.parametrize("content", ["json", "urlencoded", "multipart"])
async def test_every_kind_of_body(tenant: Tenant, content: str) -> None:
    sent: dict[str, Any] = {
        "json": {"json": PRINTED},
        "urlencoded": {"data": PRINTED},
        "multipart": {"files": {name: (None, value) for name, value in PRINTED.items()}},
    }[content]
    answer = await tenant.http.post("auths/send/otp/", **sent)
    assert answer.status_code == 200, answer.text
    assert answer.json()["data"]["details"]["otp"] == "564546"


async def test_without_a_company(tenant: Tenant) -> None:
    found = await details(tenant, company_name=None)
    assert (found["message"], found["company_name"]) == ("Hi your OTP is 564546", "")


@pytest.mark.parametrize(
    ("voice", "name"),
    [
        ("np_rija", "np_rija"),
        ("NP_Binod", "np_binod"),
        ("rija", "np_rija"),
        ("Prashanna", "np_prashanna"),
        (5, "np_shreegya"),
        ("4", "np_binod"),
        (None, "np_rija"),
        ("", "np_rija"),
        ({"id": 3}, "np_prashanna"),
    ],
)
async def test_voices(tenant: Tenant, voice: Any, name: str) -> None:
    assert (await details(tenant, sms_send_options="voice", voice_input=voice))["voice_input"] == name


async def test_a_name_that_two_voices_share_is_the_plain_one(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    await details(tenant, sms_send_options="voice", voice_input="np_rija")
    assert await scalar(sessions, "SELECT (call_content ->> 'voice_id')::int FROM plans") == 1


async def test_length_factor(tenant: Tenant, sessions: SessionFactory) -> None:
    found = await details(tenant, sms_send_options="voice", length_factor="1.2")
    assert found["length_factor"] == 1.2
    assert await scalar(sessions, "SELECT call_content ->> 'length_factor' FROM plans") == "1.20"


async def test_credits_of_a_text_are_its_segments(tenant: Tenant) -> None:
    long = "तपाईंको एकपटके कोड {otp} हो। " + "यो कोड कसैलाई नभन्नुहोस्। " * 4
    found = await details(tenant, message=long)
    assert found["credits_used"] == 3
    assert found["remaining_sms_credits"] == 997


async def test_remaining_counts_what_still_waits(tenant: Tenant) -> None:
    await details(tenant)
    assert (await details(tenant, number="9841000001"))["remaining_sms_credits"] == 998


async def test_the_plan_is_one_of_the_urgent_class(tenant: Tenant, sessions: SessionFactory) -> None:
    otp_id = (await details(tenant, sms_send_options="voice"))["id"]
    async with transaction(sessions) as session:
        rows = await session.execute(
            text(
                "SELECT p.plan_class, p.owner_kind, p.owner_id, p.caller_numbers, t.channel, t.number,"
                " t.contact_id FROM plans p JOIN targets t ON t.plan_id = p.id"
            )
        )
        [row] = rows.all()
    assert tuple(row) == (
        "otp",
        "otp",
        otp_id,
        [f"+9771{tenant.account_id:07}"],
        "call",
        "+9779851023212",
        None,
    )


async def test_nothing_of_it_is_stored_in_clear(tenant: Tenant, api_database: str) -> None:
    await details(tenant, otp="K7Q2X9W4", message="खुल्ला {otp}")
    await details(tenant, otp="Z8V3N6B1", message="खुल्ला {otp}", number="9841000001", sms_send_options="voice")
    with psycopg.connect(api_database) as connection:
        assert "sent_otps" in tables_with(connection, "+9779851023212")
        for clear in ("K7Q2X9W4", "Z8V3N6B1", "खुल्ला"):
            assert tables_with(connection, clear) == []


async def test_idempotency_key_sends_once(tenant: Tenant) -> None:
    headers = {"Idempotency-Key": "login-1"}
    first = await tenant.http.post("auths/send/otp/", json=PRINTED, headers=headers)
    again = await tenant.http.post("auths/send/otp/", json=PRINTED, headers=headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert len(await listed(tenant)) == 1


# What is refused


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"number": None}, "number", "required"),
        ({"message": None}, "message", "required"),
        ({"message": "   "}, "message", "required"),
        ({"sms_send_options": None}, "sms_send_options", "required"),
        ({"otp": None}, "otp", "required"),
        ({"message": "Hello"}, "message", "{otp}"),
        ({"message": "Hi {name}, {otp}"}, "message", "{name}"),
        ({"message": "{otp}" + "x" * 500}, "message", "500"),
        ({"message": ["{otp}"]}, "message", "text"),
        ({"sms_send_options": "pigeon"}, "sms_send_options", "text or voice"),
        ({"otp_options": "stolen"}, "otp_options", "personnel or generated"),
        ({"otp": "12"}, "otp", "3 to 12"),
        ({"otp": "12 34"}, "otp", "3 to 12"),
        ({"otp": "1" * 13}, "otp", "3 to 12"),
        ({"otp": 12.5}, "otp", "whole"),
        ({"otp": True}, "otp", "whole"),
        ({"otp_options": "generated", "otp_length": 3}, "otp_length", "4 and 10"),
        ({"otp_options": "generated", "otp_length": 11}, "otp_length", "4 and 10"),
        ({"otp_options": "generated", "otp_length": "six"}, "otp_length", "whole"),
        ({"number": "12"}, "number", "7 to 15"),
        ({"number": "call me"}, "number", "digits"),
        ({"number": True}, "number", "true or false"),
        ({"number": "+14155550123"}, "number", "outside NP"),
        ({"number": "1231231234"}, "number", "not a valid"),
        ({"company_name": "x" * 101}, "company_name", "100"),
        ({"length_factor": "fast"}, "length_factor", "0.50"),
        ({"length_factor": 3}, "length_factor", "0.50"),
        ({"sms_send_options": "voice", "voice_input": "np_nobody"}, "voice_input", "voice-models"),
        ({"sms_send_options": "voice", "voice_input": 99}, "voice_input", "voice-models"),
        ({"sms_send_options": "voice", "voice_input": [1]}, "voice_input", "voice"),
    ],
)
async def test_wrong_fields(
    tenant: Tenant, sessions: SessionFactory, fields: dict[str, Any], field: str, told: str
) -> None:
    answer = await send(tenant, **fields)
    assert answer.status_code == 400, answer.text
    assert_error(answer)
    assert told in answer.json()["errors"][field][0]
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 0


async def test_every_wrong_field_is_named(tenant: Tenant) -> None:
    answer = await tenant.http.post("auths/send/otp/")
    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == {"number", "message", "sms_send_options"}


async def test_premium_voice_without_premium(tenant: Tenant, sessions: SessionFactory) -> None:
    await execute(sessions, "UPDATE accounts SET premium = false")
    answer = await send(tenant, sms_send_options="voice", voice_input="Rija premium")
    assert answer.status_code == 403
    assert "premium" in answer.json()["message"]


@pytest.mark.parametrize(("way", "needed"), [("text", "sms"), ("voice", "phone")])
async def test_too_few_credits(new_tenant: Any, sessions: SessionFactory, way: str, needed: str) -> None:
    poor = await new_tenant("poor@example.com", phone=1, sms=0)
    answer = await send(poor, sms_send_options=way)
    assert answer.status_code == 400
    assert_error(answer)
    body = answer.json()
    assert body[f"needed_{needed}_credits"] > body[f"remaining_{needed}_credits"]
    assert "Not enough credits" in body["message"]
    assert await listed(poor) == []
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 0


async def test_credits_that_are_promised_cannot_be_promised_again(new_tenant: Any) -> None:
    poor = await new_tenant("poor@example.com", phone=0, sms=2)
    assert (await details(poor, number="9841000001"))["remaining_sms_credits"] == 1
    assert (await details(poor, number="9841000002"))["remaining_sms_credits"] == 0
    assert (await send(poor, number="9841000003")).status_code == 400


async def test_a_viewer_sends_none_and_reads_no_code(tenant: Tenant, viewer: Tenant) -> None:
    await details(tenant)
    assert (await send(viewer)).status_code == 403
    [row] = await listed(viewer)
    assert (row["otp"], row["message"], row["phone_number"]) == ("", "", "9851023212")


async def test_another_account_never_sees_it(tenant: Tenant, other: Tenant) -> None:
    await details(tenant)
    assert await listed(other) == []
    await details(other, otp="998877")
    assert [row["otp"] for row in await listed(tenant)] == ["564546"]
    assert [row["otp"] for row in await listed(other)] == ["998877"]
