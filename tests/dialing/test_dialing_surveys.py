"""Surveys by all processes: each answer is in the database as it happens, whoever is killed."""

from __future__ import annotations

from typing import Any

import numpy as np
from running_engine import Running, running

from ghanti.media.store import MediaStore
from recordings import read_wav

PRESSES_KEYS = 94
"""The ending of numbers whose phones press 1, 5 and # (docs of the simulator); all hum softly."""

LONG = "रकम एक दुई तीन चार पाँच छ सात आठ नौ दश रुपैयाँ " * 2


def _survey(*, last: dict[str, Any]) -> dict[str, Any]:
    """Two questions that such a phone answers at once, a long talk, and a last step."""
    return {
        "voice_id": 1,
        "script": {
            "v": 1,
            "steps": [
                {"do": "play", "audio": "welcome"},
                {"do": "listen", "name": "q1", "timeout_ms": 20000},
                {"do": "listen", "name": "q2", "timeout_ms": 20000, "max_digits": 3, "terminator": "#"},
                {"do": "play", "audio": "talk"},
                last,
            ],
        },
        "audios": {"welcome": {"template": "नमस्ते {amount}"}, "talk": {"template": LONG}},
    }


ASK = {"do": "listen", "name": "q3", "timeout_ms": 20000}
RECORD = {"do": "record", "name": "r3", "max_ms": 1000}
TWO = [("q1", "given", "1"), ("q2", "given", "5")]
ANSWERS = "SELECT name, state, keys FROM answers ORDER BY target_id, name"
UNKNOWN_ONCE = {"unknown": {"times": 1, "gap_seconds": 0}}


async def _two_answers(engine: Running) -> None:
    await engine.until(ANSWERS, lambda rows: rows == TWO)
    assert await engine.world.value("SELECT state FROM attempts") == "answered"


async def test_answers_are_there_while_the_call_goes_on_and_the_recording_after(engine_database: str) -> None:
    async with running(engine_database, "dialler", "speech") as engine:
        plan = await engine.campaign([PRESSES_KEYS], call_content=_survey(last=RECORD))
        await _two_answers(engine)
        await engine.finished(plan)
        assert await engine.world.rows(ANSWERS) == [*TWO, ("r3", "stored", None)]
        assert await engine.world.rows("SELECT outcome, reason FROM targets") == [("completed", "completed")]
        row = (await engine.world.rows("SELECT account_id, media_key, ms FROM answers WHERE name = 'r3'"))[0]
        assert row.media_key.startswith(f"recordings/{row.account_id}/")
        store = MediaStore(engine.folder / "media")
        heard = read_wav(store.path(row.media_key))
        assert len(heard) == row.ms * 8
        # The phone hums at 400 Hz.
        assert np.argmax(np.abs(np.fft.rfft(heard))) * 8000 / len(heard) == 400
        assert list((store.folder / "recordings").glob("*.wav")) == []
        await engine.world.check()


async def test_a_killed_dialler_loses_no_answer(engine_database: str) -> None:
    async with running(engine_database, "dialler", "speech") as engine:
        plan = await engine.campaign([PRESSES_KEYS], call_content=_survey(last=RECORD))
        await engine.until("SELECT name FROM answers", lambda rows: len(rows) == 1)
        await engine.kill("dialler")
        # What is pressed meanwhile the voice process keeps, and the recording.
        ended = len(engine.phones_saw("end"))
        assert ended == 0
        await engine.all_calls_ended()
        assert await engine.world.rows(ANSWERS) == TWO[:1]
        await engine.start_role("dialler")
        await engine.finished(plan)
        assert await engine.world.rows(ANSWERS) == [*TWO, ("r3", "stored", None)]
        assert await engine.world.value("SELECT count(*) FROM attempts") == 1
        await engine.world.check()


async def test_a_killed_voice_process_keeps_the_answers_given_and_a_retry_asks_the_rest(
    engine_database: str,
) -> None:
    async with running(engine_database, "dialler", "speech") as engine:
        plan = await engine.campaign([PRESSES_KEYS], call_content=_survey(last=ASK), retries=UNKNOWN_ONCE)
        await _two_answers(engine)
        await engine.kill("voice")
        await engine.start_voice()
        await engine.finished(plan)
        # The second call began behind the second question: with the talk, cut short by the phone's first key.
        assert await engine.world.rows(ANSWERS) == [*TWO, ("q3", "given", "1")]
        attempts = await engine.world.rows("SELECT outcome, keys FROM attempts ORDER BY leased_at")
        assert [row.outcome for row in attempts] == ["unknown", "completed"]
        assert await engine.world.rows("SELECT outcome FROM targets") == [("completed",)]
        await engine.world.check()


async def test_a_recording_that_died_with_its_process_is_lost(engine_database: str) -> None:
    async with running(engine_database, "dialler", "speech") as engine:
        last = {**RECORD, "max_ms": 60000}
        survey = _survey(last=last)
        survey["script"]["steps"][3]["audio"] = "welcome"
        plan = await engine.campaign([PRESSES_KEYS], call_content=survey)
        await engine.until(ANSWERS, lambda rows: rows == [*TWO, ("r3", "pending", None)])
        await engine.kill("voice")
        await engine.start_voice()
        await engine.finished(plan)
        await engine.until(ANSWERS, lambda rows: rows == [*TWO, ("r3", "lost", None)])
        assert await engine.world.rows("SELECT outcome FROM targets") == [("unknown",)]
