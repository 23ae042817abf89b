"""The call script language, version 1: what a call does once it is answered (docs/call-scripts.md).

A script is data: a version and a list of steps. It is validated whole before anything is dialled, and
interpreted (``interpreter.py``) over a line, so that the language knows neither SIP nor RTP.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]
Terminator = Annotated[str, Field(pattern=r"^[0-9*#A-D]$")]
Keys = Annotated[str, Field(pattern=r"^[0-9*#A-D]{1,32}$")]
OnFailure = Literal["skip", "end"]
Failure = Literal["missing", "invalid"]
MAIN_AUDIO = "message"
BEEP_MS = 250
_MOST_TRIES = 10


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Play(_Step):
    """Play one of the call's audios from its beginning."""

    do: Literal["play"]
    audio: Name


class Range(_Step):
    """Whole numbers from the one to the other, both allowed."""

    first: int = Field(alias="from", ge=0)
    last: int = Field(alias="to", ge=0)

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.last < self.first:
            raise ValueError("the range is empty")
        return self

    def __contains__(self, keys: str) -> bool:
        return keys.isdecimal() and self.first <= int(keys) <= self.last


class Listen(_Step):
    """Collect keys until ``max_digits`` are in, the terminator, or a time without a key.

    Asked up to ``tries`` times for an answer that is valid, as in VoiceXML 2.0, 2.1 and 5.3: ``missing``
    is its noinput, ``invalid`` its nomatch.
    """

    do: Literal["listen"]
    name: Name
    min_digits: int = Field(1, ge=1, le=32)
    max_digits: int = Field(1, ge=1, le=32)
    valid: Annotated[list[Keys], Field(min_length=1, max_length=1000)] | Range | None = None
    timeout_ms: int = Field(5000, ge=100, le=120_000)
    inter_digit_ms: int | None = Field(None, ge=100, le=120_000)
    terminator: Terminator | None = None
    barge_in: bool = True
    tries: int = Field(1, ge=1, le=_MOST_TRIES)
    invalid: Name | None = None
    missing: Name | None = None
    on_failure: OnFailure = "skip"

    @model_validator(mode="after")
    def _can_be_answered(self) -> Self:
        if self.min_digits > self.max_digits:
            raise ValueError("min_digits is more than max_digits")
        if isinstance(self.valid, list) and not all(
            self.min_digits <= len(keys) <= self.max_digits for keys in self.valid
        ):
            raise ValueError("a valid answer has fewer or more digits than are listened for")
        if isinstance(self.valid, Range) and len(str(self.valid.first)) > self.max_digits:
            raise ValueError("the valid range has more digits than are listened for")
        return self

    @property
    def between_digits_ms(self) -> int:
        """How long the next key may take after one."""
        return self.timeout_ms if self.inter_digit_ms is None else self.inter_digit_ms

    def failure_of(self, keys: str) -> Failure | None:
        """What is wrong with an answer, if anything."""
        if not keys:
            return "missing"
        if len(keys) < self.min_digits or (self.valid is not None and keys not in self.valid):
            return "invalid"
        return None

    def prompt_for(self, failure: Failure) -> str | None:
        """The audio that tells the callee so."""
        return self.missing if failure == "missing" else self.invalid

    @property
    def prompts(self) -> list[str]:
        return [name for name in (self.invalid, self.missing) if name is not None]

    @property
    def longest_ms(self) -> int:
        """How long one try takes at most."""
        return self.timeout_ms + (self.max_digits - 1) * self.between_digits_ms


class Record(_Step):
    """Record the callee until ``max_ms``, the terminator, or ``silence_ms`` of silence.

    A recording in which nothing was heard, or the last sound comes before ``min_ms``, is missing.
    """

    do: Literal["record"]
    name: Name
    max_ms: int = Field(30_000, ge=100, le=600_000)
    min_ms: int = Field(0, ge=0, le=600_000)
    silence_ms: int | None = Field(None, ge=200, le=60_000)
    terminator: Terminator | None = None
    beep: bool = False
    tries: int = Field(1, ge=1, le=_MOST_TRIES)
    missing: Name | None = None
    on_failure: OnFailure = "skip"

    @model_validator(mode="after")
    def _can_be_answered(self) -> Self:
        if self.min_ms > self.max_ms:
            raise ValueError("min_ms is more than max_ms")
        return self

    def prompt_for(self, _failure: Failure) -> str | None:
        """The audio that tells the callee that nothing was heard."""
        return self.missing

    @property
    def prompts(self) -> list[str]:
        return [] if self.missing is None else [self.missing]

    @property
    def longest_ms(self) -> int:
        """How long one try takes at most."""
        return self.max_ms + (BEEP_MS if self.beep else 0)


class End(_Step):
    """Hang up; what follows is never reached."""

    do: Literal["end"]


Step = Annotated[Play | Listen | Record | End, Field(discriminator="do")]


class Script(BaseModel):
    """A whole call script. A script whose names collide or that does nothing is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    v: Literal[1]
    steps: Annotated[list[Step], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = self.asks
        if len(set(names)) != len(names):
            raise ValueError("two steps bear the same name")
        return self

    @property
    def asks(self) -> list[str]:
        """The names of the steps that want an answer, in order."""
        return [step.name for step in self.steps if isinstance(step, Listen | Record)]

    @property
    def audios(self) -> list[str]:
        """The audios it may play, each once, in order."""
        found: list[str] = []
        for step in self.steps:
            match step:
                case Play():
                    found.append(step.audio)
                case Listen() | Record():
                    found += step.prompts
        return list(dict.fromkeys(found))

    @property
    def told(self) -> list[str]:
        """The audios whose share heard is reported: ``message``, or, without it, all of its play steps."""
        played = list(dict.fromkeys(step.audio for step in self.steps if isinstance(step, Play)))
        return [MAIN_AUDIO] if MAIN_AUDIO in played else played

    @property
    def records(self) -> bool:
        return any(isinstance(step, Record) for step in self.steps)

    def question_before(self, index: int) -> str | None:
        """The audio that asks for the answer of a step: that of the play directly before it."""
        before = self.steps[index - 1] if index else None
        return before.audio if isinstance(before, Play) else None

    def longest_ms(self, lengths: Mapping[str, int]) -> int:
        """How long it takes at most, with audios of so many milliseconds, all tries used up."""
        total = 0
        for index, step in enumerate(self.steps):
            match step:
                case Play():
                    total += lengths[step.audio]
                case Listen() | Record():
                    question = self.question_before(index)
                    again = max((lengths[name] for name in step.prompts), default=0)
                    again += 0 if question is None else lengths[question]
                    total += step.tries * step.longest_ms + (step.tries - 1) * again
                case End():
                    break
        return total

    def resumed(self, answered: Collection[str]) -> Script:
        """What is left of it when these steps have their answers: from the first that has none on.

        What is said between the last answer before that and its question is said again; questions further
        on that are answered are left out with the play directly before them.
        """
        steps = list(enumerate(self.steps))
        done = {i for i, step in steps if isinstance(step, Listen | Record) and step.name in answered}
        if not done:
            return self
        unasked = [i for i, step in steps if isinstance(step, Listen | Record) and i not in done]
        first = min(unasked, default=len(steps))
        begin = max((i + 1 for i in done if i < first), default=0)
        questions = {i - 1 for i in done if self.question_before(i) is not None}
        left = [step for i, step in steps if i >= begin and i not in done | questions]
        return self.model_copy(update={"steps": left or [End(do="end")]})
