"""The report of a survey: its columns, its JSON, and what stands for an answer that is none."""

from __future__ import annotations

import csv
import io
from typing import Any
from uuid import uuid4

import pytest

from api_world import Tenant, execute, scalar
from ghanti.database.session import SessionFactory
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.surveys import report

STEPS = [
    {"content_type": "info", "text_or_url": "नमस्ते"},
    {"content_type": "say", "text_or_url": "पानी?", "response_type": "dtmf", "input_name": "पानी"},
    {"content_type": "say", "text_or_url": "कति?", "response_type": "dtmf", "input_name": "status"},
    {"content_type": "say", "text_or_url": "भन्नुहोस्", "response_type": "raw_record", "input_name": "=said"},
    {"content_type": "say", "text_or_url": "धन्यवाद", "response_type": "none"},
]
RECORDING = "recordings/1/abc.wav"


async def _world(tenant: Tenant, sessions: SessionFactory) -> tuple[dict[str, Any], dict[str, int]]:
    """A survey that runs, whose first contact has answered; and its steps' ids by their names."""
    campaign = await tenant.create(services="SURVEY", message="", steps=STEPS)
    await tenant.add(campaign["id"], "9841000001", name="राम", number="12", age=20)
    await tenant.add(campaign["id"], "9841000002", name="+सीता")
    assert (await tenant.run(campaign["id"])).status_code == 200
    await tenant.add(campaign["id"], "9841000003")
    steps = {step["input_name"]: step["id"] for step in campaign["survey"]["steps"]}
    return campaign, steps


async def _called(sessions: SessionFactory, index: int) -> tuple[int, Any]:
    """The call of a contact, over now: the ids of its target and its attempt."""
    target_id = await scalar(
        sessions, "SELECT id FROM targets ORDER BY contact_id LIMIT 1 OFFSET :index", index=index
    )
    attempt_id = uuid4()
    await execute(
        sessions,
        "INSERT INTO attempts (account_id, id, plan_id, target_id, contact_id, channel, number, state,"
        " outcome, session_id, lease_until, sent_at, answered_at, ended_at, duration_ms)"
        " SELECT account_id, :attempt_id, plan_id, id, contact_id, channel, number, 'ended', 'completed',"
        " :attempt_id, now(), '2026-01-02 03:04:05Z', '2026-01-02 03:04:06Z', '2026-01-02 03:04:27.5Z', 20500"
        " FROM targets WHERE id = :target_id",
        attempt_id=attempt_id,
        target_id=target_id,
    )
    await execute(
        sessions,
        "UPDATE targets SET state = 'final', outcome = 'completed', attempts = 1, attempt_id = :attempt_id,"
        " final_at = now() WHERE id = :target_id",
        attempt_id=attempt_id,
        target_id=target_id,
    )
    return target_id, attempt_id


async def _answered(
    sessions: SessionFactory, call: tuple[int, Any], step_id: int, state: str, keys: str | None = None
) -> None:
    await execute(
        sessions,
        "INSERT INTO answers (account_id, target_id, name, attempt_id, kind, state, keys, media_key, ms,"
        " answered_at)"
        " SELECT account_id, id, :name, :attempt_id, :kind, :state, :keys, :media_key, :ms, now()"
        " FROM targets WHERE id = :target_id",
        target_id=call[0],
        attempt_id=call[1],
        name=f"step_{step_id}",
        kind="keys" if state == "given" else "recording",
        state=state,
        keys=keys,
        media_key=RECORDING if state == "stored" else None,
        ms=6200 if state == "stored" else None,
    )


async def _csv(tenant: Tenant, either_id: int) -> list[dict[str, str]]:
    answer = await tenant.http.get(f"download/survey/{either_id}/report/")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="survey_{either_id}_report.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_a_line_a_contact(tenant: Tenant, sessions: SessionFactory, settings: Settings) -> None:
    campaign, steps = await _world(tenant, sessions)
    call = await _called(sessions, 0)
    await _answered(sessions, call, steps["पानी"], "given", "1")
    await _answered(sessions, call, steps["status"], "given", None)
    await _answered(sessions, call, steps["=said"], "stored")
    MediaStore(settings.media_folder).put(RECORDING, b"RIFF and so on")
    lines = await _csv(tenant, campaign["survey"]["id"])
    assert lines == await _csv(tenant, campaign["id"])
    assert list(lines[0]) == [
        *("number", "name", "tags_number", "age"),
        *("status", "पानी", "answer_status", "'=said"),
        *("answered", "call_duration", "attempts", "started_at", "ended_at"),
    ]
    first, second, third = lines
    link = first["'=said"]
    assert first | {"'=said": ""} == {
        "number": "9841000001",
        "name": "राम",
        "tags_number": "12",
        "age": "20",
        "status": "completed",
        "पानी": "1",
        "answer_status": "",
        "'=said": "",
        "answered": "2",
        "call_duration": "21s",
        "attempts": "1",
        "started_at": "2026-01-02T08:49:05+05:45",
        "ended_at": "2026-01-02T08:49:27+05:45",
    }
    assert (await tenant.http.get(link)).content == b"RIFF and so on"
    assert second["name"] == "'+सीता"
    assert [line["status"] for line in (second, third)] == ["not started"] * 2
    assert (second["answered"], second["attempts"], second["started_at"]) == ("0", "0", "")


@pytest.mark.parametrize("state", ["pending", "lost"])
async def test_a_recording_that_is_not_there(tenant: Tenant, sessions: SessionFactory, state: str) -> None:
    campaign, steps = await _world(tenant, sessions)
    await _answered(sessions, await _called(sessions, 0), steps["=said"], state)
    assert (await _csv(tenant, campaign["id"]))[0]["'=said"] == state
    answer = await tenant.http.get(f"download/survey/{campaign['id']}/report/?format=json")
    told = answer.json()["results"][0]["answers"]["=said"]
    assert told == {"recording": None, "state": state, "seconds": None}
    assert answer.json()["summary"]["questions"]["=said"] == {
        "answered": 0,
        "unanswered": 0,
        "recordings": {state: 1},
    }


async def test_as_json(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign, steps = await _world(tenant, sessions)
    for index, keys in enumerate(("1", "2")):
        call = await _called(sessions, index)
        await _answered(sessions, call, steps["पानी"], "given", keys)
        await _answered(sessions, call, steps["status"], "given", None)
    await _answered(sessions, call, steps["=said"], "stored")
    answer = await tenant.http.get(f"download/survey/{campaign['survey']['id']}/report/?format=JSON")
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["survey", "summary", "results"]
    assert (body["survey"]["id"], body["survey"]["campaign_id"]) == (campaign["survey"]["id"], campaign["id"])
    assert [step["id"] for step in body["survey"]["steps"]] == [
        step["id"] for step in campaign["survey"]["steps"]
    ]
    assert body["summary"] == {
        "contacts": 3,
        "questions": {
            "पानी": {"answered": 2, "unanswered": 0, "answers": {"1": 1, "2": 1}},
            "status": {"answered": 0, "unanswered": 2, "answers": {}},
            "=said": {"answered": 1, "unanswered": 0, "recordings": {"stored": 1}},
        },
    }
    first, second, third = body["results"]
    assert first["other_variables"] == {"name": "राम", "number": "12", "age": 20}
    assert first["answers"] == {"पानी": {"value": "1"}, "status": {"value": None}}
    assert (first["answered"], first["call_duration"]) == (1, "21s")
    assert first["started_at"] == "2026-01-02T08:49:05.000000+05:45"
    said = second["answers"]["=said"]
    assert (said["state"], said["seconds"]) == ("stored", 6.2)
    assert said["recording"].endswith("/abc.wav")
    assert third == {
        "id": third["id"],
        "number": "9841000003",
        "other_variables": {},
        "status": "not started",
        "answers": {},
        "answered": 0,
        "call_duration": "0s",
        "attempts": 0,
        "started_at": None,
        "ended_at": None,
    }


async def test_a_survey_that_never_ran(tenant: Tenant) -> None:
    campaign = await tenant.create(services="SURVEY", message="", steps=STEPS)
    assert await _csv(tenant, campaign["id"]) == []
    await tenant.add(campaign["id"], "9841000001")
    assert [line["status"] for line in await _csv(tenant, campaign["id"])] == ["not started"]


async def test_test_calls_are_left_out(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create(services="SURVEY", message="", steps=STEPS)
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    assert (await tenant.http.post(f"test-survey/{contact['id']}/")).status_code == 200
    call = await _called(sessions, 0)
    await _answered(sessions, call, campaign["survey"]["steps"][1]["id"], "given", "1")
    (line,) = await _csv(tenant, campaign["id"])
    assert (line["status"], line["पानी"], line["answered"]) == ("not started", "", "0")
    body = (await tenant.http.get(f"download/survey/{campaign['id']}/report/?format=json")).json()
    assert body["summary"]["questions"]["पानी"]["answers"] == {}


async def test_every_page_is_in_it_once(
    tenant: Tenant, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "_PAGE", 3)
    campaign = await tenant.create(services="SURVEY", message="", steps=STEPS)
    numbers = [f"98410000{index:02}" for index in range(10)]
    await tenant.add(campaign["id"], *numbers)
    assert [line["number"] for line in await _csv(tenant, campaign["id"])] == numbers
    body = (await tenant.http.get(f"download/survey/{campaign['id']}/report/?format=json")).json()
    assert [result["number"] for result in body["results"]] == numbers


async def test_what_has_no_report(tenant: Tenant) -> None:
    survey = await tenant.create(services="SURVEY", message="", steps=STEPS)
    phone = await tenant.create()
    for query in ("?format=xlsx", "?format=pdf"):
        answer = await tenant.http.get(f"download/survey/{survey['id']}/report/{query}")
        assert answer.status_code == 400
        assert list(answer.json()["errors"]) == ["format"]
    for either_id in (phone["id"], 99999):
        for query in ("", "?format=json"):
            answer = await tenant.http.get(f"download/survey/{either_id}/report/{query}")
            assert answer.status_code == 404
