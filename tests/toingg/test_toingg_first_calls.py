"""Calls and messages of the first generation: what is answered, and what the engine is given."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from api_world import Tenant, execute, scalar
from ghanti.database.session import SessionFactory, transaction
from ghanti.direct import service as direct
from ghanti.direct.schemas import DirectCall
from ghanti.direct.sids import parse_sid
from toingg_world import NUMBER, Speaker


async def _ordered(sessions: SessionFactory, speaker: Speaker, sid: str) -> DirectCall:
    parsed = parse_sid(sid)
    assert parsed is not None
    async with transaction(sessions) as session:
        return await direct.status(session, speaker.tenant.account_id, parsed)


async def _plans(sessions: SessionFactory) -> int:
    count: int = await scalar(sessions, "SELECT count(*) FROM plans")
    return count


async def test_a_call_is_answered_by_its_sid(speaker: Speaker, sessions: SessionFactory) -> None:
    await speaker.tenant.create(name="tax", message="नमस्ते {name}, {amount} रुपैयाँ")
    answer = await speaker.call(amount=250)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert re.fullmatch(r'"CA[0-9a-f]{32}"', answer.text)
    call = await _ordered(sessions, speaker, answer.json())
    assert call.number == "+977" + NUMBER
    assert call.variables == {"name": "Sita", "amount": 250}


async def test_numbers_may_be_numbers(speaker: Speaker, sessions: SessionFactory) -> None:
    await speaker.tenant.create(name="tax", message="{name}")
    answer = await speaker.call(phoneNumber=int(NUMBER), name=7)
    assert answer.status_code == 200, answer.text
    assert (await _ordered(sessions, speaker, answer.json())).variables == {"name": "7"}


async def test_a_campaigns_name_is_taken_to_the_letter(speaker: Speaker) -> None:
    await speaker.tenant.create(name=" Tax")
    statuses = [(await speaker.call(name)).status_code for name in (" Tax", "Tax", " tax", " Tax ")]
    assert statuses == [200, 404, 404, 404]


async def test_of_equal_names_the_one_updated_last_that_is_no_draft(
    speaker: Speaker, sessions: SessionFactory
) -> None:
    first = await speaker.tenant.create(name="tax", message="{a}")
    await speaker.tenant.create(name="tax", message="{b}")
    await speaker.tenant.create(name="tax", message="{c}", draft=True)
    await speaker.tenant.http.patch(f"campaign/{first['id']}/", json={"description": "again"})
    answer = await speaker.call(a=1)
    assert answer.status_code == 200, answer.text
    assert (await _ordered(sessions, speaker, answer.json())).campaign_id == first["id"]


@pytest.mark.parametrize("language", ["nepali", "Nepali", "hindi", "english", "", None])
async def test_languages(speaker: Speaker, language: str | None) -> None:
    await speaker.tenant.create(name="tax")
    answer = await speaker.call(language=language)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("language", ["french", 7, ["hindi"], {}])
async def test_languages_that_nobody_speaks(speaker: Speaker, language: object) -> None:
    await speaker.tenant.create(name="tax")
    answer = await speaker.call(language=language)
    assert answer.status_code == 422
    (item,) = answer.json()["detail"]
    assert item["loc"] == ["body", "language"]
    assert "nepali, hindi, english" in item["msg"]


async def test_script_of_its_own(speaker: Speaker, sessions: SessionFactory) -> None:
    """The campaign of the name lends its voice, and keeps its message."""
    campaign = await speaker.tenant.create(name="water", message="keeps", voice=2)
    body = {"campaignName": "water", "campaignScript": "Bill of {name}", "name": "S", "phoneNumber": NUMBER}
    answer = await speaker.first("/make_toingg_details/", body)
    assert answer.status_code == 200, answer.text
    call = await _ordered(sessions, speaker, answer.json())
    assert (call.campaign_id, call.text) == (campaign["id"], "Bill of {name}")
    kept = await speaker.tenant.get(campaign["id"])
    assert (kept["message"], kept["updated_at"]) == ("keeps", campaign["updated_at"])
    assert await scalar(sessions, "SELECT count(*) FROM campaigns") == 1


async def test_script_whose_campaign_is_new(speaker: Speaker, sessions: SessionFactory) -> None:
    body = {"campaignName": "new", "campaignScript": "Hello {name}", "name": "S", "phoneNumber": NUMBER}
    calls = [
        await _ordered(sessions, speaker, (await speaker.first("/make_toingg_details/", sent)).json())
        for sent in (body, {**body, "campaignScript": "Another for {name}"})
    ]
    assert calls[0].campaign_id == calls[1].campaign_id
    assert [call.text for call in calls] == ["Hello {name}", "Another for {name}"]
    (campaign,) = (await speaker.tenant.http.get("campaign/")).json()["results"]
    made = (campaign["name"], campaign["services"], campaign["message"], campaign["draft"])
    assert made == ("new", "PHONE", "Hello {name}", False)


async def test_of_many_at_once_with_a_new_name_one_makes_the_campaign(
    speaker: Speaker, sessions: SessionFactory
) -> None:
    body = {"campaignName": "new", "campaignScript": "Hello {name}", "name": "S", "phoneNumber": NUMBER}
    answers = await asyncio.gather(*(speaker.first("/make_toingg_details/", body) for _ in range(8)))
    assert [answer.status_code for answer in answers] == [200] * 8
    assert len({answer.json() for answer in answers}) == 8
    assert await scalar(sessions, "SELECT count(*) FROM campaigns") == 1
    assert await _plans(sessions) == 1


async def test_a_refused_script_leaves_no_campaign(speaker: Speaker, sessions: SessionFactory) -> None:
    body = {"campaignName": "new", "campaignScript": "Hi {name}", "name": "S", "phoneNumber": "12"}
    answer = await speaker.first("/make_toingg_details/", body)
    assert [item["loc"] for item in answer.json()["detail"]] == [["body", "phoneNumber"]]
    assert await scalar(sessions, "SELECT count(*) FROM campaigns") == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [("campaignScript", "  "), ("campaignScript", ""), ("campaignName", ""), ("phoneNumber", "no number")],
)
async def test_what_is_wrong_is_named_as_it_was_sent(speaker: Speaker, field: str, value: str) -> None:
    body = {"campaignName": "new", "campaignScript": "Hi", "name": "S", "phoneNumber": NUMBER, field: value}
    answer = await speaker.first("/make_toingg_details/", body)
    assert answer.status_code == 422, answer.text
    assert [item["loc"] for item in answer.json()["detail"]] == [["body", field]]


async def test_a_message_is_answered_by_its_sid(speaker: Speaker, sessions: SessionFactory) -> None:
    body = {"name": "Sita", "phoneNumber": NUMBER, "message": "Dear {name}, {day}", "day": "Friday"}
    answer = await speaker.first("/send_sms/", body)
    assert answer.status_code == 200, answer.text
    assert re.fullmatch(r'"SM[0-9a-f]{32}"', answer.text)
    sent = await _ordered(sessions, speaker, answer.json())
    assert (sent.channel, sent.text) == ("sms", "Dear {name}, {day}")
    assert sent.variables == {"name": "Sita", "day": "Friday"}


async def test_hanging_up(speaker: Speaker, sessions: SessionFactory) -> None:
    await speaker.tenant.create(name="tax")
    sid = (await speaker.call()).json()
    answers = [await speaker.first("/hang_up_call/", params={"callSid": sid}) for _ in range(2)]
    assert [answer.json() for answer in answers] == [
        {"callSid": sid, "status": "queued"},
        {"callSid": sid, "status": "canceled"},
    ]
    assert (await _ordered(sessions, speaker, sid)).outcome == "cancelled"


@pytest.mark.parametrize("sid", ["", "CA", "CA" + "0" * 32, "CA" + "g" * 32, "é", "1" * 5000, "%00"])
async def test_hanging_up_what_is_no_call(speaker: Speaker, sid: str) -> None:
    answer = await speaker.first("/hang_up_call/", params={"callSid": sid})
    assert answer.status_code == 404
    assert isinstance(answer.json()["detail"], str)


async def test_a_message_is_no_call(speaker: Speaker) -> None:
    body = {"name": "Sita", "phoneNumber": NUMBER, "message": "x"}
    sid = (await speaker.first("/send_sms/", body)).json()
    for spelling in (sid, "CA" + sid[2:]):
        answer = await speaker.first("/hang_up_call/", params={"callSid": spelling})
        assert answer.status_code == 404, answer.text


async def test_another_accounts_call_and_campaign_are_unknown(
    speaker: Speaker, new_speaker: Callable[..., Any], other: Tenant, sessions: SessionFactory
) -> None:
    stranger = await new_speaker(other)
    await speaker.tenant.create(name="tax")
    sid = (await speaker.call()).json()
    assert (await stranger.first("/hang_up_call/", params={"callSid": sid})).status_code == 404
    assert (await stranger.call("tax")).status_code == 404
    assert (await _ordered(sessions, speaker, sid)).outcome is None
    details = {"campaignName": "tax", "campaignScript": "x", "name": "S", "phoneNumber": NUMBER}
    own = await stranger.first("/make_toingg_details/", details)
    assert (await _ordered(sessions, stranger, own.json())).campaign_id not in (None, 0)
    assert await scalar(sessions, "SELECT count(DISTINCT account_id) FROM campaigns WHERE name = 'tax'") == 2


async def test_without_credits_nothing_is_ordered(
    new_speaker: Callable[..., Any], new_tenant: Callable[..., Any], sessions: SessionFactory
) -> None:
    poor = await new_speaker(await new_tenant("poor@example.com", phone=0, sms=0))
    await poor.tenant.create(name="tax")
    people = [{"clientName": "S", "clientNumber": NUMBER}]
    answers = [
        await poor.call(),
        await poor.first("/send_sms/", {"name": "S", "phoneNumber": NUMBER, "message": "x"}),
        await poor.first("/make_batch_toingg/", {"campaign": "tax", "numberList": people}),
    ]
    assert [answer.status_code for answer in answers] == [402] * 3
    assert all("credits" in answer.json()["detail"] for answer in answers)
    assert all(answer.json().keys() == {"detail"} for answer in answers)
    assert await _plans(sessions) == 0


async def test_a_tag_without_a_value_is_named(speaker: Speaker) -> None:
    await speaker.tenant.create(name="tax", message="{amount}")
    answer = await speaker.call()
    assert answer.status_code == 422
    (item,) = answer.json()["detail"]
    assert item["loc"] == ["body"]
    assert "amount" in item["msg"]


async def test_a_contacts_values_fill_what_is_not_sent(speaker: Speaker) -> None:
    campaign = await speaker.tenant.create(name="tax", message="{name} {amount}")
    await speaker.tenant.add(campaign["id"], NUMBER, amount="100")
    assert (await speaker.call()).status_code == 200


async def test_a_campaign_of_messages_makes_no_calls(speaker: Speaker) -> None:
    await speaker.tenant.create(name="tax", services="SMS")
    answer = await speaker.call()
    assert answer.status_code == 400
    assert "no calls" in answer.json()["detail"]


async def test_a_key_that_was_used_repeats_the_answer(speaker: Speaker, sessions: SessionFactory) -> None:
    """The same call under either path, and with a new key of the same user."""
    await speaker.tenant.create(name="tax")
    body = {"campaign": "tax", "name": "Sita", "phoneNumber": NUMBER}
    headers = {"Idempotency-Key": "one"}
    first = await speaker.first("/make_toingg/", body, headers=headers)
    again = [
        await speaker.first("/make_toingg", body, headers=headers),
        await speaker.http.post(f"/make_toingg?apiKey={speaker.key}", json=body, headers=headers),
        await speaker.first("/make_toingg/", dict(reversed(body.items())), headers=headers),
    ]
    new = await speaker.tenant.http.post("auths/generate-api-keys/", json={"face": "toingg"})
    speaker.key = new.json()["token"]
    again.append(await speaker.first("/make_toingg/", body, headers=headers))
    for answer in again:
        assert (answer.status_code, answer.text) == (200, first.text)
        assert answer.headers["idempotent-replayed"] == "true"
    assert await scalar(sessions, "SELECT count(*) FROM targets") == 1
    another = await speaker.first("/make_toingg/", {**body, "name": "Hari"}, headers=headers)
    assert another.status_code == 422
    assert isinstance(another.json()["detail"], str)


async def test_a_refusal_under_a_key_is_repeated_in_this_apis_shape(speaker: Speaker) -> None:
    headers = {"Idempotency-Key": "one"}
    body = {"campaign": "tax", "name": "Sita", "phoneNumber": NUMBER}
    first = await speaker.first("/make_toingg/", body, headers=headers)
    await speaker.tenant.create(name="tax")
    again = await speaker.first("/make_toingg/", body, headers=headers)
    assert [answer.status_code for answer in (first, again)] == [404, 404]
    assert first.json() == again.json() == {"detail": "There is no campaign tax."}


async def test_what_is_kept_under_a_key_holds_no_credential(
    speaker: Speaker, sessions: SessionFactory
) -> None:
    """The request is kept as an HMAC, its answer encrypted."""
    await speaker.tenant.create(name="tax")
    answer = await speaker.first(
        "/make_toingg/",
        {"campaign": "tax", "name": "Sita", "phoneNumber": NUMBER},
        headers={"Idempotency-Key": "one"},
    )
    kept: str = await scalar(sessions, "SELECT string_agg(k::text, ' ') FROM idempotency_keys k")
    fingerprint: bytes = await scalar(sessions, "SELECT fingerprint FROM idempotency_keys")
    assert len(fingerprint) == 32
    for secret in (speaker.key, answer.json()):
        assert secret not in kept
        assert secret.encode().hex() not in kept


async def test_many_single_calls_are_one_plan(speaker: Speaker, sessions: SessionFactory) -> None:
    await speaker.tenant.create(name="tax", message="{name}")
    sids = {(await speaker.call(name=f"S{index}")).json() for index in range(5)}
    assert len({UUID(sid[2:]) for sid in sids}) == 5
    assert await _plans(sessions) == 1


async def test_a_viewer_may_order_nothing(
    viewer: Tenant, new_speaker: Callable[..., Any], sessions: SessionFactory
) -> None:
    onlooker = await new_speaker(viewer)
    people = [{"clientName": "S", "clientNumber": NUMBER}]
    details = {"campaignName": "t", "campaignScript": "x", "name": "S", "phoneNumber": NUMBER}
    answers = [
        await onlooker.call(),
        await onlooker.first("/make_toingg_details/", details),
        await onlooker.first("/make_batch_toingg/", {"campaign": "t", "numberList": people}),
        await onlooker.first("/send_sms/", {"name": "S", "phoneNumber": NUMBER, "message": "x"}),
        await onlooker.first("/hang_up_call/", params={"callSid": "CA" + "0" * 32}),
        await onlooker.http.post("/api/create-checkout-session", json={"apikey": onlooker.key}),
    ]
    assert [answer.status_code for answer in answers] == [403] * 6
    assert all("viewer" in answer.json()["detail"] for answer in answers)
    await execute(sessions, "UPDATE users SET role = 'member' WHERE id = :id", id=viewer.user_id)
    assert (await onlooker.call()).status_code == 404
