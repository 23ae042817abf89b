"""What our voice said, as far as it was played."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ghanti.dialing import contents
from ghanti.transcripts import said
from ghanti.transcripts.said import Call
from ghanti.voice.protocol import Said

ANSWERED = datetime(2026, 1, 1, tzinfo=UTC)
ASKING: dict[str, Any] = {
    "voice_id": 7,
    "script": {
        "v": 1,
        "steps": [
            {"do": "play", "audio": "question_1"},
            {"do": "listen", "name": "question_1", "tries": 2, "missing": "missing"},
            {"do": "play", "audio": "jingle"},
        ],
    },
    "audios": {
        "question_1": {"template": "Will you come, {name}?"},
        "missing": {"template": "Please press a key."},
        "jingle": {"media": "given/jingle.ulaw", "ms": 4000},
    },
}


def _call(content: dict[str, Any], **more: Any) -> Call:
    read = contents.read(content)
    values = {
        "content": read,
        "texts": read.templates,
        "labels": {},
        "variables": {"name": "Sita"},
        "answered_at": ANSWERED,
        "duration_ms": 9000,
        "played_ms": 0,
        "total_ms": 1000,
        "keys": "",
        "plays": None,
        "answers": [],
    }
    return Call(**{**values, **more})


def _message(text: str, played_ms: int, total_ms: int = 10_000) -> list[str]:
    content = {"voice_id": 7, "audios": {"message": {"template": text}}}
    return [turn.content for turn in said.turns(_call(content, played_ms=played_ms, total_ms=total_ms))]


def _keys(name: str, keys: str | None, at_ms: int) -> Any:
    at = ANSWERED + timedelta(milliseconds=at_ms)
    return SimpleNamespace(name=name, step=name, kind="keys", keys=keys, ms=None, answered_at=at)


def test_nothing_that_was_not_played_is_in_it() -> None:
    assert _message("Hello {name}, pay today.", 0) == []
    assert _message("Hello {name}, pay today.", 5000) == ["Hello Sita, …"]
    assert _message("Hello {name}, pay today.", 9950) == ["Hello Sita, pay today."]


@given(st.text(min_size=1).map(lambda text: text.replace("{", "(")), st.integers(0, 10_000))
def test_what_was_heard_begins_the_text_and_holds_whole_words(text: str, played_ms: int) -> None:
    for heard in _message(text, played_ms):
        words = heard.removesuffix("…").split()
        if heard != text.strip():
            assert len(heard) <= len(text) * played_ms // 10_000 + 3
        assert text.split()[: len(words)] == words or not words


def test_all_that_was_played_is_in_it_as_often_as_it_was() -> None:
    plays = [
        Said(audio="question_1", at_ms=200, played_ms=1500, total_ms=1500),
        Said(audio="missing", at_ms=7000, played_ms=1000, total_ms=1000),
        Said(audio="question_1", at_ms=8000, played_ms=700, total_ms=1500),
        Said(audio="jingle", at_ms=9500, played_ms=4000, total_ms=4000),
    ]
    answers = [_keys("question_1", "1", 8800), _keys("question_2", None, 9000)]
    call = _call(ASKING, plays=plays, answers=answers, keys="91", labels={"question_1": {"1": "yes"}})
    assert [(turn.role, turn.content, turn.at_ms, turn.step) for turn in said.turns(call)] == [
        ("assistant", "Will you come, Sita?", 200, None),
        ("assistant", "Please press a key.", 7000, None),
        ("assistant", "Will you …", 8000, None),
        ("user", "1 (yes)", 8800, "question_1"),
        ("assistant", "(jingle: recorded audio of 4 s)", 9500, None),
    ]


def test_keys_that_nobody_asked_for_come_last() -> None:
    content = {"voice_id": 7, "audios": {"message": {"template": "Hello."}}}
    turns = said.turns(_call(content, played_ms=1000, keys="15#"))
    assert [(turn.role, turn.content, turn.at_ms) for turn in turns] == [
        ("assistant", "Hello.", 0),
        ("user", "15#", 9000),
    ]


def test_a_tag_without_a_value_by_now_stays_as_it_is() -> None:
    assert _message("Hello {nickname}.", 10_000) == ["Hello {nickname}."]


def test_an_answer_comes_before_what_followed_it_however_the_clocks_differ() -> None:
    plays = [
        Said(audio="question_1", at_ms=200, played_ms=1500, total_ms=1500),
        Said(audio="missing", at_ms=7000, played_ms=300, total_ms=1000),
        Said(audio="jingle", at_ms=7300, played_ms=1000, total_ms=4000),
    ]
    call = _call(ASKING, plays=plays, answers=[_keys("question_1", "1", 7304)], keys="1")
    assert [turn.role for turn in said.turns(call)] == ["assistant", "assistant", "user", "assistant"]
