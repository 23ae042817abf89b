"""One speech process as its parent sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from typing import Any

import orjson

ENGINES = (sys.executable, "-m", "ghanti.speech.process")

_START_SECONDS = 60
_END_SECONDS = 2
_LONGEST_ANSWER = 1 << 20


class ChildDied(Exception):  # noqa: N818 - an event, of which only the pool knows
    """The process ended, or had to be given up, before it answered."""


class Child:
    """A running speech process and the two pipes to it (see :mod:`ghanti.speech.process`)."""

    def __init__(self, process: Process, text_seconds: float) -> None:
        self._process = process
        self._text_seconds = text_seconds
        self.texts = 0

    @classmethod
    async def start(cls, command: Sequence[str], text_seconds: float) -> Child:
        """Start a process and wait until it is ready.

        Raises:
            ChildDied: it ended before, or took more than a minute.
        """
        # One thread: the pool has as many processes as it should have cores.
        environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, env=environment, limit=_LONGEST_ANSWER
            )
        except OSError as error:
            raise ChildDied(str(error)) from error
        child = cls(process, text_seconds)
        try:
            await child._line(_START_SECONDS)
        except BaseException:
            await child.kill()
            raise
        return child

    async def send(self, batch: Sequence[object]) -> None:
        """Hand over a batch; its answers must all be received before the next."""
        assert self._process.stdin
        try:
            self._process.stdin.write(orjson.dumps(batch) + b"\n")
            async with asyncio.timeout(self._text_seconds):
                await self._process.stdin.drain()
        except (OSError, TimeoutError) as error:
            raise ChildDied("it takes no requests") from error

    async def receive(self) -> dict[str, Any]:
        """The next answer.

        Raises:
            ChildDied: the process ended, or was at this text for longer than it may.
        """
        answer = await self._line(self._text_seconds)
        self.texts += 1
        return answer

    async def _line(self, seconds: float) -> dict[str, Any]:
        assert self._process.stdout
        try:
            async with asyncio.timeout(seconds):
                line = await self._process.stdout.readline()
                if not line:
                    raise ChildDied(f"it ended with code {await self._process.wait()}")
                answer: dict[str, Any] = orjson.loads(line)
        except TimeoutError as error:
            raise ChildDied(f"no answer within {seconds:g} s") from error
        except ValueError as error:
            raise ChildDied(f"no answer but {error}") from error
        return answer

    async def end(self) -> None:
        """Close the pipe, which ends an idle process at once; kill one that stays busy for two seconds."""
        assert self._process.stdin
        self._process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once, whatever it is at."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
