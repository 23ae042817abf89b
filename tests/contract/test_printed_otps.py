"""The vendor's examples of one-time passwords and of the dashboard."""

from __future__ import annotations

from typing import Any

import pytest
from printed import assert_like, json_of

from api_world import Tenant

REQUEST = {
    "number": "9861489014",
    "message": "Hi your OTP is {otp}",
    "sms_send_options": "text",
    "otp_options": "personnel",
    "otp": "564546",
    "company_name": "TingTing",
}

SENT = """{"status": 200, "success": true, "message": "OTP Sent Successfully.", "errors": [],
 "data": {"details": {"number": "9861489014", "otp_options": "personnel",
   "message": "TingTing: Hi your OTP is 564546", "otp": "564546", "sms_send_options": "text",
   "credits_used": 1, "remaining_sms_credits": 62, "remaining_phone_credits": 127,
   "company_name": "TingTing"}}}"""

LISTED = """{"count": 2, "total_pages": 1, "next": null, "previous": null,
 "results": {"status": 200, "success": true, "errors": [],
   "data": [{"id": 12, "phone_number": "9861489014", "message": "Hi your OTP is 12345", "otp": "12345",
     "otp_options": "personnel", "sms_send_options": "text",
     "created_at": "2025-10-29T13:33:55.512191+05:45"}]}}"""

DASHBOARD = """{"total_credits_purchased": 1000, "credits_used": 450, "remaining_credits": 550,
 "campaigns": {}, "outbound_calls": 1200, "outbound_sms": 300, "total_call_duration": "05:30:00",
 "total_owned_numbers": 5, "total_playback": {}, "credit_spent": 0.375, "top_performing_campaign": {},
 "playback_distribution": {}, "campaign_type_ratio": {}, "call_outcomes": {},
 "credit_usage_overtime": []}"""


async def test_text(printed: Tenant) -> None:
    """The company's name stands before the message; credits are what the message will take."""
    answer = await printed.http.post("auths/send/otp/", json=REQUEST)
    assert answer.status_code == 200, answer.text
    assert_like(json_of(SENT), answer.json())
    details = answer.json()["data"]["details"]
    example = json_of(SENT)["data"]["details"]
    left = {"remaining_sms_credits": 999, "remaining_phone_credits": 1000}
    assert {key: details[key] for key in example} == example | left


async def test_call(printed: Tenant) -> None:
    body = REQUEST | {"sms_send_options": "voice", "voice_input": "np_rija"}
    answer = await printed.http.post("auths/send/otp/", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["message"] == "OTP Call Initiated Successfully."
    details = answer.json()["data"]["details"]
    assert (details["voice_input"], details["length_factor"]) == ("np_rija", 1.0)
    assert isinstance(details["length_factor"], float)
    assert details["remaining_sms_credits"] == 1000
    assert details["remaining_phone_credits"] == 1000 - details["credits_used"]


@pytest.mark.parametrize(("length", "digits"), [(None, 6), (4, 4), ("8", 8)])
async def test_generated(printed: Tenant, length: Any, digits: int) -> None:
    """Generated unless told otherwise; its length came as text in older examples."""
    body = {name: REQUEST[name] for name in ("number", "message", "sms_send_options")}
    answer = await printed.http.post("auths/send/otp/", json=body | {"otp_length": length})
    assert answer.status_code == 200, answer.text
    details = answer.json()["data"]["details"]
    assert details["otp_options"] == "generated"
    assert len(details["otp"]) == digits
    assert details["otp"].isdecimal()
    assert details["message"] == f"Hi your OTP is {details['otp']}"


async def test_list(printed: Tenant) -> None:
    """Its results are an object, not a list, and the codes stand there in clear."""
    for otp in ("12344", "12345"):
        body = REQUEST | {"otp": otp, "company_name": ""}
        assert (await printed.http.post("auths/send/otp/", json=body)).status_code == 200
    answer = await printed.http.get("auths/list/send-otps/")
    assert answer.status_code == 200
    assert_like(json_of(LISTED), answer.json())
    data = answer.json()["results"]["data"]
    assert [row["otp"] for row in data] == ["12345", "12344"]
    assert data[0]["message"] == "Hi your OTP is 12345"
    page = (await printed.http.get("auths/list/send-otps/?limit=1")).json()
    assert (page["count"], page["total_pages"], len(page["results"]["data"])) == (2, 2, 1)
    assert page["next"].endswith("/auths/list/send-otps/?limit=1&offset=1")


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"number": None}, "number"),
        ({"number": "12"}, "number"),
        ({"message": "no place for it"}, "message"),
        ({"message": None}, "message"),
        ({"sms_send_options": "fax"}, "sms_send_options"),
        ({"otp_options": "own"}, "otp_options"),
        ({"otp": None}, "otp"),
        ({"sms_send_options": "voice", "voice_input": "np_nobody"}, "voice_input"),
    ],
)
async def test_what_is_wrong_is_named(printed: Tenant, change: dict[str, Any], wrong: str) -> None:
    body = {name: value for name, value in (REQUEST | change).items() if value is not None}
    answer = await printed.http.post("auths/send/otp/", json=body)
    assert answer.status_code == 400, answer.text
    assert list(answer.json()["errors"]) == [wrong]
    assert isinstance(answer.json()["message"], str)
    assert (await printed.http.get("auths/list/send-otps/")).json()["count"] == 0


@pytest.mark.parametrize("query", ["", "?days=30", "?days=7"])
async def test_dashboard(printed: Tenant, query: str) -> None:
    await printed.ready()
    answer = await printed.http.get(f"dashboard/{query}")
    assert answer.status_code == 200, answer.text
    figures = answer.json()
    assert_like(json_of(DASHBOARD), figures)
    assert (figures["remaining_credits"], figures["total_owned_numbers"]) == (2000, 2)
