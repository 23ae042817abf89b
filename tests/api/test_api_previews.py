"""test-speak: an MP3 of a message, and the signed link to it."""

from __future__ import annotations

import asyncio
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api_world import Tenant, assert_error, execute, scalar
from ghanti.api import previews
from ghanti.api.previews import KEPT, LIFETIME, Previews
from ghanti.database.session import SessionFactory
from ghanti.media.correlate import similarity
from ghanti.media.decoding import to_ulaw
from ghanti.media.g711 import Pcm, ulaw_to_pcm
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.speech.engines.espeak import Espeak
from ghanti.speech.text import normalise
from ghanti.speech.voices import VOICES

MESSAGE = "नमस्ते, यो परीक्षण सन्देश हो"


def path(campaign: dict[str, Any]) -> str:
    return f"test-speak/riri/{campaign['id']}/"


async def spoken(tenant: Tenant, campaign: dict[str, Any], **body: Any) -> str:
    answer = await tenant.http.post(path(campaign), json={"message": MESSAGE, **body})
    assert answer.status_code == 200, answer.text
    url: str = answer.json()
    assert answer.text == f'"{url}"'
    return url


async def heard(http: httpx.AsyncClient, url: str) -> Pcm:
    """What a browser plays: fetched without any credential."""
    answer = await http.get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/mpeg"
    return ulaw_to_pcm(to_ulaw(io.BytesIO(answer.content), 600).ulaw)


_ENGINE = Espeak()


def expected(text: str, voice: int = 1, factor: float = 1.0) -> Pcm:
    """What the engine itself makes of a text."""
    engine_voice = VOICES[voice - 1].engine_voice
    return _ENGINE.synthesise(normalise(text, "np"), engine_voice, factor)


async def test_the_message_is_heard(tenant: Tenant, http: httpx.AsyncClient) -> None:
    campaign = await tenant.create()
    url = await spoken(tenant, campaign, voice_input=1)
    assert url.startswith("http://ghanti.test/api/v1/media/")
    assert url.endswith(".mp3")
    assert similarity(await heard(http, url), expected(MESSAGE)) > 0.9


@pytest.mark.parametrize(
    "voice", [5, "5", 5.0, "np_shreegya", {"id": 5}, {"voice_internal_name": "np_shreegya"}]
)
async def test_any_way_to_name_a_voice(tenant: Tenant, http: httpx.AsyncClient, voice: object) -> None:
    campaign = await tenant.create()
    url = await spoken(tenant, campaign, voice_input=voice)
    assert url.rpartition("/")[2] == (await spoken(tenant, campaign, voice_input=5)).rpartition("/")[2]
    assert similarity(await heard(http, url), expected(MESSAGE, 5)) > 0.9


@pytest.mark.parametrize("kind", ["json", "data", "files"])
async def test_any_kind_of_body(tenant: Tenant, kind: str) -> None:
    campaign = await tenant.create()
    body: Any = {"voice_input": "5", "message": MESSAGE}
    if kind == "files":
        body = {name: (None, value) for name, value in body.items()}
    answer = await tenant.http.post(path(campaign), **{kind: body})
    assert answer.status_code == 200, answer.text


async def test_the_campaigns_voice_and_speed_unless_told_otherwise(
    tenant: Tenant, http: httpx.AsyncClient
) -> None:
    campaign = await tenant.create(voice=3, length_factor="1.50")
    own = await heard(http, await spoken(tenant, campaign))
    assert similarity(own, expected(MESSAGE, 3, 1.5)) > 0.9
    default = await heard(http, await spoken(tenant, await tenant.create(), voice_input=None))
    assert similarity(default, expected(MESSAGE, 1)) > 0.9


async def test_tags_are_those_of_the_first_contact(tenant: Tenant, http: httpx.AsyncClient) -> None:
    campaign = await tenant.create()
    await tenant.add(campaign["id"], "9841000001", name="राम", amount=500)
    await tenant.add(campaign["id"], "9841000002", name="सीता", amount=9)
    url = await spoken(tenant, campaign, message="नमस्ते {tags_name}, तपाईंको {amount} रुपैयाँ बाँकी छ")
    wanted = expected("नमस्ते राम, तपाईंको 500 रुपैयाँ बाँकी छ")
    assert similarity(await heard(http, url), wanted) > 0.9


async def test_tags_without_a_value_are_spoken_by_their_names(
    tenant: Tenant, http: httpx.AsyncClient
) -> None:
    campaign = await tenant.create()
    message = "नमस्ते {tags_नाम}, यो {रकम} बाँकी छ"
    before = await heard(http, await spoken(tenant, campaign, message=message))
    assert similarity(before, expected("नमस्ते नाम, यो रकम बाँकी छ")) > 0.9
    await tenant.add(campaign["id"], "9841000001", **{"नाम": "राम", "रकम": " "})
    after = await heard(http, await spoken(tenant, campaign, message=message))
    assert similarity(after, expected("नमस्ते राम, यो रकम बाँकी छ")) > 0.9


ODD = {
    "lines": "नमस्ते\nयो\r\nपरीक्षण\r\tहो\n\n",
    "pipes": "नमस्ते | यो || परीक्षण",
    "spaces": "  नमस्ते   यो    परीक्षण  ",
    "braces": "नमस्ते {} { } {{x}} }{",
    "quotes": "नमस्ते \"राम\" 'श्याम' <b>राम</b> & \\",
    "emoji": "नमस्ते 🎉 राम",
    "latin": "Hello 50,000 rupees on 2082-03-25",
    "long": "नमस्ते। " * 625,
}


@pytest.mark.parametrize("kind", ODD)
async def test_messages_as_people_write_them(tenant: Tenant, http: httpx.AsyncClient, kind: str) -> None:
    assert len(ODD["long"]) == 5000
    campaign = await tenant.create()
    assert len(await heard(http, await spoken(tenant, campaign, message=ODD[kind]))) > 2000


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "message"),
    "empty": ({"message": ""}, "message"),
    "null": ({"message": None}, "message"),
    "blank": ({"message": " \n "}, "message"),
    "silent": ({"message": "… 🎉 !!!"}, "message"),
    "long": ({"message": "न" * 5001}, "message"),
    "list": ({"message": ["a"]}, "message"),
    "voice": ({"message": MESSAGE, "voice_input": 99}, "voice_input"),
    "named": ({"message": MESSAGE, "voice_input": "np_nobody"}, "voice_input"),
    "huge": ({"message": MESSAGE, "voice_input": 10**30}, "voice_input"),
    "odd": ({"message": MESSAGE, "voice_input": [1]}, "voice_input"),
}


@pytest.mark.parametrize("kind", REFUSED)
async def test_what_cannot_be_heard(tenant: Tenant, kind: str) -> None:
    body, field = REFUSED[kind]
    answer = await tenant.http.post(path(await tenant.create()), json=body)
    assert answer.status_code == 400
    assert_error(answer)
    assert field in answer.json()["errors"]


async def test_premium_voices_are_for_those_who_have_them(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    assert await spoken(tenant, campaign, voice_input=2)
    await execute(sessions, "UPDATE accounts SET premium = false")
    answer = await tenant.http.post(path(campaign), json={"message": MESSAGE, "voice_input": 2})
    assert answer.status_code == 403
    assert_error(answer)


async def test_it_is_free(tenant: Tenant, sessions: SessionFactory) -> None:
    before = await scalar(sessions, "SELECT phone FROM credit_balances")
    await spoken(tenant, await tenant.create())
    assert await scalar(sessions, "SELECT phone FROM credit_balances") == before
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 0


async def test_the_campaign_of_another_account(tenant: Tenant, other: Tenant) -> None:
    campaign = await tenant.create()
    answer = await other.http.post(path(campaign), json={"message": MESSAGE})
    assert answer.status_code == 404
    assert (await tenant.http.post("test-speak/riri/999/", json={"message": "x"})).status_code == 404


def files(settings: Settings) -> list[Path]:
    return [found for found in settings.media_folder.rglob("*") if found.is_file()]


async def test_equal_previews_share_a_file_that_lives_as_long_as_the_last_link(
    tenant: Tenant, http: httpx.AsyncClient, settings: Settings, app: FastAPI
) -> None:
    store = MediaStore(settings.media_folder)
    campaign = await tenant.create()
    await spoken(tenant, campaign)
    (mp3,) = [found for found in files(settings) if found.suffix == ".mp3"]
    assert mp3.relative_to(settings.media_folder).parts[0] == "previews"
    long_ago = time.time() - KEPT.total_seconds() - 10
    for found in files(settings):
        os.utime(found, (long_ago, long_ago))
    url = await spoken(tenant, await tenant.create())
    assert [found for found in files(settings) if found.suffix == ".mp3"] == [mp3]
    previews.discard(store)
    assert (await http.get(url)).status_code == 200
    for found in files(settings):
        os.utime(found, (long_ago, long_ago))
    assert previews.discard(store) > 0
    assert files(settings) == []
    assert (await http.get(url)).status_code == 404


async def test_the_oldest_make_room(
    tenant: Tenant, http: httpx.AsyncClient, app: FastAPI, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await tenant.create()
    old = await spoken(tenant, campaign)
    an_hour_ago = time.time() - 3600
    for found in files(settings):
        os.utime(found, (an_hour_ago, an_hour_ago))
    size = sum(found.stat().st_size for found in files(settings))
    monkeypatch.setattr(app.state.parts.previews, "_most", size * 3 // 2)
    new = await spoken(tenant, campaign, message=MESSAGE + " र फेरि")
    assert (await http.get(new)).status_code == 200
    assert (await http.get(old)).status_code == 404
    again = await spoken(tenant, campaign)
    assert (await http.get(again)).status_code == 200


async def test_a_link_works_for_a_day(tenant: Tenant, http: httpx.AsyncClient, app: FastAPI) -> None:
    url = await spoken(tenant, await tenant.create())
    links = app.state.parts.links
    clock: Callable[[], float] = links._clock
    links._clock = lambda: clock() + LIFETIME.total_seconds() - 60
    assert (await http.get(url)).status_code == 200
    links._clock = lambda: clock() + LIFETIME.total_seconds() + 1
    assert (await http.get(url)).status_code == 404


async def test_too_many_at_once_are_put_off(tenant: Tenant, app: FastAPI) -> None:
    """A process that never answers stands for one that is busy."""
    parts = app.state.parts
    stuck = Previews(parts.store, 64)
    stuck._pool._command = ("sleep", "60")  # the process that renders
    campaign = await tenant.create()
    object.__setattr__(parts, "previews", stuck)
    async with stuck:
        waiting = [
            asyncio.create_task(tenant.http.post(path(campaign), json={"message": MESSAGE})) for _ in range(4)
        ]
        async with asyncio.timeout(30):
            while stuck._under_way.total() < 4:  # noqa: ASYNC110 - requests under way tell nobody
                await asyncio.sleep(0.01)
        answer = await tenant.http.post(path(campaign), json={"message": MESSAGE})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert_error(answer)
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_a_link_gives_parts_of_a_file(tenant: Tenant, http: httpx.AsyncClient) -> None:
    """Players seek by asking for a range (RFC 9110, section 14)."""
    url = await spoken(tenant, await tenant.create())
    whole = await http.get(url)
    assert whole.headers["accept-ranges"] == "bytes"
    part = await http.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole.content)}"
    assert (await http.get(url, headers={"Range": "bytes=-5"})).content == whole.content[-5:]
    beyond = await http.get(url, headers={"Range": f"bytes={len(whole.content)}-"})
    assert beyond.status_code == 416
    head = await http.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))


async def test_a_link_is_safe_to_open(tenant: Tenant, http: httpx.AsyncClient) -> None:
    campaign = await tenant.create()
    audio = await http.get(await spoken(tenant, campaign))
    assert audio.headers["content-disposition"].startswith("inline;")
    upload = {"bulk_file": ("x.html", b"number,name\n9841000001,<script>\n", "text/html")}
    await tenant.http.patch(f"campaign/create/{campaign['id']}/detail/", files=upload)
    bulk = (await tenant.get(campaign["id"]))["bulk_file"]
    for answer in (audio, await http.get(bulk) if bulk else audio):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_link_leads_to_its_own_file_only(
    tenant: Tenant, http: httpx.AsyncClient, app: FastAPI, settings: Settings
) -> None:
    parts = app.state.parts
    parts.store.put("recordings/1/a.wav", b"RIFF")
    parts.store.put("recordings/2/a.wav", b"other")
    (settings.data / "secret.key").write_bytes(b"secret")
    good = parts.links.sign("recordings/1/a.wav")
    answer = await http.get(f"media/{good}/a.wav")
    assert (answer.content, answer.headers["content-type"]) == (b"RIFF", "audio/wav")
    payload, _, signature = good.partition(".")
    other = parts.links.sign("recordings/2/a.wav").partition(".")[0]
    for forged in (f"{other}.{signature}", f"{payload}.", payload, f"{payload}.{signature}x", "..", "%2e%2e"):
        assert (await http.get(f"media/{forged}/a.wav")).status_code in (400, 404)
    for name in ("b.wav", "..%2Fa.wav", "..", "a.wav%00", "%2e%2e%2f%2e%2e%2fsecret.key"):
        assert (await http.get(f"media/{good}/{name}")).status_code == 404
