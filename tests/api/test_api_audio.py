"""Audio campaigns: the file on its way in, what answers say of it, and that it goes."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_world import Tenant, assert_error, scalar
from audio_files import as_pcm, audio_file, sound
from ghanti.api.media import LIFETIME, MediaLinks
from ghanti.database.session import SessionFactory
from ghanti.fetching import SafeFetcher
from ghanti.media.correlate import similarity
from ghanti.media.g711 import ulaw_to_pcm
from ghanti.settings import Settings

MP3 = audio_file("mp3", 1)
OTHER = audio_file("vorbis", 1, seed=2)
AUDIO = {"name": "tax", "services": "PHONE", "category": "Audio", "voice": 1}


def part(data: bytes, name: str = "message.mp3") -> dict[str, tuple[str, bytes, str]]:
    return {"audio_file": (name, data, "audio/mpeg")}


async def create(tenant: Tenant, data: bytes = MP3, **fields: Any) -> dict[str, Any]:
    """An Audio campaign made as a form, with its file."""
    form = {**AUDIO, "user_phone": tenant.phones, **fields}
    answer = await tenant.http.post("campaign/create/", data=form, files=part(data))
    assert answer.status_code == 201, answer.text
    campaign: dict[str, Any] = answer.json()
    return campaign


def assert_refused(answer: httpx.Response, status: int, field: str | None = None) -> None:
    """A refusal that names the field."""
    assert answer.status_code == status, answer.text
    assert_error(answer)
    if field is not None:
        assert field in answer.json()["errors"]


def stored(settings: Settings) -> list[Path]:
    """What the media store holds of audio."""
    return sorted(path for path in settings.media_folder.glob("uploads/*/audio/*") if path.is_file())


async def fetched(http: httpx.AsyncClient, url: str) -> httpx.Response:
    assert url.startswith("http://ghanti.test/api/v1/media/")
    answer = await http.get(url)
    assert answer.status_code == 200
    return answer


async def test_the_file_that_was_sent_is_what_the_answer_links_to(
    tenant: Tenant, http: httpx.AsyncClient
) -> None:
    campaign = await create(tenant)
    assert campaign["category"] == "Audio"
    answer = await fetched(http, campaign["audio_file"])
    assert answer.content == MP3
    assert answer.headers["content-type"] == "audio/mpeg"
    assert (await fetched(http, (await tenant.get(campaign["id"]))["audio_file"])).content == MP3
    page = (await tenant.http.get("campaign/")).json()
    assert (await fetched(http, page["results"][0]["audio_file"])).content == MP3


async def test_phones_are_played_what_was_sent(
    tenant: Tenant, settings: Settings, sessions: SessionFactory
) -> None:
    campaign = await create(tenant)
    await tenant.add(campaign["id"], "9841000001")
    assert (await tenant.run(campaign["id"])).status_code == 200
    said = await scalar(sessions, "SELECT call_content FROM plans")
    audio = said["audios"]["message"]
    assert abs(audio["ms"] - 1000) < 100
    pcm = ulaw_to_pcm((settings.media_folder / audio["media"]).read_bytes())
    assert similarity(pcm, as_pcm(sound(1))) > 0.9


async def test_a_campaign_without_its_file_does_not_run(tenant: Tenant, settings: Settings) -> None:
    campaign = await tenant.ready(category="Audio", message="")
    refused = await tenant.run(campaign["id"])
    assert_refused(refused, 400, "audio_file")
    lost = await create(tenant)
    await tenant.add(lost["id"], "9841000001")
    for path in stored(settings):
        path.unlink()
    assert "send it again" in (await tenant.run(lost["id"])).text


@pytest.mark.parametrize("method", ["PATCH", "PUT", "POST"])
@pytest.mark.parametrize("path", ["campaign/{id}/", "campaign/create/{id}/message/"])
async def test_another_file_takes_the_place_of_the_first(
    tenant: Tenant, http: httpx.AsyncClient, settings: Settings, method: str, path: str
) -> None:
    campaign = await create(tenant)
    first = stored(settings)
    assert len(first) == 2
    answer = await tenant.http.request(
        method,
        path.format(id=campaign["id"]),
        data={"voice": "1", "category": "Audio"},
        files=part(OTHER, "x.ogg"),
    )
    assert answer.status_code == 200, answer.text
    second = await fetched(http, answer.json()["audio_file"])
    assert (second.content, second.headers["content-type"]) == (OTHER, "audio/ogg")
    assert len(stored(settings)) == 2
    assert not set(stored(settings)) & set(first)
    assert (await http.get(campaign["audio_file"])).status_code == 404


@pytest.mark.parametrize("nothing", [None, ""])
async def test_null_takes_the_file_away(tenant: Tenant, settings: Settings, nothing: str | None) -> None:
    campaign = await create(tenant)
    answer = await tenant.http.patch(f"campaign/{campaign['id']}/", json={"audio_file": nothing})
    assert answer.json()["audio_file"] is None
    assert stored(settings) == []
    assert (await tenant.get(campaign["id"]))["audio_file"] is None


async def test_what_an_answer_held_may_be_sent_back_at_any_time(
    tenant: Tenant, app: FastAPI, settings: Settings
) -> None:
    """Clients write back whole campaigns, also while one runs and after the link has expired."""
    campaign = await create(tenant)
    await tenant.add(campaign["id"], "9841000001")
    present = stored(settings)
    links: MediaLinks = app.state.parts.links
    links._clock = lambda clock=links._clock: clock() + LIFETIME.total_seconds() + 1  # type: ignore[misc]
    for _ in range(2):
        for options in ({"json": campaign}, {"data": {"audio_file": campaign["audio_file"], "name": "new"}}):
            answer = await tenant.http.patch(f"campaign/{campaign['id']}/", **options)
            assert answer.status_code == 200, answer.text
            assert stored(settings) == present
        await tenant.run(campaign["id"])


async def test_while_it_runs_its_audio_stays(tenant: Tenant, settings: Settings) -> None:
    campaign = await create(tenant)
    await tenant.add(campaign["id"], "9841000001")
    assert (await tenant.run(campaign["id"])).status_code == 200
    present = stored(settings)
    path = f"campaign/{campaign['id']}/"
    assert_refused(await tenant.http.patch(path, files=part(OTHER)), 400, "audio_file")
    assert_refused(await tenant.http.patch(path, json={"audio_file": None}), 400, "audio_file")
    assert stored(settings) == present


async def test_a_scheduled_campaign_plays_its_newest_audio(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await create(tenant, schedule="2041-01-01")
    await tenant.add(campaign["id"], "9841000001")
    assert (await tenant.run(campaign["id"])).status_code == 200
    before = await scalar(sessions, "SELECT call_content FROM plans")
    answer = await tenant.http.patch(f"campaign/{campaign['id']}/", files=part(OTHER))
    assert answer.json()["status"] == "Scheduled"
    after = await scalar(sessions, "SELECT call_content FROM plans")
    assert after["audios"]["message"]["media"] != before["audios"]["message"]["media"]
    assert_refused(
        await tenant.http.patch(f"campaign/{campaign['id']}/", json={"audio_file": None}), 400, "audio_file"
    )


async def test_the_audio_of_another_campaign_is_copied(
    tenant: Tenant, http: httpx.AsyncClient, settings: Settings
) -> None:
    first = await create(tenant)
    answer = await tenant.http.post("campaign/create/", json={**first, "user_phone": tenant.phones})
    assert answer.status_code == 201
    second = answer.json()
    third = await create(tenant, OTHER)
    path = f"campaign/{third['id']}/"
    assert (await tenant.http.patch(path, json={"audio_file": first["audio_file"]})).status_code == 200
    assert len(stored(settings)) == 6
    assert (await tenant.http.delete(f"campaign/{first['id']}/")).status_code == 200
    for campaign in (second, await tenant.get(third["id"])):
        assert (await fetched(http, campaign["audio_file"])).content == MP3


async def test_the_audio_of_another_account_is_not_had(
    tenant: Tenant, other: Tenant, settings: Settings
) -> None:
    theirs = await create(tenant)
    mine = await create(other)
    answer = await other.http.patch(f"campaign/{mine['id']}/", json={"audio_file": theirs["audio_file"]})
    assert_refused(answer, 400, "audio_file")
    present = stored(settings)
    strange = await other.http.patch(f"campaign/{theirs['id']}/", files=part(OTHER))
    assert strange.status_code == 404
    assert stored(settings) == present


async def test_the_link_to_a_contacts_file_is_no_audio(tenant: Tenant, settings: Settings) -> None:
    campaign = await create(tenant)
    upload = {"bulk_file": ("c.csv", b"number\n9841000001\n", "text/csv")}
    await tenant.http.patch(f"campaign/create/{campaign['id']}/detail/", files=upload)
    bulk = (await tenant.get(campaign["id"]))["bulk_file"]
    answer = await tenant.http.patch(f"campaign/{campaign['id']}/", json={"audio_file": bulk})
    assert_refused(answer, 400, "audio_file")


NO_AUDIO = {
    "empty": b"",
    "text": "नमस्ते".encode(),
    "playlist": b"#EXTM3U\nhttp://127.0.0.1/\n",
    "junk": b"ID3" + bytes(range(256)) * 100,
    "half": audio_file("wav-s16", 1)[:8000],
}


@pytest.mark.parametrize("kind", NO_AUDIO)
async def test_what_is_no_audio(tenant: Tenant, settings: Settings, kind: str) -> None:
    form = {**AUDIO, "user_phone": tenant.phones}
    refused = await tenant.http.post("campaign/create/", data=form, files=part(NO_AUDIO[kind]))
    assert_refused(refused, 400, "audio_file")
    assert stored(settings) == []
    campaign = await create(tenant)
    present = stored(settings)
    path = f"campaign/create/{campaign['id']}/message/"
    refused = await tenant.http.patch(path, data=AUDIO, files=part(NO_AUDIO[kind]))
    assert_refused(refused, 400, "audio_file")
    assert stored(settings) == present


async def test_a_form_in_which_no_file_was_chosen_sends_none(tenant: Tenant, settings: Settings) -> None:
    campaign = await create(tenant)
    present = stored(settings)
    boundary = "x" * 20
    empty = 'Content-Disposition: form-data; name="audio_file"; filename=""\r\n\r\n'
    named = 'Content-Disposition: form-data; name="name"\r\n\r\nnew'
    body = f"--{boundary}\r\n{empty}\r\n--{boundary}\r\n{named}\r\n--{boundary}--\r\n"
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    answer = await tenant.http.patch(f"campaign/{campaign['id']}/", content=body, headers=headers)
    assert answer.json()["name"] == "new"
    assert stored(settings) == present


@pytest.mark.parametrize("value", [5, ["a"], {"url": "x"}, "no url", "file:///etc/passwd", "http://[::1/"])
async def test_what_is_no_file_at_all(tenant: Tenant, value: object) -> None:
    body = {**AUDIO, "user_phone": tenant.phones, "audio_file": value}
    assert_refused(await tenant.http.post("campaign/create/", json=body), 400, "audio_file")


async def test_a_refused_change_leaves_no_file(tenant: Tenant, settings: Settings) -> None:
    campaign = await create(tenant)
    present = stored(settings)
    refused = await tenant.http.patch(f"campaign/{campaign['id']}/", data={"voice": "99"}, files=part(OTHER))
    assert_refused(refused, 400, "voice")
    form = {**AUDIO, "user_phone": ["99"]}
    assert (await tenant.http.post("campaign/create/", data=form, files=part(OTHER))).status_code == 400
    assert stored(settings) == present


async def test_a_file_beyond_the_limit_is_too_large(tenant: Tenant, app: FastAPI) -> None:
    app.state.parts = replace(app.state.parts, settings=Settings(upload_megabytes=17))
    form = {**AUDIO, "user_phone": tenant.phones}
    answer = await tenant.http.post("campaign/create/", data=form, files=part(bytes(19 << 20)))
    assert_refused(answer, 413)


async def test_deleting_a_campaign_removes_both_files(tenant: Tenant, settings: Settings) -> None:
    campaign = await create(tenant)
    kept = await create(tenant)
    assert len(stored(settings)) == 4
    await tenant.http.delete(f"campaign/{campaign['id']}/")
    assert len(stored(settings)) == 2
    await tenant.get(kept["id"])


async def test_an_idempotent_retry_stores_nothing_anew(tenant: Tenant, settings: Settings) -> None:
    form = {**AUDIO, "user_phone": tenant.phones}
    answers = [
        await tenant.http.post(
            "campaign/create/", data=form, files=part(MP3), headers={"Idempotency-Key": "one"}
        )
        for _ in range(2)
    ]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert len(stored(settings)) == 2


@asynccontextmanager
async def _site(data: bytes):  # type: ignore[no-untyped-def]
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/message.mp3"


async def test_a_url_is_fetched_once_if_it_is_public(
    tenant: Tenant, app: FastAPI, http: httpx.AsyncClient
) -> None:
    async with _site(MP3) as url:
        body = {**AUDIO, "user_phone": tenant.phones, "audio_file": url}
        refused = await tenant.http.post("campaign/create/", json=body)
        assert_refused(refused, 400, "audio_file")
        assert "public internet" in refused.text
        allowed = SafeFetcher(Settings(fetch_networks="127.0.0.1"))
        app.state.parts = replace(app.state.parts, fetcher=allowed)
        answer = await tenant.http.post("campaign/create/", json=body)
    assert answer.status_code == 201
    assert (await fetched(http, answer.json()["audio_file"])).content == MP3


async def test_a_demo_call_plays_the_audio(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await create(tenant)
    contact = (await tenant.add(campaign["id"], "9841000001"))[0]
    answer = await tenant.http.post(f"demo-call/{contact['id']}/")
    assert answer.status_code in (200, 201), answer.text
    said = await scalar(sessions, "SELECT call_content FROM plans")
    assert said["audios"]["message"]["media"].endswith(".ulaw")


WHOLE = ["lines=0-1", "bytes", "bytes=", "bytes=a-b", "bytes=-", "bytes=5-2", "bytes=0-1,x", "=0-1", "0-1"]


@pytest.mark.parametrize("wanted", WHOLE)
async def test_ranges_that_make_no_sense_are_ignored(
    tenant: Tenant, http: httpx.AsyncClient, wanted: str
) -> None:
    """RFC 9110, section 14.2."""
    url = (await create(tenant))["audio_file"]
    answer = await http.get(url, headers={"Range": wanted})
    assert (answer.status_code, answer.content) == (200, MP3)


async def test_ranges_of_bytes(tenant: Tenant, http: httpx.AsyncClient) -> None:
    url = (await create(tenant))["audio_file"]
    for wanted, part_of_it in {"bytes=0-9": MP3[:10], "bytes=10-": MP3[10:], "Bytes= -5": MP3[-5:]}.items():
        answer = await http.get(url, headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (206, part_of_it)


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=99999999-999999990", "bytes=-0"])
async def test_ranges_that_the_file_has_not(tenant: Tenant, http: httpx.AsyncClient, wanted: str) -> None:
    url = (await create(tenant))["audio_file"]
    answer = await http.get(url, headers={"Range": wanted})
    assert answer.status_code == 416
    assert_error(answer)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-range"] == f"bytes */{len(MP3)}"
