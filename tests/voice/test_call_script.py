"""The call script language."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ghanti.voice.interpreter import Interpreter
from ghanti.voice.script import End, Listen, Play, Record, Script


class Tape:
    """A line that writes down what it is asked; at each silence of the callee the next keys are pressed.

    ``turns`` are what the callee presses at each try, perhaps nothing; one that begins with ``!`` is pressed
    while an audio plays that may be stopped. ``said`` tells at which tries a recording holds anything.
    """

    def __init__(self, keys: str = "", turns: Sequence[str] = (), said: Sequence[bool] = ()) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.keys = list(keys)
        self.turns = list(turns)
        self.said = list(said)

    async def play(self, audio: str, *, interruptible: bool) -> bool:
        self.done.append(("play", audio, interruptible))
        if interruptible and self.turns and self.turns[0].startswith("!"):
            self.keys = list(self.turns.pop(0)[1:])
            return True
        self.keys = [key for key in self.keys if key]
        return False

    async def next_key(self, within: float) -> str | None:
        self.done.append(("key", within))
        if not self.keys and self.turns and not self.turns[0].startswith("!"):
            self.keys = [*self.turns.pop(0), ""]
        return (self.keys.pop(0) if self.keys else None) or None

    def forget_keys(self) -> None:
        self.done.append(("forget",))

    def swallow(self, terminator: str) -> None:
        self.done.append(("swallow", terminator))

    async def record(self, step: Record) -> bool:
        self.done.append(("record", step.name))
        return self.said.pop(0) if self.said else True

    def answered(self, step: Listen, keys: str) -> None:
        self.done.append(("answered", step.name, keys))

    def passed_over(self, step: Listen | Record) -> None:
        self.done.append(("passed over", step.name))

    @property
    def heard(self) -> list[str]:
        """What the callee heard and what came of it, without waits."""
        return [
            " ".join(map(str, entry[:2]))
            for entry in self.done
            if entry[0] not in ("key", "forget", "swallow")
        ]


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
    assert tape.done == [("play", "message", False), ("record", "r1")]
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


@pytest.mark.parametrize(
    ("keys", "more", "swallowed"),
    [("123", {}, True), ("12#", {}, False), ("12", {}, False), ("123", {"terminator": None}, False)],
)
async def test_only_a_listen_that_is_full_has_a_late_terminator_swallowed(
    keys: str, more: dict[str, Any], swallowed: bool
) -> None:
    tape, _ = await run(keys, LISTEN | more)
    assert (("swallow", "#") in tape.done) is swallowed


async def test_a_listen_with_barge_in_makes_the_play_before_it_interruptible() -> None:
    tape, _ = await run("1#", PLAY, LISTEN)
    assert tape.done[:2] == [("forget",), ("play", "message", True)]
    assert ("forget",) not in tape.done[2:]


async def test_without_barge_in_keys_count_only_from_the_listen_on() -> None:
    tape, _ = await run("1#", PLAY, LISTEN | {"barge_in": False})
    assert tape.done[:2] == [("play", "message", False), ("forget",)]


def test_the_audios_whose_share_is_reported() -> None:
    other = {"do": "play", "audio": "greeting"}
    question = {"do": "play", "audio": "question"}
    ask = LISTEN | {"invalid": "wrong", "missing": "nothing"}
    assert script(other, PLAY).told == ["message"]
    assert script(other, question, ask, other).told == ["greeting", "question"]
    assert script(END).told == []
    assert script(other, question, ask, other).audios == ["greeting", "question", "wrong", "nothing"]


QUESTION = {"do": "play", "audio": "question"}
CHOICE: dict[str, Any] = {
    "do": "listen",
    "name": "q1",
    "valid": {"from": 1, "to": 3},
    "timeout_ms": 4000,
    "tries": 3,
    "invalid": "wrong",
    "missing": "nothing",
}
THANKS = {"do": "play", "audio": "thanks"}


async def heard(turns: Sequence[str], *steps: dict[str, Any]) -> list[str]:
    tape = Tape(turns=turns)
    ended = await Interpreter(script(*steps), tape).run()
    return [*tape.heard, *([] if ended else ["gave up"])]


async def test_an_invalid_and_a_missing_answer_are_asked_for_again() -> None:
    assert await heard(["7", "", "2"], QUESTION, CHOICE, THANKS) == [
        *("play question", "play wrong", "play question", "play nothing", "play question"),
        *("answered q1", "play thanks"),
    ]


async def test_a_key_during_the_prompt_answers_at_once() -> None:
    assert await heard(["7", "!2"], QUESTION, CHOICE) == ["play question", "play wrong", "answered q1"]


async def test_without_barge_in_prompt_and_question_are_heard_out() -> None:
    tape = Tape(turns=["7", "2"])
    await Interpreter(script(QUESTION, CHOICE | {"barge_in": False}), tape).run()
    assert [entry for entry in tape.done if entry[0] == "play"] == [
        ("play", "question", False),
        ("play", "wrong", False),
        ("play", "question", False),
    ]
    assert tape.done[-1] == ("answered", "q1", "2")


@pytest.mark.parametrize(
    ("on_failure", "end"), [("skip", ["passed over q1", "play thanks"]), ("end", ["gave up"])]
)
async def test_tries_that_are_used_up(on_failure: str, end: list[str]) -> None:
    steps = (QUESTION, CHOICE | {"tries": 2, "on_failure": on_failure, "missing": None}, THANKS)
    assert await heard(["", "9"], *steps) == ["play question", "play question", *end]


async def test_a_missing_recording_is_asked_for_again() -> None:
    steps = (QUESTION, RECORD | {"tries": 3, "missing": "nothing"}, THANKS)
    again = ["play nothing", "play question", "record r1"]
    tape = Tape(said=[False, True])
    assert await Interpreter(script(*steps), tape).run()
    assert tape.heard == ["play question", "record r1", *again, "play thanks"]
    tape = Tape(said=[False] * 3)
    assert await Interpreter(script(*steps), tape).run()
    assert tape.heard == ["play question", "record r1", *again, *again, "passed over r1", "play thanks"]


@pytest.mark.parametrize(
    ("listen", "turn", "answer"),
    [
        ({"valid": ["1", "2", "12"], "max_digits": 2}, "12", "12"),
        ({"valid": ["1", "2"], "max_digits": 2, "terminator": "#"}, "2#", "2"),
        ({"valid": {"from": 5, "to": 10}, "max_digits": 2}, "07", "07"),
        ({"min_digits": 3, "max_digits": 4, "terminator": "#"}, "123#", "123"),
        ({"valid": ["1"], "max_digits": 2}, "12", None),
        ({"valid": {"from": 5, "to": 10}, "max_digits": 2}, "11", None),
        ({"valid": {"from": 5, "to": 10}, "max_digits": 2}, "*1", None),
        ({"min_digits": 3, "max_digits": 4, "terminator": "#"}, "12#", None),
        ({"terminator": "#"}, "#", None),
    ],
)
async def test_which_answers_are_valid(listen: dict[str, Any], turn: str, answer: str | None) -> None:
    tape = Tape(turns=[turn])
    interpreter = Interpreter(script({"do": "listen", "name": "q1", **listen}), tape)
    await interpreter.run()
    assert tape.done[-1] == (("passed over", "q1") if answer is None else ("answered", "q1", answer))
    assert interpreter.answers == {"q1": answer or ""}


async def test_the_first_key_and_the_next_ones_have_times_of_their_own() -> None:
    tape = Tape("12")
    await Interpreter(script(LISTEN | {"inter_digit_ms": 1500}), tape).run()
    assert [entry[1] for entry in tape.done if entry[0] == "key"] == [4.0, 1.5, 1.5]


def test_how_long_a_script_takes_at_most() -> None:
    lengths = {"question": 3000, "wrong": 1000, "nothing": 2000, "thanks": 500}
    listen = CHOICE | {"max_digits": 2, "inter_digit_ms": 1000}
    assert script(QUESTION, listen, THANKS).longest_ms(lengths) == 3000 + 3 * 5000 + 2 * 5000 + 500
    record = RECORD | {"tries": 2, "missing": "nothing", "beep": True}
    assert script(QUESTION, record, END, THANKS).longest_ms(lengths) == 3000 + 2 * 3250 + 5000


SURVEY = script(
    {"do": "play", "audio": "welcome"},
    QUESTION,
    CHOICE,
    {"do": "play", "audio": "between"},
    {"do": "play", "audio": "second"},
    CHOICE | {"name": "q2"},
    {"do": "play", "audio": "third"},
    RECORD,
    THANKS,
)


@pytest.mark.parametrize(
    ("answered", "left"),
    [
        (set(), "welcome question q1 between second q2 third r1 thanks"),
        ({"q1"}, "between second q2 third r1 thanks"),
        ({"q1", "q2"}, "third r1 thanks"),
        ({"q2"}, "welcome question q1 between third r1 thanks"),
        ({"q1", "r1"}, "between second q2 thanks"),
        ({"q1", "q2", "r1"}, "thanks"),
    ],
)
def test_a_script_is_resumed_at_the_first_step_without_an_answer(answered: set[str], left: str) -> None:
    steps = SURVEY.resumed(answered).steps
    assert (
        " ".join(
            step.audio if isinstance(step, Play) else step.name for step in steps if not isinstance(step, End)
        )
        == left
    )


def test_a_script_without_anything_left_ends_at_once() -> None:
    assert script(QUESTION, CHOICE).resumed({"q1"}) == script(END)


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
        ({"v": 1, "steps": [LISTEN | {"min_digits": 4}]}, "min_digits"),
        ({"v": 1, "steps": [LISTEN | {"valid": []}]}, "valid"),
        ({"v": 1, "steps": [LISTEN | {"valid": ["1234"]}]}, "more digits"),
        ({"v": 1, "steps": [LISTEN | {"valid": {"from": 2, "to": 1}}]}, "empty"),
        ({"v": 1, "steps": [LISTEN | {"valid": {"from": 1000, "to": 1001}}]}, "more digits"),
        ({"v": 1, "steps": [LISTEN | {"tries": 0}]}, "tries"),
        ({"v": 1, "steps": [LISTEN | {"on_failure": "jump"}]}, "on_failure"),
        ({"v": 1, "steps": [RECORD | {"min_ms": 3001}]}, "min_ms"),
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
