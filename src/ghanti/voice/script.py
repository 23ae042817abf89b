"""The call script language, version 1: what a call does once it is answered (docs/call-scripts.md).

A script is data: a version and a list of steps. It is validated whole before anything is dialled, and
interpreted over a :class:`Line`, so the interpreter knows neither SIP nor RTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]{1,32}$")]
Terminator = Annotated[str, Field(pattern=r"^[0-9*#A-D]$")]
MAIN_AUDIO = "message"


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Play(_Step):
    """Play one of the call's audios from its beginning."""

    do: Literal["play"]
    audio: Name


class Listen(_Step):
    """Collect keys until ``max_digits`` are in, the terminator, or ``timeout_ms`` without a key."""

    do: Literal["listen"]
    name: Name
    max_digits: int = Field(1, ge=1, le=32)
    timeout_ms: int = Field(5000, ge=100, le=120_000)
    terminator: Terminator | None = None
    barge_in: bool = True


class Record(_Step):
    """Record the callee until ``max_ms``, the terminator, or ``silence_ms`` of silence."""

    do: Literal["record"]
    name: Name
    max_ms: int = Field(30_000, ge=100, le=600_000)
    silence_ms: int | None = Field(None, ge=200, le=60_000)
    terminator: Terminator | None = None


class End(_Step):
    """Hang up; what follows is never reached."""

    do: Literal["end"]


Step = Annotated[Play | Listen | Record | End, Field(discriminator="do")]


class Script(BaseModel):
    """A whole call script. A script whose names collide or that does nothing is refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    v: Literal[1]
    steps: Annotated[list[Step], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _names_are_unique(self) -> Script:
        names = [step.name for step in self.steps if isinstance(step, Listen | Record)]
        if len(set(names)) != len(names):
            raise ValueError("two steps bear the same name")
        return self

    @property
    def audios(self) -> list[str]:
        """The audios it plays, each once, in order."""
        return list(dict.fromkeys(step.audio for step in self.steps if isinstance(step, Play)))

    @property
    def main_audio(self) -> str | None:
        """The audio whose share heard is reported: ``message``, or else the first one played."""
        audios = self.audios
        return MAIN_AUDIO if MAIN_AUDIO in audios else next(iter(audios), None)

    @property
    def told(self) -> list[str]:
        """The audios whose share heard is reported: ``message``, or, without it, all that it plays."""
        audios = self.audios
        return [MAIN_AUDIO] if MAIN_AUDIO in audios else audios

    def longest_ms(self, lengths: Mapping[str, int]) -> int:
        """How long it takes at most, with audios of so many milliseconds."""
        total = 0
        for step in self.steps:
            match step:
                case Play():
                    total += lengths[step.audio]
                case Listen():
                    total += step.max_digits * step.timeout_ms
                case Record():
                    total += step.max_ms
                case End():
                    break
        return total

    @property
    def records(self) -> bool:
        return any(isinstance(step, Record) for step in self.steps)


class Line(Protocol):
    """What an answered call offers the interpreter."""

    async def play(self, audio: str, *, interruptible: bool) -> None:
        """Play to the end, or, when interruptible, until a key is pressed."""

    async def next_key(self, within: float) -> str | None:
        """The next key pressed, or None after ``within`` seconds."""

    def forget_keys(self) -> None:
        """Drop the keys that were pressed and not yet read."""

    async def record(self, name: str, max_ms: int, silence_ms: int | None, terminator: str | None) -> None:
        """Record the callee and store it under ``name``."""


@dataclass
class Interpreter:
    """Runs a script over a line; ``answers`` holds what each listen step collected so far."""

    script: Script
    line: Line
    answers: dict[str, str] = field(default_factory=dict)

    async def run(self) -> None:
        """Return when the script has run to its end."""
        steps = self.script.steps
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            match step:
                case Play():
                    barge_in = isinstance(following, Listen) and following.barge_in
                    if barge_in:
                        self.line.forget_keys()
                    await self.line.play(step.audio, interruptible=barge_in)
                case Listen():
                    await self._listen(step)
                case Record():
                    await self.line.record(step.name, step.max_ms, step.silence_ms, step.terminator)
                case End():
                    return

    async def _listen(self, step: Listen) -> None:
        if not step.barge_in:
            self.line.forget_keys()
        keys = ""
        while len(keys) < step.max_digits:
            key = await self.line.next_key(step.timeout_ms / 1000)
            if key is None or key == step.terminator:
                break
            keys += key
            self.answers[step.name] = keys
        self.answers[step.name] = keys
