"""Rendering from asyncio: a pool of speech processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from ghanti.speech.cache import Rendered
from ghanti.speech.child import ENGINES, Child, ChildDied
from ghanti.speech.engines.base import EngineVoice
from ghanti.speech.errors import SpeechError

BATCH = 8
_TRIES = 2
# espeak-ng loses about two kilobytes a text, so a process is replaced before that is noticed.
_TEXTS_A_LIFE = 20_000


@dataclass(frozen=True, slots=True)
class RenderRequest:
    """A filled message to be spoken; ``length_factor`` (0.5 to 2) multiplies its duration.

    With ``keep_as``, a media key that no other request has, the audio is kept there instead of where
    equal messages would find it: for texts that are secret.
    """

    text: str = field(repr=False)
    voice: EngineVoice
    length_factor: float = 1.0
    keep_as: str | None = None


@dataclass(slots=True)
class _Job:
    request: RenderRequest
    done: asyncio.Future[Rendered | SpeechError]
    tries: int = field(default=0)


class SpeechPool:
    """Renders messages in processes of their own, to which requests go in order of arrival.

    A process that dies, or spends more than ``text_seconds`` on one text, is replaced; the text it
    was at is tried once more and then fails, the others don't notice. The processes end with this
    one, whatever ends it. Use as an async context manager, in one event loop.

    ``batch`` is how many texts a process is given at a time: with one, no text waits behind another
    while any process is free. With ``at_once`` the processes start with the pool, not with the first text.
    """

    def __init__(
        self,
        media_folder: Path,
        processes: int = 1,
        *,
        text_seconds: float = 20.0,
        program: Sequence[str] = ENGINES,
        batch: int = BATCH,
        at_once: bool = False,
    ) -> None:
        self._command = (*program, str(media_folder))
        self._processes = processes
        self._text_seconds = text_seconds
        self._batch = batch
        self._at_once = at_once
        self._waiting: deque[_Job] = deque()
        self._arrived = asyncio.Condition()
        self._workers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> SpeechPool:
        self._workers = [asyncio.create_task(self._work()) for _ in range(self._processes)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.cancel()
        for worker in self._workers:
            with contextlib.suppress(asyncio.CancelledError):
                await worker
        self._workers.clear()
        for job in self._waiting:
            job.done.cancel()
        self._waiting.clear()

    async def render_many(self, requests: Sequence[RenderRequest]) -> list[Rendered | SpeechError]:
        """Render all; the answers stand in the order of the requests, equal ones are rendered once.

        Errors are values, because one bad text says nothing about the others.

        Raises:
            RuntimeError: the pool is not open.
        """
        if not self._workers:
            raise RuntimeError("the speech pool is not open")
        loop = asyncio.get_running_loop()
        jobs = {request: _Job(request, loop.create_future()) for request in requests}
        for job in jobs.values():
            if not _encodable(job.request.text):
                _settle(job, SpeechError("the text holds half of a character"))
        async with self._arrived:
            self._waiting.extend(jobs.values())
            self._arrived.notify_all()
        try:
            answers = await asyncio.gather(*(job.done for job in jobs.values()))
        finally:
            for job in jobs.values():
                job.done.cancel()
        by_request = dict(zip(jobs, answers, strict=True))
        return [by_request[request] for request in requests]

    async def _work(self) -> None:
        child: Child | None = None
        batch: deque[_Job] = deque()
        try:
            while True:
                if child is None and self._at_once:
                    child = await self._start(batch)
                batch = await self._next_batch()
                if child is None or child.texts >= _TEXTS_A_LIFE:
                    if child:
                        await child.end()
                    child = await self._start(batch)
                if child and not await self._run(child, batch):
                    child = None
        finally:
            for job in batch:
                job.done.cancel()
            if child:
                await child.end()

    async def _next_batch(self) -> deque[_Job]:
        batch: deque[_Job] = deque()
        async with self._arrived:
            while not batch:
                await self._arrived.wait_for(lambda: self._waiting)
                while self._waiting and len(batch) < self._batch:
                    job = self._waiting.popleft()
                    if not job.done.done():
                        batch.append(job)
        return batch

    async def _start(self, batch: deque[_Job]) -> Child | None:
        """A new process; when there can be none, its batch fails."""
        try:
            return await Child.start(self._command, self._text_seconds)
        except ChildDied as error:
            while batch:
                _settle(batch.popleft(), SpeechError(f"the speech process does not start: {error}"))
            return None

    async def _run(self, child: Child, batch: deque[_Job]) -> bool:
        """Have a batch answered; False when the child died of it. What it left waits again, in front."""
        try:
            await child.send([_wire(job.request) for job in batch])
            while batch:
                answer = await child.receive()
                _settle(batch.popleft(), _read(answer))
        except ChildDied as error:
            await child.kill()
            # Answers come in order, so the first without one is the text it died of.
            culprit = batch[0]
            culprit.tries += 1
            if culprit.tries >= _TRIES:
                _settle(batch.popleft(), SpeechError(f"the speech process failed at this text: {error}"))
            async with self._arrived:
                self._waiting.extendleft(reversed(batch))
                self._arrived.notify_all()
            batch.clear()
            return False
        return True


def _settle(job: _Job, answer: Rendered | SpeechError) -> None:
    if not job.done.done():
        job.done.set_result(answer)


def _encodable(text: str) -> bool:
    """Whether it is free of lone surrogates, which no pipe carries."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wire(request: RenderRequest) -> dict[str, str | float | None]:
    voice = request.voice
    return {
        "text": request.text,
        "engine": voice.engine,
        "name": voice.name,
        "language": voice.language,
        "length_factor": request.length_factor,
        "keep_as": request.keep_as,
    }


def _read(answer: dict[str, str | int]) -> Rendered | SpeechError:
    if "error" in answer:
        return SpeechError(str(answer["error"]))
    return Rendered(str(answer["key"]), Path(str(answer["path"])), int(answer["ms"]))
