"""Runs a call script over a line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ghanti.voice.script import End, Failure, Listen, Play, Record, Script


class Line(Protocol):
    """What an answered call offers the interpreter."""

    async def play(self, audio: str, *, interruptible: bool) -> bool:
        """Play to the end, or, when interruptible, until a key is pressed; answers whether one was."""

    async def next_key(self, within: float) -> str | None:
        """The next key pressed, or None after ``within`` seconds."""

    def forget_keys(self) -> None:
        """Drop the keys that were pressed and not yet read."""

    def swallow(self, terminator: str) -> None:
        """Drop the next key if it is this one and comes at once: it ends what has ended already."""

    async def record(self, step: Record) -> bool:
        """Record the callee and store it under the step's name; answers whether anything was said."""

    def answered(self, step: Listen, keys: str) -> None:
        """Take the final answer to a listen step."""

    def passed_over(self, step: Listen | Record) -> None:
        """Note that a step was asked as often as it may be, and stays without a valid answer."""


@dataclass
class Interpreter:
    """Runs a script over a line; ``answers`` holds what each listen step collected so far."""

    script: Script
    line: Line
    answers: dict[str, str] = field(default_factory=dict)

    async def run(self) -> bool:
        """Whether the script ran to its end, rather than to a question that must be answered and was not."""
        steps = self.script.steps
        for index, (step, following) in enumerate(zip(steps, [*steps[1:], None], strict=True)):
            match step:
                case Play():
                    await self._play(step, isinstance(following, Listen) and following.barge_in)
                case Listen() | Record():
                    if not await self._ask(step, self.script.question_before(index)):
                        return False
                case End():
                    return True
        return True

    async def _play(self, step: Play, barge_in: bool) -> None:
        if barge_in:
            self.line.forget_keys()
        await self.line.play(step.audio, interruptible=barge_in)

    async def _ask(self, step: Listen | Record, question: str | None) -> bool:
        """Try for a valid answer as often as the step allows; False when the call is to end without one."""
        for turn in range(1, step.tries + 1):
            failure = await (self._listen(step) if isinstance(step, Listen) else self._record(step))
            if failure is None:
                return True
            if turn < step.tries:
                await self._ask_again(step, (step.prompt_for(failure), question))
        if step.on_failure == "end":
            return False
        self.line.passed_over(step)
        return True

    async def _ask_again(self, step: Listen | Record, audios: tuple[str | None, ...]) -> None:
        """Say what was wrong, then the question; a key that may cut it short is the first of the answer."""
        barge_in = isinstance(step, Listen) and step.barge_in
        if barge_in:
            self.line.forget_keys()
        for audio in audios:
            if audio is not None and await self.line.play(audio, interruptible=barge_in):
                return

    async def _listen(self, step: Listen) -> Failure | None:
        if not step.barge_in:
            self.line.forget_keys()
        keys = await self._collect(step)
        failure = step.failure_of(keys)
        if failure is None:
            self.line.answered(step, keys)
        else:
            self.answers[step.name] = ""
        return failure

    async def _collect(self, step: Listen) -> str:
        keys = ""
        within = step.timeout_ms
        while len(keys) < step.max_digits:
            key = await self.line.next_key(within / 1000)
            if key is None or key == step.terminator:
                break
            keys += key
            within = step.between_digits_ms
            self.answers[step.name] = keys
        else:
            if step.terminator is not None:
                self.line.swallow(step.terminator)
        self.answers[step.name] = keys
        return keys

    async def _record(self, step: Record) -> Failure | None:
        return None if await self.line.record(step) else "missing"
