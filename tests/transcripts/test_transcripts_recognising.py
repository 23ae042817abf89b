"""Recognising: real English is heard, in a process with limits, and whatever fails says why."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from told_calls import NEPALI, Told, saying

import english
from ghanti.media.wav import wav_bytes
from ghanti.settings import Settings
from ghanti.transcripts import recognising
from ghanti.transcripts.engine import model_for
from ghanti.transcripts.models import DraftState
from ghanti.transcripts.recognising import recognise
from ghanti.transcripts.schemas import TranscriptState
from ghanti.transcripts.worker import MOST_TRIES, Transcriber


def _wav(folder: Path, *parts: np.ndarray[tuple[int], np.dtype[np.int16]]) -> Path:
    path = folder / "call.wav"
    path.write_bytes(wav_bytes(np.concatenate(parts)))
    return path


async def test_english_over_the_telephone_is_heard_where_it_was_said(tmp_path: Path) -> None:
    first, second = english.samples(), english.samples("One, two, three, four, five, six")
    wav = _wav(tmp_path, english.silence(1), first, english.silence(2), second, english.silence(1))
    draft = await recognise(wav, 10_000, "en", None)
    assert (draft.state, draft.reason) == (DraftState.DONE, None)
    heard = [re.findall(r"[a-z]+", turn["content"].lower()) for turn in draft.turns]
    assert heard == [english.SENTENCE.lower().split(), ["one", "two", "three", "four", "five", "six"]]
    begins = [1000, 3000 + len(first) // 8]
    for turn, begin in zip(draft.turns, begins, strict=True):
        assert abs(turn["at_ms"] - begin) < 700


async def test_silence_is_nothing(tmp_path: Path) -> None:
    draft = await recognise(_wav(tmp_path, english.silence(3)), 3000, "en", None)
    assert (draft.state, list(draft.turns)) == (DraftState.DONE, [])


async def test_a_damaged_file_fails(tmp_path: Path) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(b"RIFF" + bytes(1000))
    assert (await recognise(path, 1000, "en", None)).state is DraftState.FAILED


async def test_it_ends_when_it_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognising, "longest_seconds", lambda ms: 0.1)
    draft = await recognise(_wav(tmp_path, english.silence(1)), 1000, "en", None)
    assert (draft.state, draft.reason) == (DraftState.FAILED, "Recognising it took too long.")


async def test_it_has_no_more_memory_than_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognising, "MEGABYTES", 200)
    draft = await recognise(_wav(tmp_path, english.silence(1)), 1000, "en", None)
    assert draft.state is DraftState.FAILED


@pytest.mark.parametrize(("language", "called"), [("np", "ne"), ("hi", "hi")])
async def test_a_language_without_a_model_says_what_to_do(tmp_path: Path, language: str, called: str) -> None:
    draft = await recognise(tmp_path / "call.wav", 1000, language, None)
    assert draft.state is DraftState.UNSUPPORTED
    assert f"base-{called}" in str(draft.reason)
    assert "GHANTI_TRANSCRIBE_MODELS" in str(draft.reason)


def test_models_of_the_operators_own_come_first(tmp_path: Path) -> None:
    ours = model_for("en", None)
    assert ours is not None
    for name in ("tiny-en", "tiny-ne", "base-ne"):
        (tmp_path / name).mkdir()
    assert model_for("en", tmp_path) == tmp_path / "tiny-en"
    assert model_for("np", tmp_path) == tmp_path / "base-ne"
    assert model_for("hi", tmp_path) is None


async def test_a_model_of_the_operators_own_is_used(tmp_path: Path) -> None:
    english_model = model_for("en", None)
    assert english_model is not None
    (tmp_path / "tiny-hi").symlink_to(english_model)
    draft = await recognise(_wav(tmp_path, english.samples()), 2000, "hi", tmp_path)
    assert [turn["content"].lower().rstrip(".") for turn in draft.turns] == [english.SENTENCE.lower()]


@pytest.fixture
def transcriber(told: Told) -> Transcriber:
    return Transcriber(told.world.sessions, Settings(data=told.store.folder.parent))


async def test_the_worker_says_what_it_cannot_hear(told: Told, transcriber: Transcriber) -> None:
    lease = await told.sent({**saying(message="नमस्ते"), "voice_id": NEPALI})
    await told.recorded(lease)
    assert (await told.transcript(lease)).state is TranscriptState.PENDING
    assert await transcriber.draft_next()
    seen = await told.transcript(lease)
    assert (seen.state, seen.language) == (TranscriptState.UNSUPPORTED, "np")
    assert "GHANTI_TRANSCRIBE_MODELS" in str(seen.reason)
    assert not await transcriber.draft_next()


async def test_a_worker_that_died_is_succeeded_a_few_times(told: Told, transcriber: Transcriber) -> None:
    lease = await told.sent(saying(message="Hello."))
    await told.recorded(lease)
    await told.world.execute(
        "INSERT INTO transcript_drafts (account_id, attempt_id, state, language, tries, taken_until)"
        " SELECT account_id, attempt_id, 'pending', 'en', :tries, now() + interval '1 hour'"
        " FROM call_recordings",
        tries=MOST_TRIES,
    )
    # It may be at it still.
    assert not await transcriber.draft_next()
    await told.world.execute("UPDATE transcript_drafts SET taken_until = now()")
    assert await transcriber.draft_next()
    seen = await told.transcript(lease)
    assert (seen.state, seen.reason) == (
        TranscriptState.FAILED,
        "The recogniser ended before it was done, every time.",
    )


async def test_a_recording_that_went_meanwhile_has_no_draft(told: Told, transcriber: Transcriber) -> None:
    lease = await told.sent(saying(message="Hello."))
    await told.recorded(lease)
    told.store.delete(str((await told.transcript(lease)).recording))
    assert await transcriber.draft_next()
    seen = await told.transcript(lease)
    assert (seen.state, seen.reason, seen.recording) == (
        TranscriptState.FAILED,
        "The recording is not on this machine.",
        None,
    )
