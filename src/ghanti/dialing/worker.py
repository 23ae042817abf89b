"""What the dialler and the SMS worker share: loops that outlive a database outage, and the sweeps."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

from ghanti.database.errors import reason
from ghanti.database.outage import DATABASE_ERRORS
from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import attempts, closing, late, removal, sessions
from ghanti.settings import Settings

logger = logging.getLogger(__name__)
T = TypeVar("T")

SWEEP_SECONDS = 0.25
OUTAGE_SECONDS = 0.25
_TIDY_SECONDS = 1.0
_GATHER_SECONDS = 0.02
_MOST_AT_ONCE = 500


async def every(seconds: float, what: Callable[[], Awaitable[object]], name: str) -> None:
    """Do something again and again, at an even pace; a database outage pauses it."""
    out_since: float | None = None
    while True:
        begun = time.monotonic()
        try:
            await what()
            if out_since is not None:
                logger.warning("%s: the database is back after %.1f s", name, begun - out_since)
                out_since = None
        except DATABASE_ERRORS as error:
            if out_since is None:
                out_since = begun
                logger.warning("%s: the database does not answer: %s", name, reason(error))
            await asyncio.sleep(OUTAGE_SECONDS)
        except Exception:
            logger.exception("%s failed and is tried again", name)
            await asyncio.sleep(1)
        await asyncio.sleep(max(0.0, seconds - (time.monotonic() - begun)))


async def until_committed(what: Callable[[], Awaitable[T]], name: str) -> T:
    """Do something that must not be lost: repeated through any database outage."""
    while True:
        try:
            return await what()
        except DATABASE_ERRORS as error:
            logger.warning("%s waits for the database: %s", name, reason(error))
            await asyncio.sleep(OUTAGE_SECONDS)


async def gathered(queue: asyncio.Queue[T]) -> list[T]:
    """What a queue holds, soon after it holds anything: one transaction then serves many."""
    batch = [await queue.get()]
    await asyncio.sleep(_GATHER_SECONDS)
    while not queue.empty() and len(batch) < _MOST_AT_ONCE:
        batch.append(queue.get_nowait())
    return batch


async def record_batch(
    record: Callable[[Sequence[T]], Awaitable[None]],
    batch: Sequence[T],
    name: str,
    attempt_of: Callable[[T], UUID],
) -> None:
    """Record a batch; an entry that cannot be recorded is logged and must not hold up the others."""
    try:
        await until_committed(lambda: record(batch), name)
    except Exception:
        if len(batch) == 1:
            logger.exception("%s: what was told of attempt %s was dropped", name, attempt_of(batch[0]))
            return
        for entry in batch:
            await record_batch(record, [entry], name, attempt_of)


async def take_back(factory: SessionFactory, attempt_ids: Sequence[UUID]) -> None:
    """Give back what was leased and never ordered, after a second commit of which no answer came."""

    async def give_back() -> None:
        async with transaction(factory) as session:
            await attempts.take_back(session, attempt_ids, "database")

    await until_committed(give_back, "taking back leases")


class Drained(Exception):  # noqa: N818 - not an error: all that was under way is recorded
    """Ends a worker's task group after a shutdown was asked for."""


class Sweeper:
    """Heartbeat of this worker's session, takeover of dead ones, ends of plans."""

    def __init__(self, factory: SessionFactory, settings: Settings, worker: UUID) -> None:
        self._sessions = factory
        self._settings = settings
        self._worker = worker
        self._beating_since: float | None = None
        self._beaten: float | None = None
        self.busy = True
        """Whether there may be something to dial: without, a tick need not ask."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(every(1.0, self.beat, "heartbeat"))
            tasks.create_task(every(1.0, self._take_over, "takeover"))
            tasks.create_task(every(SWEEP_SECONDS, self._sweep, "sweep"))
            tasks.create_task(every(_TIDY_SECONDS, self._tidy, "tidying"))

    async def beat(self) -> None:
        """Say that we live; a gap between two beats means that we, or all, stood still."""
        try:
            async with transaction(self._sessions) as session:
                gap = await sessions.heartbeat(session, self._worker)
        except DATABASE_ERRORS:
            self._beating_since = None
            raise
        self._beaten = time.monotonic()
        if self._beating_since is None or gap > self._settings.takeover_seconds / 2:
            self._beating_since = self._beaten

    async def _take_over(self) -> None:
        """Only after an interval of even beats: what stopped all workers makes none of them dead."""
        silence, now = self._settings.takeover_seconds, time.monotonic()
        if self._beaten is None or now - self._beaten > silence / 2:
            return
        if self._beating_since is None or now - self._beating_since < silence:
            return
        taken = await sessions.take_over(self._sessions, self._worker, self._settings.takeover_seconds)
        if taken:
            logger.warning("took over %d attempts of workers that are gone", taken)

    async def _tidy(self) -> None:
        await late.settle_provisional(self._sessions)
        await removal.remove_deleted(self._sessions)

    async def _sweep(self) -> None:
        self.busy = await closing.sweep_plans(self._sessions)
