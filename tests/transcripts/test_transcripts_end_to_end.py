"""Transcripts of real calls: to simulated phones that speak English and press keys."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import english
from direct_world import Direct
from ghanti.accounts.errors import NotFoundError
from ghanti.database.session import transaction
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.transcripts import service
from ghanti.transcripts.schemas import Speaker, Transcript, TranscriptState
from recordings import read_wav
from running_engine import Running, eventually, running

ENGLISH = 7
"""A voice."""

PRESSES_KEYS, HANGS_UP = "+9779841000094", "+9779841000093"
"""Phones that press 1 after two seconds, and that hang up after three."""

ASKS = (
    "Hello {name}, this is the ward office. Will you pay the property tax of {amount} rupees before the end"
    " of this month? [1: yes] [2: no]\n\nThank you {name}, we have written it down."
)
ATTEMPT = (
    "SELECT a.outcome, a.played_ms, a.answered_at IS NOT NULL AS answered FROM attempts a"
    " JOIN targets t ON t.account_id = a.account_id AND t.id = a.target_id"
)
RECORDING = (
    "SELECT r.state, r.ms FROM call_recordings r"
    " JOIN attempts a ON a.account_id = r.account_id AND a.id = r.attempt_id"
    " JOIN targets t ON t.account_id = a.account_id AND t.id = a.target_id"
)
LONG = "Good morning {name}. " + "The office is closed on Monday and open again on Tuesday. " * 6


@pytest.fixture
def recording_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GHANTI_TRANSCRIBE", "true")


def _direct(engine: Running) -> Direct:
    return Direct(engine.world, engine.account, Settings(data=engine.folder))


async def _transcript(engine: Running, sid: UUID, account: int | None = None) -> Transcript:
    store = MediaStore(engine.folder / "media")
    async with transaction(engine.world.sessions) as session:
        return await service.transcript(session, account or engine.account, sid, store)


async def _drafted(engine: Running, sid: UUID) -> Transcript:
    async def look() -> Transcript:
        return await _transcript(engine, sid)

    waiting = (TranscriptState.IN_PROGRESS, TranscriptState.PENDING)
    return await eventually(look, lambda seen: seen.state not in waiting)


def _said(transcript: Transcript) -> list[str]:
    return [turn.content for turn in transcript.turns if turn.role is Speaker.ASSISTANT]


def _recognised(transcript: Transcript) -> set[str]:
    return {
        word
        for turn in transcript.turns
        if turn.draft
        for word in re.findall(r"[a-z]+", turn.content.lower())
    }


def _files(engine: Running) -> list[Path]:
    return [path for path in (engine.folder / "media" / "recordings").rglob("*") if path.is_file()]


@pytest.mark.usefixtures("recording_on")
async def test_a_call_has_what_we_said_what_was_pressed_and_what_was_heard(engine_database: str) -> None:
    roles = ("dialler", "speech", "transcribe")
    async with running(engine_database, *roles, voice=english.phone()) as engine:
        direct = _direct(engine)
        asking = await direct.campaign(ASKS, voice_id=ENGLISH, asks=True)
        telling = await direct.campaign(LONG, voice_id=ENGLISH, name="closed")
        await direct.contact(asking, PRESSES_KEYS, amount=500)
        answered = await direct.call(asking, PRESSES_KEYS, "Sita")
        broken_off = await direct.call(telling, HANGS_UP, "Hari")

        seen = await _drafted(engine, answered)
        assert (seen.state, seen.language) == (TranscriptState.DRAFT, "en")
        first, last = _said(seen)
        # The key cut the question short.
        assert first.startswith("Hello Sita, this is")
        assert first.endswith(" …")
        assert last == "Thank you Sita, we have written it down."
        pressed = [turn for turn in seen.turns if turn.step is not None]
        assert [(turn.role, turn.content, turn.step) for turn in pressed] == [
            (Speaker.USER, "1 (yes)", "question_1")
        ]
        assert _recognised(seen) >= {"new", "car"}
        assert [turn.at_ms for turn in seen.turns] == sorted(turn.at_ms for turn in seen.turns)
        assert 1000 < pressed[0].at_ms < 6000
        assert seen.recording is not None
        assert seen.recording.startswith(f"recordings/{engine.account}/")
        length = await engine.world.value(
            "SELECT duration_ms FROM attempts WHERE target_id = (SELECT id FROM targets WHERE sid = :sid)",
            sid=answered,
        )
        heard = read_wav(engine.folder / "media" / seen.recording)
        assert abs(len(heard) / 8 - length) < 1000

        cut = _said(await _drafted(engine, broken_off))[0]
        filled = LONG.replace("{name}", "Hari")
        assert cut.startswith("Good morning Hari.")
        assert filled.startswith(cut.removesuffix(" …"))
        # It heard three of some twenty seconds.
        assert len(cut) < len(filled) / 3

        await _of_nobody_else(engine, answered)
        await _erased_in_time(engine, answered)
        await engine.world.check()


async def _of_nobody_else(engine: Running, sid: UUID) -> None:
    other = await engine.world.account()
    with pytest.raises(NotFoundError):
        await _transcript(engine, sid, other)
    async with transaction(engine.world.sessions) as session:
        with pytest.raises(NotFoundError):
            await service.analysis(session, other, sid)
        assert await service.analysis(session, engine.account, sid) == {"question_1": "yes"}


async def _erased_in_time(engine: Running, sid: UUID) -> None:
    await engine.world.execute("UPDATE call_recordings SET begun_at = begun_at - interval '8 days'")
    store = MediaStore(engine.folder / "media")
    assert await service.erase_old(engine.world.sessions, store, 9) == 0
    assert await service.erase_old(engine.world.sessions, store, 7) == 2
    assert _files(engine) == []
    seen = await _transcript(engine, sid)
    assert (seen.state, seen.recording, _recognised(seen)) == (TranscriptState.ERASED, None, set())
    assert len(_said(seen)) == 2


@pytest.mark.usefixtures("recording_on")
async def test_what_was_written_outlives_whoever_is_killed(engine_database: str) -> None:
    async with running(engine_database, "dialler", "speech", voice=english.phone()) as engine:
        direct = _direct(engine)
        campaign = await direct.campaign(LONG, voice_id=ENGLISH)
        await _with_a_killed_dialler(engine, await direct.call(campaign, HANGS_UP, "Hari"))
        sid = await direct.call(campaign, "+9779841000001", "Sita")
        await engine.until(
            f"{ATTEMPT} WHERE t.sid = :sid", lambda rows: rows and rows[0].played_ms > 3500, sid=sid
        )
        await engine.kill("voice")
        await engine.start_voice()
        stored = await engine.until(
            f"{RECORDING} WHERE t.sid = :sid", lambda rows: rows[0].state != "pending", sid=sid
        )
        assert stored[0].state == "stored"
        assert stored[0].ms > 2000
        await engine.start_role("transcribe")
        seen = await _drafted(engine, sid)
        assert _recognised(seen) >= {"new", "car"}
        assert _said(seen)[0].startswith("Good morning Sita. The office is")
        assert await engine.world.value(f"{ATTEMPT} WHERE t.sid = :sid", sid=sid) == "unknown"


async def _with_a_killed_dialler(engine: Running, sid: UUID) -> None:
    await engine.until(f"{ATTEMPT} WHERE t.sid = :sid", lambda rows: rows and rows[0].answered, sid=sid)
    await engine.kill("dialler")
    # The voice process goes on recording, and tells when it is asked.
    await engine.all_calls_ended()
    await engine.start_role("dialler")
    stored = await engine.until(
        f"{RECORDING} WHERE t.sid = :sid", lambda rows: rows and rows[0].state != "pending", sid=sid
    )
    assert stored[0].state == "stored"
    assert stored[0].ms > 2500


async def test_nothing_is_recorded_unless_the_operator_says_so(engine_database: str) -> None:
    async with running(engine_database, "dialler", "speech", voice=english.phone()) as engine:
        content: dict[str, Any] = {
            "voice_id": ENGLISH,
            "record": True,
            "audios": {"message": {"template": "Good morning {amount}"}},
        }
        plan = await engine.campaign([1], call_content=content)
        await engine.finished(plan)
        assert await engine.world.value("SELECT count(*) FROM call_recordings") == 0
        assert _files(engine) == []
        # What our voice said is known all the same, of any call by its attempt.
        attempt = await engine.world.value("SELECT id FROM attempts")
        seen = await _transcript(engine, attempt)
        assert (seen.state, _said(seen)) == (TranscriptState.NOT_RECORDED, ["Good morning 0"])
