"""Content before dialling: made once it is due, from contacts as they are, in nobody's way."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from engine_world import World
from ghanti.dialing import discarding
from ghanti.dialing.discarding import FRESH_SECONDS, discard_audio, sweep_audio
from ghanti.dialing.models import Channel, Plan
from ghanti.dialing.preparation import Preparer
from ghanti.encryption import SecretBox
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.speech.cache import Rendered
from ghanti.speech.errors import SpeechError
from ghanti.speech.pool import RenderRequest, SpeechPool

CALL = {"voice_id": 1, "length_factor": "1.00", "audios": {"message": {"template": "नमस्ते {name}"}}}
BOX = SecretBox(b"k" * 32)


class Meanwhile(SpeechPool):
    """A speech pool; something else happens while it works."""

    async def render_many(self, requests: Sequence[RenderRequest]) -> list[Rendered | SpeechError]:
        await self.happen()
        return await super().render_many(requests)

    async def happen(self) -> None:
        """Nothing, unless a test says what."""


@pytest.fixture
async def pool(tmp_path: Path) -> AsyncIterator[Meanwhile]:
    async with Meanwhile(tmp_path / "media") as pool:
        yield pool


@pytest.fixture
def preparer(world: World, pool: Meanwhile, tmp_path: Path) -> Preparer:
    return Preparer(world.sessions, Settings(data=tmp_path), BOX, pool, uuid4())


async def _plan(world: World, *channels: Channel, contacts: int = 2, **content: object) -> Plan:
    account = await world.account()
    plan = await world.plan(account, contacts, *channels, ready=False, **content)
    await world.execute('UPDATE contacts SET variables = \'{"name": "राम"}\'')
    return plan


async def test_calls_and_texts_are_made_ready_with_what_they_hold(
    world: World, preparer: Preparer, tmp_path: Path
) -> None:
    text = {"template": "नमस्ते {name} " * 10}
    await _plan(world, Channel.CALL, Channel.SMS, call_content=CALL, sms_content=text)
    assert await preparer.pass_once() == 4
    assert await preparer.pass_once() == 0
    calls = await world.rows("SELECT content, units FROM targets WHERE channel = 'call' AND ready")
    texts = await world.rows("SELECT content, units FROM targets WHERE channel = 'sms' AND ready")
    assert [row.units for row in calls] == [2, 2]
    store = MediaStore(tmp_path / "media")
    assert all(store.exists(row.content["audios"]["message"]) for row in calls)
    assert all(row.units == row.content["parts"] == 2 for row in texts)


async def test_a_contact_without_a_tags_value_fails_free_of_charge(world: World, preparer: Preparer) -> None:
    await _plan(world, call_content=CALL)
    await world.execute("UPDATE contacts SET variables = '{}' WHERE id = (SELECT min(id) FROM contacts)")
    assert await preparer.pass_once() == 2
    rows = await world.rows("SELECT state, outcome, credits FROM targets ORDER BY id")
    assert rows == [("final", "failed", 0), ("waiting", None, 0)]
    await world.check()


async def test_a_contact_changed_meanwhile_is_spoken_to_as_it_is_now(
    world: World, preparer: Preparer, pool: Meanwhile
) -> None:
    await _plan(world, call_content=CALL, contacts=1)

    async def change() -> None:
        await world.execute('UPDATE contacts SET variables = \'{"name": "सीता"}\', updated_at = now()')

    pool.happen = change  # type: ignore[method-assign]
    assert await preparer.pass_once() == 0
    assert await world.rows("SELECT ready FROM targets") == [(False,)]
    pool.happen = Meanwhile.happen.__get__(pool)  # type: ignore[method-assign]
    assert await preparer.pass_once() == 1


async def test_a_stop_does_not_wait_for_speech(world: World, preparer: Preparer, pool: Meanwhile) -> None:
    plan = await _plan(world, call_content=CALL)

    async def stop() -> None:
        assert await world.stop(plan)
        assert await world.rows("SELECT DISTINCT outcome FROM targets") == [("cancelled",)]

    pool.happen = stop  # type: ignore[method-assign]
    assert await preparer.pass_once() == 0
    assert await world.rows("SELECT DISTINCT state, ready FROM targets") == [("final", False)]
    await world.check()


async def test_a_plan_that_cannot_be_prepared_holds_up_no_other(
    world: World, preparer: Preparer, caplog: pytest.LogCaptureFixture
) -> None:
    await _plan(world, call_content={**CALL, "length_factor": "fast"})
    good = await _plan(world, call_content=CALL)
    assert await preparer.pass_once() == 2
    assert "is put off" in caplog.text
    assert await world.rows("SELECT DISTINCT plan_id FROM targets WHERE ready") == [(good.id,)]


async def test_personal_audio_goes_once_nobody_needs_it(
    world: World, preparer: Preparer, tmp_path: Path
) -> None:
    first = await _plan(world, call_content=CALL)
    await preparer.pass_once()
    await world.stop(first)
    second = await _plan(world, call_content=CALL)
    await preparer.pass_once()
    store = MediaStore(tmp_path / "media")
    audio = await world.value("SELECT DISTINCT content #>> '{audios,message}' FROM targets")
    assert await discard_audio(world.sessions, store, 0) == 0
    assert store.exists(audio)
    await world.stop(second)
    assert await discard_audio(world.sessions, store, 0) == 1
    assert not store.exists(audio)


def _audio(store: MediaStore) -> list[Path]:
    return [path for path in (store.folder / "audio").rglob("*") if path.is_file()]


def _age(path: Path, seconds: float = FRESH_SECONDS + 60) -> None:
    os.utime(path, (0, time.time() - seconds))


@pytest.mark.parametrize(
    "forget",
    [
        "DELETE FROM plans",
        "UPDATE targets SET ready = false, content = NULL",
        "UPDATE targets SET state = 'final', outcome = 'completed', final_at = now()",
    ],
    ids=["deleted", "made unready", "final"],
)
async def test_audio_that_no_target_leads_to_is_swept_once_it_is_old(
    world: World, preparer: Preparer, tmp_path: Path, forget: str
) -> None:
    await _plan(world, call_content=CALL)
    await preparer.pass_once()
    store = MediaStore(tmp_path / "media")
    (audio,) = _audio(store)
    (store.folder / "audio" / "3f").mkdir(exist_ok=True)
    piece = store.folder / "audio" / "3f" / ".half.part"
    piece.write_bytes(b"x")
    for path in (audio, piece):
        _age(path)
    # The targets that wait need the one.
    assert await sweep_audio(world.sessions, store, 0) == 1
    assert _audio(store) == [audio]
    await world.execute(forget)
    os.utime(audio)
    assert await sweep_audio(world.sessions, store, 0) == 0
    _age(audio)
    assert await sweep_audio(world.sessions, store, 3600) == 0
    assert await sweep_audio(world.sessions, store, 0) == 1
    assert _audio(store) == []


async def test_audio_that_is_found_again_while_it_is_swept_stays(
    world: World, preparer: Preparer, pool: Meanwhile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep has asked who needs it when another plan's target finds it; that is not committed yet."""
    first = await _plan(world, call_content=CALL)
    await preparer.pass_once()
    await world.stop(first)
    store = MediaStore(tmp_path / "media")
    (audio,) = _audio(store)
    _age(audio)
    await _plan(world, call_content=CALL)
    needed = discarding._needed

    async def and_meanwhile(session: AsyncSession, keys: Sequence[str]) -> set[str]:
        found = await needed(session, keys)
        assert found == set()
        assert await preparer.pass_once() == 2
        return found

    monkeypatch.setattr(discarding, "_needed", and_meanwhile)
    assert await sweep_audio(world.sessions, store, 0) == 0
    assert _audio(store) == [audio]


async def test_audio_that_others_asked_for_since_outlives_the_call_it_was_made_for(
    world: World, preparer: Preparer, tmp_path: Path
) -> None:
    plan = await _plan(world, call_content=CALL)
    await preparer.pass_once()
    await world.stop(plan)
    await world.execute("UPDATE targets SET final_at = now() - interval '2 h'")
    store = MediaStore(tmp_path / "media")
    (audio,) = _audio(store)
    assert await discard_audio(world.sessions, store, 3600) == 0
    assert _audio(store) == [audio]


SURVEY: dict[str, Any] = {
    "voice_id": 1,
    "script": {
        "v": 1,
        "steps": [
            {"do": "play", "audio": "hello"},
            {"do": "play", "audio": "given"},
            {"do": "listen", "name": "q1", "timeout_ms": 10_000, "tries": 3, "missing": "again"},
            {"do": "record", "name": "q2", "max_ms": 100_000},
            {"do": "play", "audio": "closing"},
        ],
    },
    "audios": {
        "hello": {"template": "नमस्ते {name}"},
        "given": {"media": "uploads/given.ulaw", "ms": 20_000},
        "again": {"template": "फेरि"},
        "closing": {"template": "धन्यवाद"},
        "unused": {"template": "{nobody}"},
    },
}


@pytest.fixture
def given(tmp_path: Path) -> None:
    """The audio that a survey was given lies where it should."""
    MediaStore(tmp_path / "media").put("uploads/given.ulaw", b"x")


@pytest.mark.usefixtures("given")
async def test_several_audios_are_spoken_once_for_all_or_given(
    world: World, preparer: Preparer, tmp_path: Path
) -> None:
    await _plan(world, call_content=SURVEY)
    await world.execute(
        'UPDATE contacts SET variables = \'{"name": "सीता"}\' WHERE id = (SELECT min(id) FROM contacts)'
    )
    assert await preparer.pass_once() == 2
    first, second = (row.content for row in await world.rows("SELECT content FROM targets ORDER BY id"))
    assert first["audios"].keys() == second["audios"].keys() == {"hello", "again", "closing"}
    assert first["audios"]["hello"] != second["audios"]["hello"]
    assert {**first["audios"], "hello": ""} == {**second["audios"], "hello": ""}
    store = MediaStore(tmp_path / "media")
    files = {key for content in (first, second) for key in content["audios"].values()}
    assert set((store.folder / "audio").rglob("*.ulaw")) == {store.path(key) for key in files}
    lengths = {key: (store.size(key) or 0) // 8 for key in files}
    told = [first["audios"][name] for name in ("hello", "closing")]
    assert first["ms"] == 20_000 + sum(lengths[key] for key in told)


@pytest.mark.usefixtures("given")
async def test_the_hold_covers_the_longest_that_a_script_may_take(world: World, preparer: Preparer) -> None:
    """Three tries of 10 s, the question of 20 s again twice, a recording of 100 s: over three minutes."""
    await _plan(world, call_content=SURVEY)
    await preparer.pass_once()
    assert await world.rows("SELECT DISTINCT units FROM targets") == [(5,)]


@pytest.mark.usefixtures("given")
async def test_no_hold_covers_more_than_the_longest_call(
    world: World, pool: Meanwhile, tmp_path: Path
) -> None:
    await _plan(world, call_content=SURVEY)
    settings = Settings(data=tmp_path, longest_call_seconds=100)
    assert await Preparer(world.sessions, settings, BOX, pool, uuid4()).pass_once() == 2
    assert await world.rows("SELECT DISTINCT units FROM targets") == [(3,)]


@pytest.mark.usefixtures("given")
async def test_given_audio_needs_no_voice_and_stays_when_the_call_is_over(
    world: World, preparer: Preparer, tmp_path: Path
) -> None:
    content = {"audios": {"message": {"media": "uploads/given.ulaw", "ms": 61_000}}}
    plan = await _plan(world, call_content=content)
    store = MediaStore(tmp_path / "media")
    assert await preparer.pass_once() == 2
    assert await world.rows("SELECT DISTINCT content, units FROM targets") == [({"ms": 61_000}, 3)]
    await world.stop(plan)
    assert await discard_audio(world.sessions, store, 0) == 0
    assert store.exists("uploads/given.ulaw")


async def test_a_voice_that_is_gone_ends_what_it_was_to_speak(world: World, preparer: Preparer) -> None:
    await _plan(world, call_content={**CALL, "voice_id": 999})
    assert await preparer.pass_once() == 2
    rows = await world.rows("SELECT DISTINCT outcome, reason FROM targets")
    assert rows == [("failed", "the campaign's voice exists no more")]


async def test_a_script_without_its_audio_is_put_off(
    world: World, preparer: Preparer, caplog: pytest.LogCaptureFixture
) -> None:
    await _plan(world, call_content={**SURVEY, "audios": {}})
    assert await preparer.pass_once() == 0
    assert "plays what is not there: hello, given, again, closing" in caplog.text


async def test_given_audio_that_is_gone_ends_the_calls_instead_of_trying_for_ever(
    world: World, preparer: Preparer
) -> None:
    await _plan(world, call_content=SURVEY)
    assert await preparer.pass_once() == 2
    rows = await world.rows("SELECT DISTINCT outcome, reason FROM targets")
    assert rows == [("failed", "the audio given is missing, empty or too long")]
