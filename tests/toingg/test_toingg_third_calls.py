"""Calls of the third generation: ordered one by one, told of in Twilio's words."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as tried
from hypothesis import strategies as st

from api_world import *  # noqa: F403 - its fixtures, which it lists
from api_world import Tenant, execute, scalar
from ghanti.database.session import SessionFactory
from third_world import *  # noqa: F403
from third_world import CAMPAIGN, AsThird, Third

_SID = re.compile(r"CA[0-9a-f]{32}")


async def test_a_call_waits_for_its_turn(third: Third) -> None:
    call_id = await third.call(await third.create())
    assert _SID.fullmatch(call_id)
    told = await third.status(call_id)
    assert list(told)[:4] == ["status", "start_time", "end_time", "duration"]
    assert (told["status"], told["start_time"], told["end_time"]) == ("queued", None, None)
    assert told["duration"] == "0"
    assert told["phoneNumber"] == "+9779841000001"


async def test_name_and_extra_parameters_fill_the_tags(third: Third, sessions: SessionFactory) -> None:
    campaign_id = await third.create(script="{name}, you owe {amount}.")
    await third.call(campaign_id, extraParams={"amount": 5, "name": "hidden"})
    personal = await scalar(sessions, "SELECT personal FROM targets")
    assert personal["variables"] == {"amount": 5, "name": "Sita"}


async def test_a_tag_without_a_value_is_named(third: Third) -> None:
    campaign_id = await third.create(script="{name}, you owe {amount}.")
    body = {"name": "Sita", "phoneNumber": "9841000001", "campID": campaign_id}
    answer = await third.http.post("make_call/", json=body)
    assert answer.status_code == 422
    [item] = answer.json()["detail"]
    assert item["loc"] == ["body", "extraParams"]
    assert "{amount}" in item["msg"]


async def test_the_id_may_be_spelt_as_anywhere_in_the_api(third: Third) -> None:
    campaign_id = await third.create()
    for key in ("campID", "campId", "campaignId"):
        body = {"name": "Sita", "phoneNumber": 9841000001, key: campaign_id, "extraParams": None}
        assert _SID.fullmatch((await third.result("POST", "make_call", json=body))["callId"])


async def test_what_the_vendor_takes_beside_is_taken(third: Third) -> None:
    more = {"asr": "AZURE", "startMessage": True, "clearMemory": False, "whisperAsr": False}
    await third.call(await third.create(), **more)


async def test_tingtings_campaigns_are_called_here(third: Third, sessions: SessionFactory) -> None:
    await third.tenant.create(name="tax", message="Pay, {name}.")
    [campaign_id] = await third.result("GET", "get_campaigns")
    await third.call(campaign_id, number="+9779841000001")
    assert (await third.shown(campaign_id))["callCount"] == 1
    content = await scalar(sessions, "SELECT call_content FROM plans")
    assert content["audios"] == {"message": {"template": "Pay, {name}."}}


async def test_calls_of_a_script_that_asks_listen(third: Third, sessions: SessionFactory) -> None:
    await third.call(await third.create())
    content = await scalar(sessions, "SELECT call_content FROM plans")
    assert [step["do"] for step in content["script"]["steps"]] == ["play", "play", "listen", "play"]
    assert content["audios"]["invalid"]["template"].startswith("That key")


async def test_a_client_that_loops_over_its_sheet_makes_one_plan(
    third: Third, sessions: SessionFactory
) -> None:
    campaign_id = await third.create()
    one_by_one = [await third.call(campaign_id, f"98410000{number:02}") for number in range(10)]
    at_once = await asyncio.gather(
        *(third.call(campaign_id, f"98410000{number:02}") for number in range(10, 30))
    )
    assert len({*one_by_one, *at_once}) == 30
    assert await scalar(sessions, "SELECT count(*) FROM targets WHERE sid IS NOT NULL") == 30
    assert await scalar(sessions, "SELECT count(*) FROM plans") <= 2
    assert (await third.shown(campaign_id))["callCount"] == 30


async def test_who_has_no_credits_calls_nobody(as_third: AsThird, new_tenant: Any) -> None:
    poor = await as_third(await new_tenant("poor@example.com", phone=0))
    body = {"name": "Sita", "phoneNumber": "9841000001", "campID": await poor.create()}
    answer = await poor.http.post("make_call", json=body)
    assert answer.status_code == 402
    assert "credits" in answer.json()["detail"]


async def test_what_is_no_number_is_422(third: Third) -> None:
    body = {"name": "Sita", "campID": await third.create()}
    for number in ("", "12", "abc", "9" * 40, None, True, [], {}):
        answer = await third.http.post("make_call", json={**body, "phoneNumber": number})
        assert (number, answer.status_code) == (number, 422)
        assert answer.json()["detail"][0]["loc"] == ["body", "phoneNumber"]


async def test_a_repeated_order_under_one_key_calls_once(third: Third, sessions: SessionFactory) -> None:
    body = {"name": "Sita", "phoneNumber": "9841000001", "campID": await third.create()}
    asked = {"json": body, "headers": {"Idempotency-Key": "one"}}
    first = await third.http.post("make_call", **asked)
    again = await third.http.post("make_call", **asked)
    assert first.json() == again.json()
    assert await scalar(sessions, "SELECT count(*) FROM targets") == 1


_ENDED = (
    ("completed", None, "completed", None),
    ("hungup", "hung up", "completed", None),
    ("busy", "486", "busy", None),
    ("no_answer", "480", "no-answer", None),
    ("rejected", "603", "failed", "603"),
    ("failed", "no voice", "failed", "no voice"),
    ("invalid_number", None, "failed", "invalid_number"),
    ("blocked", "opted out", "canceled", "opted out"),
    ("cancelled", "stopped", "canceled", "stopped"),
    ("expired", None, "canceled", "expired"),
)


async def test_outcomes_have_twilios_names(third: Third, sessions: SessionFactory) -> None:
    call_id = await third.call(await third.create())
    for outcome, reason, status, error in _ENDED:
        await execute(
            sessions,
            "UPDATE targets SET state = 'final', outcome = :outcome, reason = :reason, final_at = now()",
            outcome=outcome,
            reason=reason,
        )
        told = await third.status(f"{call_id}/")
        assert (told["status"], told.get("error")) == (status, error), outcome


_TOLD = ("call_status", "get_transcription", "get_post_call_analysis")


async def test_there_is_no_call_of_another_id(third: Third) -> None:
    for path in _TOLD:
        for call_id in ("", "x", "CA", "CA" + "0" * 32, "SM" + "0" * 32, "CA" + "z" * 32, "\u0967"):
            answer = await third.http.get(path, params={"callId": call_id})
            assert (path, answer.status_code) == (path, 404)
            assert isinstance(answer.json()["detail"], str)
        answer = await third.http.get(path)
        assert answer.json()["detail"][0]["loc"] == ["query", "callId"]


async def test_of_a_call_that_waits_nothing_was_said_yet(third: Third) -> None:
    call_id = await third.call(await third.create())
    told = await third.result("GET", "get_transcription", params={"callId": call_id})
    assert (told["callId"], told["state"], told["transcription"]) == (call_id, "in_progress", [])
    told = await third.result("GET", "get_post_call_analysis", params={"callId": call_id})
    assert told["analysis"] == {"question_1": None}


async def test_what_only_a_model_could_tell_of_a_call_is_not_pretended(third: Third) -> None:
    schema = {"sentiment": "How did they sound?", "yes": "Will they come?"}
    campaign_id = await third.create(postCallAnalysis=True, postCallAnalysisSchema=schema)
    call_id = await third.call(campaign_id)
    answer = await third.http.get("get_post_call_analysis", params={"callId": call_id})
    assert answer.status_code == 501
    assert "sentiment" in answer.json()["detail"]
    assert (await third.update(campaign_id, postCallAnalysisSchema={"yes": "?"})).status_code == 200
    told = await third.result("GET", "get_post_call_analysis", params={"callId": call_id})
    assert told["analysis"] == {"yes": None}


async def test_another_account_finds_nothing(third: Third, third_other: Third) -> None:
    campaign_id = await third.create()
    call_id = await third.call(campaign_id)
    assert await third_other.result("GET", "get_campaigns") == {}
    assert (await third_other.update(campaign_id, title="mine")).status_code == 404
    body = {"name": "x", "phoneNumber": "9841000001", "campID": campaign_id}
    assert (await third_other.http.post("make_call", json=body)).status_code == 404
    for path in _TOLD:
        assert (await third_other.http.get(path, params={"callId": call_id})).status_code == 404
    listed = {"contactList": CAMPAIGN["title"]}
    people = [{"name": "x", "phone": "9841000001"}]
    added = await third_other.result("POST", "add_contacts", params=listed, json=people)
    assert added["campaignId"] != campaign_id
    assert (await third.shown(campaign_id))["contactCount"] == 0
    overall = (await third_other.result("GET", "get_campaign_analytics"))["overall"]
    assert overall["callCount"] == 0


_ENDPOINTS = [
    ("GET", "get_supported_languages"),
    ("GET", "get_supported_voices"),
    ("GET", "get_campaigns"),
    ("GET", "get_campaign_analytics"),
    ("GET", "get_balance"),
    ("GET", "call_status"),
    ("GET", "get_transcription"),
    ("GET", "get_post_call_analysis"),
    ("POST", "create_campaign"),
    ("POST", "update_campaign"),
    ("PUT", "update_campaign"),
    ("POST", "make_call"),
    ("POST", "add_contacts"),
    ("POST", "add_webhook"),
    ("POST", "webhooks/add_webhook"),
    ("POST", "generate_api_key"),
    ("POST", "send_whatsapp_templates"),
]


async def test_nobody_passes_without_a_key_of_this_face(third: Third, tenant: Tenant) -> None:
    for method, path in _ENDPOINTS:
        for credential in ("", "Bearer", "Bearer tg_x", f"Bearer {tenant.token}"):
            answer = await third.http.request(method, path, headers={"Authorization": credential})
            assert answer.status_code == 401, (path, credential, answer.text)
            assert isinstance(answer.json()["detail"], str)
            assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_viewer_looks_and_orders_nothing(viewer: Tenant, as_third: AsThird, third: Third) -> None:
    looks = await as_third(viewer)
    campaign_id = await third.create()
    assert campaign_id in await looks.result("GET", "get_campaigns")
    body = {"name": "Sita", "phoneNumber": "9841000001", "campID": campaign_id}
    assert (await looks.http.post("make_call", json=body)).status_code == 403
    assert (await looks.update(campaign_id, title="x")).status_code == 403


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_FIELDS = st.sampled_from(
    [
        *CAMPAIGN,
        *("campID", "campId", "campaignModelData", "name", "phoneNumber", "extraParams", "face", "path"),
        *("method", "headers", "params", "json_data", "isFreeflow", "humanHandoff", "description", "phone"),
    ]
)
_BODIES = st.dictionaries(_FIELDS, _JSON, max_size=8) | st.lists(
    st.dictionaries(_FIELDS, _JSON, max_size=3), max_size=3
)
_POSTS = [path for method, path in _ENDPOINTS if method == "POST" and path != "generate_api_key"]


async def test_no_body_whatever_is_a_server_error(third: Third) -> None:
    campaign_id = await third.create()
    bodies: list[tuple[str, Any]] = []

    @given(st.sampled_from(_POSTS), _BODIES, st.booleans())
    @tried(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    def gather(path: str, body: Any, known: bool) -> None:
        if known and isinstance(body, dict):
            body = {**body, "campID": campaign_id, "campId": campaign_id}
        bodies.append((path, body))

    gather()
    for path, body in bodies:
        answer = await third.http.post(path, params={"contactList": "x"}, json=_finite(body))
        assert answer.status_code in (200, 404, 422, 501), (path, body, answer.text)
        if answer.status_code == 422:
            assert all(set(item) == {"loc", "msg", "type"} for item in answer.json()["detail"])


def _finite(value: Any) -> Any:
    """What a JSON writer takes: no NaN, no infinity."""
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else 0.5
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list) else value


_HOSTILE = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"\xff\xfe",
    b"[" * 900 + b"]" * 900,
    b'{"title": "\\u0000", "script": "x"}',
    b'{"title": "x", "script": NaN}',
    b'{"title": "x", "script": "y", "n": ' + b"9" * 5000 + b"}",
    b'{"title": "x", "script": "\\ud800"}',
    b'{"title": "' + b"x" * 300 + b'", "script": "y"}',
    b'{"title": {"$ne": 1}, "script": []}',
)


async def test_hostile_bytes_are_refused(third: Third) -> None:
    for path in _POSTS:
        for content in _HOSTILE:
            answer = await third.http.post(path, params={"contactList": "x"}, content=content)
            not_offered = path == "send_whatsapp_templates" and answer.status_code == 501
            no_contacts = path == "add_contacts" and content == b"[]" and answer.status_code == 200
            assert not_offered or no_contacts or answer.status_code in (400, 422), (
                path,
                content,
                answer.text,
            )
            assert len(answer.content) < 20_000


async def test_values_too_long_are_refused(third: Third) -> None:
    long = "x" * 20_000
    campaign_id = await third.create()
    for fields in ({"title": long}, {"script": long}, {"description": long}, {"voice": long}):
        answer = await third.update(campaign_id, **fields)
        assert answer.status_code == 422
        assert len(answer.content) < 1000
    call = {"name": "x", "phoneNumber": "9841000001", "campID": campaign_id}
    for more in (
        {"name": long},
        {"extraParams": {"a": long}},
        {"extraParams": dict.fromkeys(map(str, range(300)), 1)},
    ):
        assert (await third.http.post("make_call", json={**call, **more})).status_code == 422
    answer = await third.http.post("add_contacts", params={"contactList": long}, json=[])
    assert answer.status_code == 422
    answer = await third.http.post("create_campaign", content=b" " * (18 << 20))
    assert answer.status_code == 413
