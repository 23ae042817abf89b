"""Lists of people to call: who is called, who is refused and why, and how many there may be."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from api_world import scalar
from ghanti.database.session import SessionFactory
from toingg_world import Speaker

MOST = 50_000


def _person(index: int, **more: Any) -> dict[str, Any]:
    return {"clientName": f"S{index}", "clientNumber": f"98410{index:05}", **more}


async def _batch(speaker: Speaker, people: Any, **more: Any) -> Any:
    return await speaker.first("/make_batch_toingg/", {"campaign": "tax", "numberList": people}, **more)


async def test_each_is_answered_for_in_order(speaker: Speaker, sessions: SessionFactory) -> None:
    await speaker.tenant.create(name="tax", message="{name} {amount}")
    people = [
        _person(1, amount=5),
        {"clientName": "Bad", "clientNumber": "12", "amount": 5},
        {"clientName": 3, "clientNumber": 9841000003, "amount": "x"},
        _person(1, amount=6),
        _person(4),
    ]
    answer = await _batch(speaker, people)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["campaign", "total", "accepted", "refused", "results"]
    assert (body["campaign"], body["total"], body["accepted"], body["refused"]) == ("tax", 5, 2, 3)
    called, bad, number, twice, lacking = body["results"]
    assert list(called) == ["clientName", "clientNumber", "status", "callSid"]
    assert (called["clientName"], called["clientNumber"]) == ("S1", "9841000001")
    assert (number["clientName"], number["clientNumber"], number["status"]) == ("3", "9841000003", "queued")
    assert called["callSid"] != number["callSid"]
    for refused in (bad, twice, lacking):
        assert list(refused) == ["clientName", "clientNumber", "status", "field", "message"]
        assert refused["status"] == "refused"
    assert (bad["clientNumber"], bad["field"]) == ("12", "clientNumber")
    assert twice["field"] == "clientNumber"
    assert "index 0" in twice["message"]
    assert "amount" in lacking["message"]
    plans = await scalar(sessions, "SELECT count(*) FROM plans")
    targets = await scalar(sessions, "SELECT array_agg('CA' || replace(sid::text, '-', '')) FROM targets")
    assert plans == 1
    assert sorted(targets) == sorted([called["callSid"], number["callSid"]])


async def test_a_thousand_with_fifty_bad_ones(speaker: Speaker, sessions: SessionFactory) -> None:
    """Sent twice under a key, they are called once."""
    await speaker.tenant.create(name="tax", message="{name}")
    people = [_person(index) for index in range(1000)]
    for place in range(0, 1000, 20):
        people[place]["clientNumber"] = f"{place}x"
    headers = {"Idempotency-Key": "thousand"}
    answer = await _batch(speaker, people, headers=headers)
    again = await _batch(speaker, people, headers=headers)
    assert answer.status_code == 200, answer.text[:500]
    assert again.content == answer.content
    body = answer.json()
    assert (body["accepted"], body["refused"]) == (950, 50)
    refused = [result for result in body["results"] if result["status"] == "refused"]
    assert [result["clientNumber"] for result in refused] == [f"{place}x" for place in range(0, 1000, 20)]
    assert all(result["message"] for result in refused)
    assert await scalar(sessions, "SELECT count(DISTINCT sid) FROM targets") == 950
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 1


async def test_when_all_are_bad_nobody_is_called(speaker: Speaker, sessions: SessionFactory) -> None:
    await speaker.tenant.create(name="tax")
    people = [{"clientName": "a", "clientNumber": "12"}, {"clientName": "b", "clientNumber": "no number"}]
    answer = await _batch(speaker, people)
    assert answer.status_code == 422
    locations = [item["loc"] for item in answer.json()["detail"]]
    assert locations == [["body", "numberList", place, "clientNumber"] for place in (0, 1)]
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 0


@pytest.mark.parametrize(
    ("people", "location"),
    [
        ([], ["body", "numberList"]),
        ({}, ["body", "numberList"]),
        ("x", ["body", "numberList"]),
        (None, ["body", "numberList"]),
        ([_person(1), {}], ["body", "numberList", 1, "clientName"]),
        ([{"clientName": "a"}], ["body", "numberList", 0, "clientNumber"]),
        ([{"clientName": "a", "clientNumber": None}], ["body", "numberList", 0, "clientNumber"]),
        (["9841000001"], ["body", "numberList", 0]),
    ],
)
async def test_lists_that_are_none(speaker: Speaker, people: object, location: list[Any]) -> None:
    await speaker.tenant.create(name="tax")
    answer = await _batch(speaker, people)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"][0]["loc"] == location


async def test_a_bad_list_is_told_in_no_more_than_a_hundred_items(speaker: Speaker) -> None:
    await speaker.tenant.create(name="tax")
    answers = [
        await _batch(speaker, [{}] * 5000),
        await _batch(speaker, [_person(1, clientNumber="1")] * 200),
    ]
    assert [(answer.status_code, len(answer.json()["detail"])) for answer in answers] == [(422, 100)] * 2


async def test_one_more_than_may_be_is_413(speaker: Speaker) -> None:
    await speaker.tenant.create(name="tax")
    answer = await _batch(speaker, [_person(1)] * (MOST + 1))
    assert answer.status_code == 413
    assert answer.json() == {"detail": f"numberList has more than {MOST} items."}


async def test_as_many_as_may_be_are_one_plan(
    new_speaker: Callable[..., Any], new_tenant: Callable[..., Any], sessions: SessionFactory
) -> None:
    speaker = await new_speaker(await new_tenant("many@example.com", phone=MOST))
    await speaker.tenant.create(name="tax", message="{name}")
    answer = await _batch(speaker, [_person(index) for index in range(MOST)], timeout=120)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["accepted"], len(answer.json()["results"])) == (MOST, MOST)
    assert await scalar(sessions, "SELECT count(*) FROM targets") == MOST
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 1


async def test_a_form_may_hold_the_list_as_json(speaker: Speaker) -> None:
    await speaker.tenant.create(name="tax")
    fields = {"campaign": "tax", "numberList": json.dumps([_person(1), _person(2)])}
    answer = await speaker.http.post(f"/api/make_batch_toingg/?apiKey={speaker.key}", data=fields)
    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] == 2
