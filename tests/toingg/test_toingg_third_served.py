"""From create_campaign to call_status, over a served instance and simulated phones that press keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

from serving import Served, wait_until

CAMPAIGN = {
    "title": "Ward meeting",
    "language": "english",
    "script": "Will you come, {name}? [1: yes] [2: no]\n\nThanks.",
    "purpose": "Invite people",
    "firstLine": "Hello.",
    "tone": "friendly",
    "knowledgeBase": "",
    "postCallAnalysis": True,
}
PRESSES, LISTENS, BUSY, GONE = "9779841066194", "9841066111", "+9779841066190", "9841066195"
_OVER = frozenset({"completed", "busy", "no-answer", "failed", "canceled"})


@pytest.fixture
def third(served: Served) -> Iterator[httpx.Client]:
    """A client of the third generation that speaks for the served account."""
    with served.client() as client:
        made = client.post("auths/generate-api-keys/", json={"face": "toingg"})
    assert made.status_code == 200, made.text
    with httpx.Client(
        base_url=f"{served.url}/api/v3/",
        headers={"Authorization": f"Bearer {made.json()['token']}"},
        timeout=30,
    ) as client:
        yield client


def _result(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["status"] is True, body
    return body["result"]


def _call(third: httpx.Client, campaign_id: str, number: str) -> str:
    body = {"name": "Sita", "phoneNumber": number, "campID": campaign_id, "asr": "AZURE"}
    call_id: str = _result(third.post("make_call", json=body))["callId"]
    return call_id


def _over(third: httpx.Client, call_id: str) -> dict[str, Any] | None:
    told: dict[str, Any] = _result(third.get("call_status", params={"callId": call_id}))
    return told if told["status"] in _OVER else None


def _answers(served: Served, call_id: str) -> dict[str, str | None]:
    with served.connect() as connection:
        rows = connection.execute(
            "SELECT r.name, r.keys FROM answers r JOIN targets t USING (account_id)"
            " WHERE t.id = r.target_id AND t.sid = CAST(%s AS uuid)",
            [call_id.removeprefix("CA")],
        ).fetchall()
    return dict(rows)


def test_a_campaign_is_made_calls_people_and_tells_of_it(served: Served, third: httpx.Client) -> None:
    campaign_id = _result(third.post("create_campaign", json=CAMPAIGN))["campaignId"]
    calls = {number: _call(third, campaign_id, number) for number in (PRESSES, LISTENS, BUSY, GONE)}
    told = {
        number: wait_until(lambda call_id=call_id: _over(third, call_id), f"the call of {number} is over")
        for number, call_id in calls.items()
    }
    assert {number: call["status"] for number, call in told.items()} == {
        PRESSES: "completed",
        LISTENS: "completed",
        BUSY: "busy",
        GONE: "failed",
    }
    assert told[GONE]["error"]
    pressed = told[PRESSES]
    assert int(pressed["duration"]) > 0
    start, end = (datetime.fromisoformat(pressed[key]) for key in ("start_time", "end_time"))
    assert abs((end - start).total_seconds() - int(pressed["duration"])) <= 1
    assert _answers(served, calls[PRESSES]) == {"question_1": "1"}
    assert _answers(served, calls[LISTENS]) == {"question_1": None}
    said = _result(third.get("get_transcription", params={"callId": calls[PRESSES]}))
    assert (said["language"], said["state"]) == ("english", "not_recorded")
    turns = [(turn["role"], turn["content"]) for turn in said["transcription"]]
    assert turns[0] == ("assistant", "Hello.")
    assert turns[1][1].startswith("Will you come")  # the key may have come before all of it was said
    assert any(role == "user" and "1" in content for role, content in turns)
    assert turns[-1] == ("assistant", "Thanks.")
    analysed = _result(third.get("get_post_call_analysis/", params={"callId": calls[PRESSES]}))
    assert analysed["analysis"] == {"question_1": "yes"}
    shown = _result(third.get("get_campaigns"))[campaign_id]
    assert (shown["callCount"], shown["totalNumCall"]) == (4, 4)
    assert shown["calls"] == {"completed": 2, "busy": 1, "failed": 1}
    assert shown["totalSpent"] >= 2
    assert {name: shown[name] for name in CAMPAIGN} == CAMPAIGN


def test_a_run_by_tingtings_api_asks_the_same(served: Served, third: httpx.Client) -> None:
    campaign_id = _result(third.post("create_campaign", json={**CAMPAIGN, "title": "Both faces"}))[
        "campaignId"
    ]
    people = [{"name": "Ram", "phone": "9779841066294"}]
    added = third.post("add_contacts", params={"contactList": "Both faces"}, json=people)
    assert _result(added)["campaignId"] == campaign_id
    number = int(campaign_id[8:], 16)
    with served.client() as client:
        assert client.post(f"run-campaign/{number}/").status_code == 200
        wait_until(
            lambda: client.get(f"campaign/{number}/").json()["status"] == "Completed", "the campaign is over"
        )
    with served.connect() as connection:
        rows = connection.execute(
            "SELECT r.name, r.keys FROM answers r JOIN targets t ON t.id = r.target_id"
            " AND t.account_id = r.account_id WHERE t.number = '+9779841066294'"
        ).fetchall()
    assert rows == [("question_1", "1")]
    assert _result(third.get("get_campaigns"))[campaign_id]["calls"] == {"completed": 1}
