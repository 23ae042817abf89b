"""Steps as callers write them: what is read, what is refused, and what stands where nothing is said."""

from __future__ import annotations

from typing import Any

import pytest

from ghanti.surveys import compiling, drafts
from ghanti.surveys.drafts import StepsError, read_steps
from ghanti.surveys.models import ContentType, ResponseType, SurveyStep
from ghanti.surveys.schemas import DEFAULTS, MOST_STEPS, StepOptions, draft_of
from ghanti.voice.script import Listen, Record, Script

SAY = {"content_type": "say", "text_or_url": "नमस्ते", "response_type": "dtmf"}


def test_a_step_as_the_vendors_client_writes_it() -> None:
    (draft,) = read_steps(
        [
            {
                "id": "5f0a9c1e-3a53-4a64-b3a5-d0b6a4f1f7f0",
                "survey": None,
                "order": 0,
                "content_type": "say",
                "text_or_url": "नमस्ते",
                "response_type": "dtmf",
                "input_name": "field_1",
                "audio_file": None,
            }
        ]
    )
    assert (draft.order, draft.content_type, draft.response_type) == (0, ContentType.SAY, ResponseType.DTMF)
    assert (draft.text_or_url, draft.input_name, draft.step_id) == ("नमस्ते", "field_1", None)
    assert draft.options == DEFAULTS


def test_what_is_not_said() -> None:
    first, second = read_steps([{"content_type": "INFO"}, {"content_type": "say", "field_name": "q2"}])
    assert (first.order, first.response_type, first.input_name) == (0, ResponseType.NONE, "field_1")
    assert (second.order, second.input_name) == (1, "q2")


@pytest.mark.parametrize(
    ("orders", "read"),
    [([5, 2, 9], [5, 2, 9]), ([0, 0, 0], [0, 1, 2]), ([None, None], [0, 1]), (["3", "1"], [3, 1])],
)
def test_orders_are_kept_unless_they_say_nothing(orders: list[Any], read: list[int]) -> None:
    assert [draft.order for draft in read_steps([{**SAY, "order": order} for order in orders])] == read


def test_default_names_that_repeat_are_given_out_anew() -> None:
    names = ["field_1", "field_1", "age", "field_1", "field_2"]
    read = read_steps([{**SAY, "input_name": name} for name in names])
    assert [draft.input_name for draft in read] == ["field_1", "field_3", "age", "field_4", "field_2"]


@pytest.mark.parametrize(
    ("step", "word"),
    [
        ({}, "content_type"),
        ("say", "object"),
        (None, "object"),
        ({"content_type": "sing"}, "say, play, info"),
        ({**SAY, "response_type": "speech"}, "dtmf, raw_record, none"),
        ({**SAY, "order": -1}, "order"),
        ({**SAY, "order": 1.5}, "order"),
        ({**SAY, "order": True}, "order"),
        ({**SAY, "text_or_url": "अ" * 10_001}, "10000"),
        ({**SAY, "text_or_url": {}}, "text"),
        ({**SAY, "text_or_url": "a\0b"}, "cannot be kept"),
        ({**SAY, "text_or_url": "\ud800"}, "cannot be kept"),
        ({**SAY, "input_name": "x" * 129}, "128"),
        ({**SAY, "audio_file": "sound.mp3"}, "URL"),
        ({**SAY, "audio_file": "file:///etc/passwd"}, "URL"),
        ({**SAY, "max_digits": 33}, "max_digits"),
        ({**SAY, "min_digits": 3, "max_digits": 2}, "min_digits"),
        ({**SAY, "terminator": "##"}, "terminator"),
        ({**SAY, "timeout_seconds": 0}, "timeout_seconds"),
        ({**SAY, "timeout_seconds": float("nan")}, "timeout_seconds"),
        ({**SAY, "inter_digit_seconds": 1e99}, "inter_digit_seconds"),
        ({**SAY, "tries": 6}, "tries"),
        ({**SAY, "valid_answers": ["yes"]}, "valid_answers"),
        ({**SAY, "valid_answers": {"1": "yes"}}, "valid_answers"),
        ({**SAY, "valid_answers": ["12"], "max_digits": 1}, "valid_answers"),
        ({**SAY, "valid_answers": ["1#"], "max_digits": 2}, "terminator"),
        ({**SAY, "max_record_seconds": 601}, "max_record_seconds"),
        ({**SAY, "silence_seconds": 61}, "silence_seconds"),
        ({**SAY, "min_record_seconds": 31}, "min_record_seconds"),
        ({**SAY, "min_record_seconds": -1}, "min_record_seconds"),
        ({**SAY, "barge_in": "perhaps"}, "barge_in"),
    ],
)
def test_a_wrong_step_is_named_with_the_reason(step: Any, word: str) -> None:
    with pytest.raises(StepsError) as refused:
        read_steps([SAY, step])
    (message,) = refused.value.messages
    assert message.startswith("Step 2: ")
    assert word in message


def test_every_wrong_step_is_named() -> None:
    with pytest.raises(StepsError) as refused:
        read_steps([{}, SAY, {"content_type": 5}])
    assert [message[:7] for message in refused.value.messages] == ["Step 1:", "Step 3:"]


def test_names_that_repeat_are_refused() -> None:
    with pytest.raises(StepsError, match="age"):
        read_steps([{**SAY, "input_name": "age"}] * 2)


def test_a_hundred_steps_are_the_most() -> None:
    assert len(read_steps([SAY] * MOST_STEPS)) == MOST_STEPS
    with pytest.raises(StepsError, match="100"):
        read_steps([SAY] * (MOST_STEPS + 1))


def test_a_template_says_each_order_once() -> None:
    with pytest.raises(StepsError, match="order"):
        read_steps([SAY], ordered=True)
    with pytest.raises(StepsError, match="same order"):
        read_steps([{**SAY, "order": 1}] * 2, ordered=True)


@pytest.mark.parametrize(
    ("step", "url"),
    [
        ({"text_or_url": "https://example.com/a.mp3"}, "https://example.com/a.mp3"),
        ({"text_or_url": " http://example.com/a.mp3 "}, "http://example.com/a.mp3"),
        ({"text_or_url": "see https://example.com/a.mp3"}, None),
        ({"text_or_url": "https://x.y/t", "audio_file": "https://x.y/a"}, "https://x.y/a"),
        ({"text_or_url": "नमस्ते"}, None),
    ],
)
def test_a_text_that_is_a_url_is_one(step: dict[str, Any], url: str | None) -> None:
    assert read_steps([{**SAY, **step}])[0].audio_url == url


def test_valid_answers_say_how_many_digits_there_are() -> None:
    options = read_steps([{**SAY, "valid_answers": "1, 22, 333"}])[0].options
    assert (options.valid_answers, options.max_digits) == (("1", "22", "333"), 3)


def test_options_are_kept_where_they_are_unusual() -> None:
    options = StepOptions(max_digits=3, terminator=None, valid_answers=("123",))
    kept = options.unusual()
    assert kept.keys() == {"max_digits", "terminator", "valid_answers"}
    assert StepOptions.of(kept) == options
    assert DEFAULTS.unusual() == {}


def _step(number: int, **values: Any) -> SurveyStep:
    draft = read_steps([{**SAY, **values}])[0]
    return SurveyStep(
        id=number,
        survey_id=1,
        position=number,
        content_type=draft.content_type,
        text_or_url=draft.text_or_url,
        response_type=draft.response_type,
        input_name=draft.input_name,
        options=draft.options.unusual(),
    )


def test_a_survey_is_a_call_script() -> None:
    greeting = _step(1, content_type="info", text_or_url="नमस्ते {name}")
    question = _step(2, text_or_url="उमेर?", max_digits=2, valid_answers=["18", "60"], tries=3)
    played = _step(3, content_type="play", response_type="raw_record", text_or_url="")
    played.audio_file, played.audio_ms = "uploads/1/audio/a.mp3", 4200
    goodbye = _step(4, response_type="none", text_or_url="धन्यवाद")
    content = compiling.compiled([greeting, question, played, goodbye])
    script = Script.model_validate(content["script"])
    assert [step.do for step in script.steps] == ["play", "play", "listen", "play", "record", "play"]
    assert script.asks == ["step_2", "step_3"]
    assert set(script.audios) == content["audios"].keys()
    assert content["audios"]["step_1"] == {"template": "नमस्ते {name}"}
    assert content["audios"]["step_3"] == {"media": "uploads/1/audio/a.ulaw", "ms": 4200}
    listen = script.steps[2]
    assert isinstance(listen, Listen)
    assert (listen.valid, listen.max_digits, listen.tries) == (["18", "60"], 2, 3)
    assert (listen.timeout_ms, listen.between_digits_ms, listen.terminator) == (5000, 3000, "#")
    assert content["audios"][listen.invalid or ""] == {"template": compiling.INVALID_PROMPT}


def test_a_question_asked_once_needs_no_prompts() -> None:
    content = compiling.compiled([_step(1, tries=1)])
    assert content["audios"].keys() == {"step_1"}
    Script.model_validate(content["script"])


@pytest.mark.parametrize(("wanted", "ms"), [({}, 300), ({"min_record_seconds": 0}, 0)])
def test_a_click_is_no_recording_unless_it_is_wanted(wanted: dict[str, Any], ms: int) -> None:
    content = compiling.compiled([_step(1, response_type="raw_record", **wanted)])
    record = Script.model_validate(content["script"]).steps[1]
    assert isinstance(record, Record)
    assert record.min_ms == ms


def test_a_hundred_questions_are_one_call() -> None:
    content = compiling.compiled([_step(number, input_name=f"q{number}") for number in range(1, 101)])
    assert len(Script.model_validate(content["script"]).asks) == MOST_STEPS


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"text_or_url": " "}, "nothing to say"),
        ({"content_type": "play", "text_or_url": "hello"}, "audio file"),
        ({"content_type": "info", "text_or_url": ""}, "nothing to say"),
        ({}, None),
    ],
)
def test_steps_that_a_call_cannot_do(values: dict[str, Any], word: str | None) -> None:
    found = compiling.fault(_step(1, **values))
    assert found is None if word is None else word in (found or "")


def test_a_step_is_a_draft_of_itself() -> None:
    step = _step(7, max_digits=4, input_name="age")
    draft = draft_of(step)
    assert (draft.step_id, draft.input_name, draft.options.max_digits) == (7, "age", 4)
    assert drafts.read_step({**draft.as_content(), **draft.options.unusual()}, 0).options == draft.options
