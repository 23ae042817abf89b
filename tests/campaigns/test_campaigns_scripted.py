"""Messages that ask: what is read out of them, and the call scripts that they become."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghanti.campaigns import scripted
from ghanti.campaigns.scripted import Part
from ghanti.dialing import contents
from ghanti.voice.script import Listen, Play

_MARKS = ("[1: yes]", "[2: no -> call back]", "[३ → hook]", "[#: end]")
_WORDS = st.one_of(
    st.sampled_from(
        [
            "Press",
            "press",
            "1",
            "2,",
            "२",
            "थिच्नुहोस्।",
            "दबाएं",
            "or",
            "{name}",
            "9:30",
            "Rs",
            "\n",
            "\n\n",
            "[",
        ]
    ),
    st.sampled_from(_MARKS),
    st.text(max_size=8),
)
_MESSAGES = st.one_of(st.text(max_size=300), st.lists(_WORDS, max_size=60).map(" ".join))


@pytest.mark.parametrize(
    ("said", "keys"),
    [
        ("Press 1 for yes, 2 for no.", "12"),
        ("press one to hear it again, or two to stop", "12"),
        ("For sales push 1, for help dial 2. Press # to end.", "12#"),
        ('Press "1", or press the star key', "1*"),
        ("You owe Rs 1,500 by 9:30 on 2. Press 3.", "3"),
        ("हो भने १, होइन भने २ थिच्नुहोस्।", "12"),
        ("पुष्टि गर्न १ थिच्नुहोस् । रद्द गर्न २ नम्बर दबाउनुहोस् ।", "12"),
        ("1 थिच्‍नुहोस्", "1"),
        ("सुन्न एक थिच्नुहोस्", "1"),
        ("हाँ के लिए 1 और नहीं के लिए 2 दबाएं", "12"),
        ("पुष्टि के लिए १ दबाइए", "1"),
        ("hunchha bhane 1 thichnuhos, hudaina bhane 2 dabaunuhos", "12"),
    ],
)
def test_words_that_ask_for_keys_make_a_question(said: str, keys: str) -> None:
    assert scripted.read(said) == [Part(said, tuple(keys))]


@pytest.mark.parametrize(
    "said",
    [
        "The press is 5 years old.",
        "Press 10 times; dial 100 in an emergency.",
        "पानीको दबाब 2 हप्तादेखि कम छ।",
        "Press {option} for {price}.",
        "See [1] and [note: 2].",
        "Your token is 4.",
        "press",
    ],
)
def test_other_words_do_not(said: str) -> None:
    assert scripted.read(said) == [Part(said)]


def test_marks_are_not_spoken_and_say_what_keys_mean() -> None:
    parts = scripted.read(
        "Namaste {name}.\n\nThe meeting is at 9.\n\n"
        "Will you come?  [१: yes -> tell the ward]\n[2: no] [# → end]\n\nThanks."
    )
    assert parts == [
        Part("Namaste {name}.\n\nThe meeting is at 9."),
        Part("Will you come?", ("1", "2", "#"), {"1": "yes", "2": "no"}, {"1": "tell the ward", "#": "end"}),
        Part("Thanks."),
    ]


def test_marks_that_stand_alone_belong_to_the_paragraph_before() -> None:
    parts = scripted.read("Hello.\n\nPress 1 to confirm.\n\n[1: yes]\n\n[2: no]\n\nBye.")
    assert parts == [
        Part("Hello."),
        Part("Press 1 to confirm.", ("1", "2"), {"1": "yes", "2": "no"}),
        Part("Bye."),
    ]


def test_a_mark_inside_a_tag_is_part_of_its_name() -> None:
    assert scripted.read("Hello {a [1: x]}") == [Part("Hello {a [1: x]}")]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("[1: yes]\n\nWill you come?", "before anything is asked"),
        ("Well? [1: yes] [१: no]", "key 1 is named twice"),
        ("Well?\n\n[1: yes]\n\n[1: no]", "key 1 is named twice"),
        ("\n\n".join(["Press 1."] * (scripted.MOST_QUESTIONS + 1)), "at most 20"),
    ],
)
def test_what_cannot_be_asked_is_said_with_its_reason(message: str, reason: str) -> None:
    assert reason in str(scripted.fault(message))


def test_as_many_questions_as_may_be_are_no_fault() -> None:
    assert scripted.fault("\n\n".join(["Hello.", "Press 1."] * scripted.MOST_QUESTIONS)) is None


def test_a_script_asks_twice_and_goes_on() -> None:
    parts = scripted.read("Hello {name}.\n\nWell? [1: yes -> crm] [2: no]\n\nThanks.\n\n२ थिच्नुहोस्")
    content = scripted.compiled(parts, "hi")
    call = contents.read({"voice_id": 8, **content})
    assert [(step.do, getattr(step, "audio", getattr(step, "name", ""))) for step in call.script.steps] == [
        ("play", "said_1"),
        ("play", "question_1"),
        ("listen", "question_1"),
        ("play", "said_3"),
        ("play", "question_2"),
        ("listen", "question_2"),
    ]
    first = call.script.steps[2]
    assert isinstance(first, Listen)
    assert (first.valid, first.tries, first.on_failure, first.barge_in) == (["1", "2"], 2, "skip", True)
    assert call.templates["question_1"] == "Well?"
    assert (call.templates["invalid"], call.templates["missing"]) == scripted.PROMPTS["hi"]
    assert content["hooks"] == {"question_1": {"1": "crm"}}
    assert content["labels"] == {"question_1": {"1": "yes", "2": "no"}}


@given(_MESSAGES)
@settings(max_examples=300, deadline=None)
def test_no_word_is_lost_and_no_mark_is_spoken(message: str) -> None:
    parts = scripted.read(message)
    said = " ".join(part.text for part in parts)
    tags = re.compile(r"\{[^{}]*\}")
    marks = re.compile(r"\[[ \t]*[0-9०-९*#][ \t]*(?::|：|->|→)[^\[\]\n]{0,200}\]")
    # Whatever is left of a message without its marks is spoken; those inside of tags are no marks.
    outside = message if tags.search(message) else marks.sub(" ", message)
    if not tags.search(message):
        assert said.split() == outside.split()
        assert not marks.search(said) or marks.search(marks.sub(" ", message))
    else:
        assert set(said.split()) <= set(message.split())
        assert all(tag in said for tag in tags.findall(message) if "\n" not in tag)


@given(_MESSAGES)
@settings(max_examples=300, deadline=None)
def test_whatever_has_no_fault_is_a_script_that_can_be_played(message: str) -> None:
    parts = scripted.read(message)
    assert len(parts) <= len(message)
    assert all(re.fullmatch(r"[0-9*#]", key) for part in parts for key in part.keys)
    assert all({*part.labels, *part.hooks} <= set(part.keys) for part in parts)
    if scripted.fault(message) is None and any(part.keys for part in parts):
        call = contents.read({"voice_id": 1, **scripted.compiled(parts, "np")})
        played = [step.audio for step in call.script.steps if isinstance(step, Play)]
        assert [call.templates[name] for name in played] == [part.text for part in parts]
        assert len(call.script.asks) == sum(bool(part.keys) for part in parts)


@pytest.mark.parametrize(
    "message",
    [
        "press " * 1700,
        "[1:" * 3300,
        "\n " * 5000,
        "1 number " * 1100,
        "{" * 10_000,
        "दबा" * 3300,
        "1," * 5000,
    ],
)
def test_the_longest_messages_are_read_at_once(message: str) -> None:
    assert len(scripted.read(message[:10_000])) <= 10_000
