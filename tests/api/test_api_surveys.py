"""Surveys over HTTP: the steps as every client sends them, and what may be done with them when."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from api_world import Tenant, assert_error, execute, scalar
from audio_files import audio_file
from ghanti.database.session import SessionFactory
from ghanti.fetching import SafeFetcher
from ghanti.settings import Settings

STEP = {
    "id": "5f0a9c1e-3a53-4a64-b3a5-d0b6a4f1f7f0",
    "survey": None,
    "order": 0,
    "content_type": "say",
    "text_or_url": "पानी आयो? आयो भने १, आएन भने २ थिच्नुहोस्",
    "response_type": "dtmf",
    "input_name": "water",
    "audio_file": None,
}
PLAYED = STEP | {"content_type": "play", "text_or_url": "", "order": 1, "input_name": "heard"}
KEYS = ["id", "survey", "order", "content_type", "text_or_url", "response_type", "input_name", "audio_file"]
REFUSED_REPRS = [
    "__import__('os').system('true')",
    "{'content_type': __import__('os')}",
    "[" * 5000 + "]" * 5000,
    "{'a': " * 300 + "1" + "}" * 300,
    "-" * 50_000 + "1",
    "{'content_type': b'say'}",
    "{'content_type', 'say'}",
    "('say',)",
    "{'a': 'x' * 999999999}",
    "{'a': 9**9**9}",
    "{'text_or_url': '\\x00', 'content_type': 'say'}",
    "{'text_or_url': '\\ud800', 'content_type': 'say'}",
    "{'content_type': 'say', 'text_or_url': '" + "x" * 70_000 + "'}",
    "{[]: 1}",
    "{'a': lambda: 1}",
    "{**{'a': 1}}",
    "[x for x in '1']",
    "f'{1}'",
    "{'content_type': 'say'",
    "{'content_type': 'say'}}",
]


async def _survey(tenant: Tenant, steps: Any = (STEP,), **fields: Any) -> dict[str, Any]:
    return await tenant.create(services="SURVEY", message="", steps=list(steps), **fields)


def _path(campaign: dict[str, Any]) -> str:
    return f"campaign/create/{campaign['id']}/survey/"


async def _steps(tenant: Tenant, campaign: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await tenant.http.get(_path(campaign))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["count", "results"]
    assert body["count"] == len(body["results"])
    steps: list[dict[str, Any]] = body["results"]
    return steps


async def test_create_with_steps(tenant: Tenant) -> None:
    campaign = await _survey(tenant, [STEP, PLAYED])
    steps = await _steps(tenant, campaign)
    assert [list(step)[:8] for step in steps] == [KEYS, KEYS]
    assert [step["order"] for step in steps] == [0, 1]
    for sent, kept in zip([STEP, PLAYED], steps, strict=True):
        assert {name: kept[name] for name in KEYS[2:]} == {name: sent[name] for name in KEYS[2:]}
        assert isinstance(kept["id"], int)
    assert campaign["survey"] == {"id": steps[0]["survey"], "steps": steps}
    assert (await tenant.get(campaign["id"]))["survey"] == campaign["survey"]
    listed = (await tenant.http.get("campaign/")).json()["results"][0]
    assert "survey" not in listed


async def test_ids_of_campaigns_and_surveys_never_meet(tenant: Tenant) -> None:
    made = [await _survey(tenant) for _ in range(3)]
    ids = [campaign["id"] for campaign in made] + [campaign["survey"]["id"] for campaign in made]
    assert len(set(ids)) == 6


async def test_a_campaign_that_is_none_has_no_survey(tenant: Tenant) -> None:
    campaign = await tenant.create()
    assert "survey" not in campaign
    for method in ("GET", "POST"):
        answer = await tenant.http.request(method, _path(campaign))
        assert answer.status_code == 400
        assert_error(answer)
    answer = await tenant.http.post(f"run-survey/{campaign['id']}/")
    assert answer.status_code == 400


async def test_a_campaign_becomes_a_survey(tenant: Tenant) -> None:
    campaign = await tenant.create()
    answer = await tenant.http.patch(f"campaign/{campaign['id']}/", json={"services": "SURVEY"})
    assert answer.status_code == 200, answer.text
    assert await _steps(tenant, campaign) == []
    assert (await tenant.http.post(_path(campaign), json={"steps": [STEP]})).status_code == 200
    assert len(await _steps(tenant, campaign)) == 1


async def test_json_replaces_all_steps(tenant: Tenant) -> None:
    campaign = await _survey(tenant, [STEP, PLAYED])
    answer = await tenant.http.post(_path(campaign), json={"steps": [STEP | {"input_name": "other"}]})
    assert answer.status_code == 200, answer.text
    assert [step["input_name"] for step in answer.json()["results"]] == ["other"]
    assert answer.json()["campaign"]["id"] == campaign["id"]
    assert await _steps(tenant, campaign) == answer.json()["results"]


@pytest.mark.parametrize(
    "steps",
    [
        [repr(STEP), repr(PLAYED)],
        [json.dumps(STEP), json.dumps(PLAYED)],
        json.dumps([STEP, PLAYED]),
        repr([STEP, PLAYED]),
    ],
    ids=["reprs", "json", "json list", "repr of a list"],
)
@pytest.mark.parametrize("multipart", [True, False])
async def test_steps_in_a_form(tenant: Tenant, steps: Any, multipart: bool) -> None:
    campaign = await _survey(tenant, [])
    form: dict[str, Any] = {"data": {"steps": steps}}
    if multipart:
        form["files"] = {"1": ("sound.mp3", audio_file("mp3", 1.0), None)}
    answer = await tenant.http.post(_path(campaign), **form)
    assert answer.status_code == 200, answer.text
    assert [step["input_name"] for step in answer.json()["results"]] == ["water", "heard"]
    assert (answer.json()["results"][1]["audio_file"] is not None) is multipart


async def test_one_step_in_a_form(tenant: Tenant) -> None:
    campaign = await _survey(tenant, [])
    answer = await tenant.http.post(_path(campaign), data={"steps": repr(STEP)})
    assert [step["input_name"] for step in answer.json()["results"]] == ["water"]


async def test_a_form_without_audio_keeps_the_steps_of_create(tenant: Tenant) -> None:
    """The vendor's client then sends nothing but the names of a step's keys."""
    campaign = await _survey(tenant)
    before = await _steps(tenant, campaign)
    form = {"name": "x", "voice": ["id", "voice_internal_name"], "steps": list(STEP), "draft": "False"}
    answer = await tenant.http.post(_path(campaign), data=form)
    assert answer.status_code == 200, answer.text
    assert answer.json()["results"] == before == await _steps(tenant, campaign)


async def test_files_are_named_by_the_steps_index(tenant: Tenant, settings: Settings) -> None:
    steps = [PLAYED | {"order": order, "input_name": f"q{order}"} for order in (7, 3, 5)]
    campaign = await _survey(tenant, steps)
    files = {str(index): (f"{index}.wav", audio_file("wav-s16", 1.0 + index), None) for index in (0, 2)}
    answer = await tenant.http.post(
        _path(campaign), data={"steps": [repr(step) for step in steps]}, files=files
    )
    assert answer.status_code == 200, answer.text
    by_name = {step["input_name"]: step["audio_file"] for step in answer.json()["results"]}
    assert by_name["q3"] is None
    for name, seconds in (("q7", 1.0), ("q5", 3.0)):
        path = urlsplit(by_name[name]).path
        sound = await tenant.http.get(f"http://ghanti.test{path}", headers={"Authorization": ""})
        assert sound.status_code == 200
        assert sound.content == audio_file("wav-s16", seconds)
    stored = sorted(path.stat().st_size for path in settings.media_folder.rglob("*.ulaw"))
    assert stored == [8000, 24_000]


async def test_a_file_of_no_step_is_refused(tenant: Tenant, settings: Settings) -> None:
    campaign = await _survey(tenant)
    files = {"1": ("a.wav", audio_file("wav-s16", 1.0), None)}
    answer = await tenant.http.post(_path(campaign), data={"steps": repr(STEP)}, files=files)
    assert answer.status_code == 400
    assert "'1'" in answer.json()["message"]
    assert not list(settings.media_folder.rglob("*.ulaw"))


async def test_what_is_no_audio_is_refused_and_nothing_changes(tenant: Tenant, settings: Settings) -> None:
    campaign = await _survey(tenant, [PLAYED])
    before = await _steps(tenant, campaign)
    files = {
        "0": ("a.wav", audio_file("wav-s16", 1.0), None),
        "1": ("b.mp3", b"ID3 and no sound at all", None),
    }
    steps = [repr(PLAYED), repr(PLAYED | {"input_name": "second"})]
    answer = await tenant.http.post(_path(campaign), data={"steps": steps}, files=files)
    assert answer.status_code == 400
    assert "Step 2 (second)" in answer.json()["message"]
    assert await _steps(tenant, campaign) == before
    assert not [path for path in settings.media_folder.rglob("*") if path.is_file()]


async def test_audio_that_a_step_has_stays_when_its_link_or_its_id_comes_back(
    tenant: Tenant, settings: Settings
) -> None:
    campaign = await _survey(tenant, [PLAYED])
    files = {"0": ("a.wav", audio_file("wav-s16", 1.0), None)}
    await tenant.http.post(_path(campaign), data={"steps": repr(PLAYED)}, files=files)
    stored = {path for path in settings.media_folder.rglob("*") if path.is_file()}
    assert len(stored) == 2
    unsaid = {name: value for name, value in PLAYED.items() if name != "audio_file"}
    for make in (
        lambda step: {"json": {"steps": [step]}},
        lambda step: {"json": {"steps": [unsaid | {"id": step["id"]}]}},
        lambda step: {"data": {"steps": repr(PLAYED | {"id": step["id"]})}},
    ):
        (step,) = await _steps(tenant, campaign)
        answer = await tenant.http.post(_path(campaign), **make(step))
        assert answer.status_code == 200, answer.text
        assert answer.json()["results"][0]["audio_file"] is not None
        assert {path for path in settings.media_folder.rglob("*") if path.is_file()} == stored


async def test_audio_goes_with_its_step(tenant: Tenant, settings: Settings) -> None:
    campaign = await _survey(tenant, [PLAYED])
    files = {"0": ("a.wav", audio_file("wav-s16", 1.0), None)}
    form = {"data": {"steps": repr(PLAYED)}, "files": files}
    await tenant.http.post(_path(campaign), **form)
    first = {path.name for path in settings.media_folder.rglob("*.wav")}
    await tenant.http.post(_path(campaign), **form)
    second = {path.name for path in settings.media_folder.rglob("*.wav")}
    assert len(first) == len(second) == 1
    assert first != second
    await tenant.http.post(_path(campaign), json={"steps": [{**PLAYED, "audio_file": None}]})
    assert not list(settings.media_folder.rglob("*.wav"))
    await tenant.http.post(_path(campaign), **form)
    assert (await tenant.http.delete(f"campaign/{campaign['id']}/")).status_code == 200
    assert not [path for path in settings.media_folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("text", REFUSED_REPRS, ids=lambda text: text[:24])
async def test_hostile_reprs(tenant: Tenant, text: str) -> None:
    campaign = await _survey(tenant)
    before = await _steps(tenant, campaign)
    for steps in (text, [repr(STEP), text]):
        answer = await tenant.http.post(_path(campaign), data={"steps": steps})
        assert answer.status_code == 400, answer.text
        assert_error(answer)
    assert await _steps(tenant, campaign) == before


@pytest.mark.parametrize(
    "steps",
    [[STEP] * 101, "say", 5, {"a": 1}, [[STEP]], [STEP | {"order": "first"}], [None], True],
    ids=str,
)
async def test_steps_that_cannot_be(tenant: Tenant, steps: Any) -> None:
    campaign = await _survey(tenant)
    before = await _steps(tenant, campaign)
    answer = await tenant.http.post(_path(campaign), json={"steps": steps})
    assert answer.status_code == 400, answer.text
    assert list(answer.json()["errors"]) == ["steps"]
    assert await _steps(tenant, campaign) == before
    body = {"name": "x", "services": "SURVEY", "user_phone": [], "steps": steps}
    count = (await tenant.http.get("campaign/")).json()["count"]
    assert (await tenant.http.post("campaign/create/", json=body)).status_code == 400
    assert (await tenant.http.get("campaign/")).json()["count"] == count


async def test_steps_of_two_posts_at_once_are_never_mixed(tenant: Tenant) -> None:
    campaign = await _survey(tenant)
    sent = [[STEP | {"input_name": f"{letter}{index}"} for index in range(5)] for letter in "abcd"]
    answers = await asyncio.gather(
        *(tenant.http.post(_path(campaign), json={"steps": steps}) for steps in sent)
    )
    assert {answer.status_code for answer in answers} == {200}
    names = [step["input_name"] for step in await _steps(tenant, campaign)]
    assert names in [[step["input_name"] for step in steps] for steps in sent]


async def test_a_survey_that_cannot_run(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await _survey(tenant, [])
    await tenant.add(campaign["id"], "9841000001")
    for steps, word in (
        ([], "no steps"),
        ([STEP | {"text_or_url": ""}], "nothing to say"),
        ([STEP, PLAYED], "audio file"),
        ([STEP | {"text_or_url": "{nobody}"}], "{nobody}"),
    ):
        assert (await tenant.http.post(_path(campaign), json={"steps": steps})).status_code == 200
        for path in ("run-survey", "run-campaign"):
            answer = await tenant.http.post(f"{path}/{campaign['id']}/")
            assert answer.status_code == 400, answer.text
            assert word in answer.json()["message"]
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 0


@pytest.mark.parametrize("path", ["run-survey", "run-campaign"])
async def test_a_survey_runs(tenant: Tenant, sessions: SessionFactory, path: str) -> None:
    campaign = await _survey(tenant)
    await tenant.add(campaign["id"], "9841000001")
    answer = await tenant.http.post(f"{path}/{campaign['id']}/")
    assert answer.status_code == 200, answer.text
    assert {name: value for name, value in answer.json().items() if name != "data"} == {
        "message": "Campaign Began Successfully!!",
        "remaining_sms_credits": 1000,
        "remaining_phone_credits": 1000,
    }
    script = await scalar(sessions, "SELECT call_content -> 'script' FROM plans")
    assert [step["do"] for step in script["steps"]] == ["play", "listen"]
    assert (await tenant.http.post(f"{path}/{campaign['id']}/")).status_code == 409
    for body in ({"json": {"steps": [STEP]}}, {"data": {"steps": repr(STEP)}}):
        refused = await tenant.http.post(_path(campaign), **body)
        assert refused.status_code == 400
        assert "Running" in refused.json()["message"]


@pytest.mark.parametrize("status", ["Completed", "Terminated"])
async def test_steps_stand_once_it_ran(tenant: Tenant, sessions: SessionFactory, status: str) -> None:
    campaign = await _survey(tenant)
    await execute(sessions, "UPDATE campaigns SET status = :status", status=status)
    answer = await tenant.http.post(_path(campaign), json={"steps": []})
    assert answer.status_code == 400
    assert len(await _steps(tenant, campaign)) == 1


async def test_a_scheduled_survey_runs_with_its_new_steps(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await _survey(tenant, schedule="2040-01-01")
    await tenant.add(campaign["id"], "9841000001")
    assert (await tenant.http.post(f"run-survey/{campaign['id']}/")).status_code == 200
    steps = [STEP, STEP | {"input_name": "second"}]
    answer = await tenant.http.post(_path(campaign), json={"steps": steps})
    assert answer.status_code == 200, answer.text
    script = await scalar(sessions, "SELECT call_content -> 'script' FROM plans WHERE finished_at IS NULL")
    assert [step["do"] for step in script["steps"]] == ["play", "listen"] * 2
    refused = await tenant.http.post(_path(campaign), json={"steps": []})
    assert refused.status_code == 400
    assert await _steps(tenant, campaign) == answer.json()["results"]


async def test_trying_a_survey(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await _survey(tenant)
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    answer = await tenant.http.post(f"test-survey/{contact['id']}/")
    assert answer.status_code == 200, answer.text
    assert answer.json()["remaining_phone_credits"] == 1000
    assert await scalar(sessions, "SELECT plan_class FROM plans") == "demo"
    assert await scalar(sessions, "SELECT call_content ? 'script' FROM plans")
    assert (await tenant.get(campaign["id"]))["status"] == "Not Started"


@pytest.mark.parametrize("ringing", [False, True])
async def test_steps_that_are_replaced_withdraw_a_test_call_that_waits(
    tenant: Tenant, sessions: SessionFactory, settings: Settings, ringing: bool
) -> None:
    """It would have had no audio any more; one that is heard already goes on."""
    campaign = await _survey(tenant, [PLAYED])
    files = {"0": ("a.wav", audio_file("wav-s16", 1.0), None)}
    await tenant.http.post(_path(campaign), data={"steps": repr(PLAYED)}, files=files)
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    assert (await tenant.http.post(f"test-survey/{contact['id']}/")).status_code == 200
    if ringing:
        await execute(
            sessions,
            "WITH a AS (INSERT INTO attempts (account_id, id, plan_id, target_id, channel, number, state,"
            " session_id, lease_until, sent_at) SELECT account_id, gen_random_uuid(), plan_id, id, channel,"
            " number, 'ringing', gen_random_uuid(), now(), now() FROM targets RETURNING id)"
            " UPDATE targets SET state = 'active', attempt_id = a.id FROM a",
        )
    assert (await tenant.http.post(_path(campaign), json={"steps": [STEP]})).status_code == 200
    assert not list(settings.media_folder.rglob("*.ulaw"))
    became = await scalar(sessions, "SELECT concat_ws(', ', state, outcome, reason) FROM targets")
    assert became == ("active" if ringing else "final, cancelled, steps changed")
    again = await tenant.http.post(f"test-survey/{contact['id']}/")
    assert again.status_code == (409 if ringing else 200), again.text


async def test_trying_what_is_no_survey(tenant: Tenant) -> None:
    campaign = await tenant.create()
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    assert (await tenant.http.post(f"test-survey/{contact['id']}/")).status_code == 400
    assert (await tenant.http.post("test-survey/99999999/")).status_code == 404


async def test_viewers_may_look(tenant: Tenant, viewer: Tenant) -> None:
    campaign = await _survey(tenant)
    assert len(await _steps(viewer, campaign)) == 1
    answer = await viewer.http.post(_path(campaign), json={"steps": []})
    assert answer.status_code == 403


async def test_another_account_finds_none_of_it(tenant: Tenant, other: Tenant) -> None:
    campaign = await _survey(tenant)
    survey_id = campaign["survey"]["id"]
    (contact,) = await tenant.add(campaign["id"], "9841000001")
    asked: list[httpx.Response] = [
        await other.http.get(_path(campaign)),
        await other.http.post(_path(campaign), json={"steps": []}),
        await other.http.post(f"run-survey/{campaign['id']}/"),
        await other.http.post(f"test-survey/{contact['id']}/"),
        await other.http.get(f"download/survey/{survey_id}/report/"),
        await other.http.get(f"download/survey/{campaign['id']}/report/?format=json"),
    ]
    assert [answer.status_code for answer in asked] == [404] * 6
    assert len(await _steps(tenant, campaign)) == 1


async def test_anothers_audio_is_not_read_through_its_link(tenant: Tenant, other: Tenant) -> None:
    campaign = await _survey(tenant, [PLAYED])
    files = {"0": ("a.wav", audio_file("wav-s16", 1.0), None)}
    await tenant.http.post(_path(campaign), data={"steps": repr(PLAYED)}, files=files)
    link = (await _steps(tenant, campaign))[0]["audio_file"]
    theirs = await _survey(other, [])
    answer = await other.http.post(_path(theirs), json={"steps": [{**PLAYED, "audio_file": link}]})
    assert answer.status_code == 400
    assert await _steps(other, theirs) == []


async def test_what_a_url_holds_is_fetched_once_if_it_is_public(
    tenant: Tenant, app: FastAPI, settings: Settings
) -> None:
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).split()[1])
        data = audio_file("wav-s16", 2.0)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/a.wav"
        steps = [
            STEP | {"text_or_url": url},
            PLAYED | {"audio_file": url, "input_name": "second"},
            STEP | {"text_or_url": f"Listen to {url}", "input_name": "third", "order": 2},
        ]
        campaign = await _survey(tenant)
        refused = await tenant.http.post(_path(campaign), json={"steps": steps})
        assert refused.status_code == 400
        assert "Step 1 (water)" in refused.json()["message"]
        assert "public internet" in refused.json()["message"]
        assert (await _steps(tenant, campaign))[0]["text_or_url"] == STEP["text_or_url"]
        fetcher = SafeFetcher(Settings(fetch_networks="127.0.0.1"))
        app.state.parts = replace(app.state.parts, fetcher=fetcher)
        answer = await tenant.http.post(_path(campaign), json={"steps": steps})
        assert answer.status_code == 200, answer.text
    assert asked == [b"/a.wav"]
    kept = answer.json()["results"]
    assert [step["text_or_url"] for step in kept] == [url, "", f"Listen to {url}"]
    assert kept[2]["audio_file"] is None
    for step in kept[:2]:
        assert (await tenant.http.get(step["audio_file"])).content == audio_file("wav-s16", 2.0)
    assert len(list(settings.media_folder.rglob("*.ulaw"))) == 1
