"""The call script language."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ghanti.voice.script import Interpreter, Script


class Tape:
    """A line that writes down what it is asked, and presses keys at given audios or pauses."""

    def __init__(self, keys: str = "") -> None:
        self.done: list[tuple[Any, ...]] = []
        self.keys = list(keys)

    async def play(self, audio: str, *, interruptible: bool) -> None:
        self.done.append(("play", audio, interruptible))

    async def next_key(self, within: float) -> str | None:
        self.done.append(("key", within))
        return self.keys.pop(0) if self.keys else None

    def forget_keys(self) -> None:
        self.done.append(("forget",))

    async def record(self, name: str, max_ms: int, silence_ms: int | None, terminator: str | None) -> None:
        self.done.append(("record", name, max_ms, silence_ms, terminator))


def script(*steps: dict[str, Any]) -> Script:
    return Script.model_validate({"v": 1, "steps": list(steps)})


PLAY = {"do": "play", "audio": "message"}
LISTEN = {"do": "listen", "name": "q1", "max_digits": 3, "timeout_ms": 4000, "terminator": "#"}
RECORD = {"do": "record", "name": "r1", "max_ms": 3000, "silence_ms": 2000, "terminator": "*"}
END = {"do": "end"}


async def run(keys: str, *steps: dict[str, Any]) -> tuple[Tape, dict[str, str]]:
    tape = Tape(keys)
    interpreter = Interpreter(script(*steps), tape)
    await interpreter.run()
    return tape, interpreter.answers


async def test_steps_in_order_until_the_end() -> None:
    tape, answers = await run("", PLAY, RECORD, END, PLAY)
    assert tape.done == [("play", "message", False), ("record", "r1", 3000, 2000, "*")]
    assert answers == {}


@pytest.mark.parametrize(
    ("keys", "answer", "left"),
    [("12#9", "12", "9"), ("1234", "123", "4"), ("", "", ""), ("#5", "", "5")],
)
async def test_listen_collects(keys: str, answer: str, left: str) -> None:
    tape, answers = await run(keys, LISTEN, END)
    assert answers == {"q1": answer}
    assert "".join(tape.keys) == left
    assert ("key", 4.0) in tape.done


async def test_a_listen_with_barge_in_makes_the_play_before_it_interruptible() -> None:
    tape, _ = await run("1#", PLAY, LISTEN)
    assert tape.done[:2] == [("forget",), ("play", "message", True)]
    assert ("forget",) not in tape.done[2:]


async def test_without_barge_in_keys_count_only_from_the_listen_on() -> None:
    tape, _ = await run("1#", PLAY, LISTEN | {"barge_in": False})
    assert tape.done[:2] == [("play", "message", False), ("forget",)]


def test_the_main_audio() -> None:
    other = {"do": "play", "audio": "greeting"}
    assert script(other, PLAY).main_audio == "message"
    assert script(other, other).main_audio == "greeting"
    assert script(END).main_audio is None
    assert script(other, PLAY, other).audios == ["greeting", "message"]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"v": 2, "steps": [END]}, "v"),
        ({"v": 1, "steps": []}, "steps"),
        ({"v": 1}, "steps"),
        ({"v": 1, "steps": [{"do": "dance"}]}, "dance"),
        ({"v": 1, "steps": [{"do": "play"}]}, "audio"),
        ({"v": 1, "steps": [PLAY | {"loud": True}]}, "loud"),
        ({"v": 1, "steps": [{"do": "play", "audio": "../x"}]}, "audio"),
        ({"v": 1, "steps": [LISTEN | {"max_digits": 0}]}, "max_digits"),
        ({"v": 1, "steps": [LISTEN | {"max_digits": "3"}]}, "max_digits"),
        ({"v": 1, "steps": [LISTEN | {"terminator": "##"}]}, "terminator"),
        ({"v": 1, "steps": [RECORD | {"name": "a/b"}]}, "name"),
        ({"v": 1, "steps": [LISTEN, LISTEN]}, "same name"),
    ],
)
def test_what_is_refused_is_named(document: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Script.model_validate(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["v", "steps", "do", "audio", "name"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_document_is_valid_or_refused(document: object) -> None:
    with contextlib.suppress(ValidationError):
        assert Script.model_validate(document).steps
