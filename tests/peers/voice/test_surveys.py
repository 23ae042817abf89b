"""Surveys over real calls: a callee that presses RFC 4733 keys, wrong ones or none, and one that speaks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from voice_peers import DEADLINE, Ear, Phones, Voice, message, write_message

from ghanti.media import g711
from ghanti.media.correlate import similarity
from ghanti.voice.player import BEEP
from ghanti.voice.protocol import Answer
from recordings import read_wav

pytestmark = pytest.mark.peers

TELEPHONE_EVENT = 101
STAR, HASH = 10, 11

QUESTION: dict[str, Any] = {
    "do": "listen",
    "valid": {"from": 1, "to": 3},
    "timeout_ms": 1500,
    "tries": 3,
    "invalid": "wrong",
    "missing": "nothing",
}
SURVEY = {
    "v": 1,
    "steps": [
        {"do": "play", "audio": "one"},
        {**QUESTION, "name": "q1"},
        {"do": "play", "audio": "two"},
        {
            **QUESTION,
            "name": "q2",
            "valid": {"from": 18, "to": 120},
            "max_digits": 3,
            "inter_digit_ms": 600,
            "terminator": "#",
        },
        {"do": "play", "audio": "three"},
        {**QUESTION, "name": "q3", "tries": 2},
        {"do": "play", "audio": "thanks"},
    ],
}
SECONDS = {"one": 20.0, "two": 0.6, "three": 0.4, "thanks": 0.4, "wrong": 0.5, "nothing": 0.3}


@pytest.fixture
def audio(tmp_path: Path) -> dict[str, str]:
    return {
        name: write_message(tmp_path / f"{name}.ulaw", message(seconds, seed=seed))
        for seed, (name, seconds) in enumerate(SECONDS.items())
    }


async def _answer(voice: Voice, attempt: Any) -> Answer:
    answer = await voice.until(attempt, "answer")
    assert isinstance(answer, Answer)
    return answer


async def _plays(ear: Ear, name: str, *, times: int = 1) -> None:
    """Wait until the callee has heard an audio from its beginning on, so many times in all."""
    opening = message(SECONDS[name], seed=list(SECONDS).index(name))[:160]
    await _hears(ear, g711.pcm_to_ulaw(np.clip(opening, -32000, 32000).astype(np.int16)), times)


async def _hears(ear: Ear, packet: bytes, times: int) -> None:
    async with asyncio.timeout(DEADLINE):
        while [data[12:] for _, data, _ in ear.packets].count(packet) < times:
            ear.arrived.clear()
            await ear.arrived.wait()


async def test_three_questions_with_every_kind_of_answer(
    voice: Voice, phone: Phones, audio: dict[str, str]
) -> None:
    callee = await phone("answer")
    attempt = await voice.dial(callee.port, script=SURVEY, audio=audio)
    # Barge-in: the first question lasts 20 s, and is answered in its first.
    await _plays(callee.ear, "one")
    callee.ear.press(2, TELEPHONE_EVENT)
    first = await _answer(voice, attempt)
    assert (first.name, first.kind, first.state, first.keys) == ("q1", "keys", "given", "2")
    # An invalid answer, ended by the inter-digit time-out, then a valid one behind its terminator.
    await _plays(callee.ear, "two")
    for digit in (0, 7):
        callee.ear.press(digit, TELEPHONE_EVENT)
    await _plays(callee.ear, "wrong")
    await _plays(callee.ear, "two", times=2)
    for digit in (4, 2, HASH):
        callee.ear.press(digit, TELEPHONE_EVENT)
    second = await _answer(voice, attempt)
    assert (second.name, second.keys) == ("q2", "42")
    # None at all: asked twice, passed over.
    await _plays(callee.ear, "nothing")
    await _plays(callee.ear, "three", times=2)
    third = await _answer(voice, attempt)
    assert (third.name, third.state, third.keys) == ("q3", "given", None)
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.keys) == ("completed", "20742#")
    assert ended.answers == {"q1": "2", "q2": "42", "q3": ""}
    told = sum(SECONDS[name] for name in ("one", "two", "three", "thanks")) * 1000
    assert ended.total_ms == told
    # The last two wholly, though one was said twice; of the first two what was heard before a key.
    assert 800 < ended.played_ms < 2000
    assert await callee.succeeded()


async def test_a_key_during_a_prompt_is_the_answer(
    voice: Voice, phone: Phones, audio: dict[str, str], tmp_path: Path
) -> None:
    callee = await phone("answer")
    long = {**audio, "wrong": write_message(tmp_path / "long.ulaw", message(20.0, seed=4))}
    script = {"v": 1, "steps": SURVEY["steps"][:2]}
    attempt = await voice.dial(callee.port, script=script, audio=long)
    await _plays(callee.ear, "one")
    callee.ear.press(STAR, TELEPHONE_EVENT)
    await _plays(callee.ear, "wrong")
    callee.ear.press(3, TELEPHONE_EVENT)
    assert (await _answer(voice, attempt)).keys == "3"
    assert (await voice.ended(attempt)).reason == "completed"


async def test_a_question_that_must_be_answered_ends_the_call(
    voice: Voice, phone: Phones, audio: dict[str, str]
) -> None:
    callee = await phone("answer")
    must = {**QUESTION, "name": "q3", "tries": 1, "timeout_ms": 200, "on_failure": "end"}
    steps = [{"do": "play", "audio": "three"}, must, {"do": "play", "audio": "one"}]
    attempt = await voice.dial(callee.port, script={"v": 1, "steps": steps}, audio=audio)
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.hungup_by, ended.answers) == ("no_input", "us", {"q3": ""})
    assert "answer" not in voice.kinds(attempt)
    assert await callee.succeeded()


async def test_what_is_said_into_a_record_step_is_stored(
    voice: Voice, phone: Phones, audio: dict[str, str]
) -> None:
    callee = await phone("answer")
    record = {"do": "record", "name": "r1", "silence_ms": 700, "beep": True, "min_ms": 300, "tries": 3}
    steps = [{"do": "play", "audio": "three"}, {**record, "missing": "nothing"}]
    attempt = await voice.dial(callee.port, script={"v": 1, "steps": steps}, audio=audio)
    # First silence, sent as packets: what was recorded is empty, and asked for again.
    await _plays(callee.ear, "three")
    quiet = asyncio.create_task(callee.ear.say(np.zeros(8000 * 20)))
    await _plays(callee.ear, "three", times=2)
    quiet.cancel()
    pending = await _answer(voice, attempt)
    assert (pending.name, pending.kind, pending.state) == ("r1", "recording", "pending")
    await _hears(callee.ear, BEEP[-160:], 2)
    said = message(2.0, seed=9)
    await callee.ear.say(np.concatenate([said, np.zeros(8000)]))
    stored = await _answer(voice, attempt)
    assert stored.state == "stored"
    assert stored.path is not None
    heard = read_wav(stored.path)
    assert similarity(heard.astype(np.int16), said.astype(np.int16)) >= 0.98
    assert (await voice.ended(attempt)).reason == "completed"


async def test_nobody_says_anything(voice: Voice, phone: Phones, audio: dict[str, str]) -> None:
    callee = await phone("answer")
    steps = [{"do": "record", "name": "r1", "max_ms": 300}, {"do": "play", "audio": "thanks"}]
    attempt = await voice.dial(callee.port, script={"v": 1, "steps": steps}, audio=audio)
    assert (await _answer(voice, attempt)).state == "pending"
    passed = await _answer(voice, attempt)
    assert (passed.state, passed.path) == ("given", None)
    assert (await voice.ended(attempt)).reason == "completed"
