"""What was said in a call, as far as it is known without hearing it: our own texts, and keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ghanti.dialing.contents import CallContent
from ghanti.dialing.models import AnswerKind
from ghanti.speech import template
from ghanti.transcripts.schemas import Speaker, Turn
from ghanti.voice.protocol import Said
from ghanti.voice.script import Listen, Play, Record

_CUT = "…"
_WHOLE_MS = 100
"""What may lack at the end of an audio that was heard: voices end in silence."""

_MS = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Call:
    """One answered call: what it was to say, and what is known of its course."""

    content: CallContent
    texts: Mapping[str, str]
    labels: Mapping[str, Mapping[str, str]]
    variables: Mapping[str, Any]
    answered_at: datetime
    duration_ms: int
    played_ms: int
    total_ms: int
    keys: str
    plays: Sequence[Said] | None
    answers: Sequence[Any]


def turns(call: Call) -> list[Turn]:
    """Both sides, in the order of time."""
    return sorted([*_assistant(call), *_user(call)], key=lambda turn: turn.at_ms)


def _assistant(call: Call) -> list[Turn]:
    return [
        Turn(Speaker.ASSISTANT, content, play.at_ms)
        for play in _plays(call)
        if (content := _heard(_text(call, play), play.played_ms, play.total_ms))
    ]


def _plays(call: Call) -> Sequence[Said]:
    """What was played: as it was logged, else all of it is the one audio of the script."""
    if call.plays is not None:
        return call.plays
    played = [step.audio for step in call.content.script.steps if isinstance(step, Play)]
    if len(played) != 1:
        return []
    return [Said(audio=played[0], at_ms=0, played_ms=call.played_ms, total_ms=call.total_ms)]


def _text(call: Call, play: Said) -> str:
    """What an audio says in full; of audio that was uploaded only that it is one."""
    said = call.texts.get(play.audio)
    if said is None:
        return f"({play.audio}: recorded audio of {play.total_ms / 1000:.0f} s)"
    try:
        return template.fill(said, call.variables).text
    except template.MissingTags:
        return said


def _heard(text: str, played_ms: int, total_ms: int) -> str:
    """The part of a text that was played: whole words, as if each letter took the same time."""
    if played_ms <= 0 or total_ms <= 0:
        return ""
    if played_ms >= total_ms - _WHOLE_MS:
        return text.strip()
    letters = len(text) * played_ms // total_ms
    head = text[: letters + 1]
    words = head[: head.rfind(" ")] if " " in head else ""
    return f"{words.strip()} {_CUT}" if words.strip() else _CUT


def _user(call: Call) -> list[Turn]:
    given = [turn for row in call.answers if (turn := _answer(call, row)) is not None]
    if given or not call.keys:
        return given
    # Nobody asked for them, so nobody wrote down when they came.
    return [Turn(Speaker.USER, call.keys, call.duration_ms)]


def _answer(call: Call, row: Any) -> Turn | None:
    at_ms = max(0, min((row.answered_at - call.answered_at) // _MS, _latest_ms(call, row.name)))
    if row.kind == AnswerKind.RECORDING:
        content = None if row.ms is None else f"(spoken answer of {row.ms / 1000:.0f} s)"
    else:
        content = row.keys and labelled(call.labels, row.name, row.keys)
    return Turn(Speaker.USER, content, at_ms, step=row.step) if content else None


def _latest_ms(call: Call, name: str) -> int:
    """Before what came next was played. The answer's time is by another clock, a few milliseconds off."""
    steps = call.content.script.steps
    for index, step in enumerate(steps):
        if isinstance(step, Listen | Record) and step.name == name:
            asked = call.content.script.question_before(index)
            own = {asked, *step.prompts}
            plays = _plays(call)
            last = max((place for place, play in enumerate(plays) if play.audio == asked), default=-1)
            after = [play.at_ms for play in plays[last + 1 :] if play.audio not in own]
            return after[0] - 1 if last >= 0 and after else call.duration_ms
    return call.duration_ms


def labelled(labels: Mapping[str, Mapping[str, str]], name: str, keys: str) -> str:
    """Keys with what they mean, where that is known: ``1 (yes)``."""
    label = labels.get(name, {}).get(keys)
    return f"{keys} ({label})" if label else keys
