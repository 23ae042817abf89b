"""Bulk answers: rows of PostgreSQL's COPY in chunks, and streams that outlive the request that began them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, suppress
from typing import Final

from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.session import raw_connection

CHUNK_BYTES: Final = 64 * 1024
_AHEAD: Final = 2
"""Chunks that wait while the reader is busy: then whoever makes them waits too."""


FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet takes a cell for a formula."""


def defused(value: sql.Composable) -> sql.Composable:
    """A cell that a spreadsheet would take for a formula gets an apostrophe in front."""
    starts = ",".join(str(ord(start)) for start in FORMULA_STARTS)
    return sql.SQL("CASE WHEN ascii({0}) IN ({1}) THEN '''' || {0} ELSE {0} END").format(
        value, sql.SQL(starts)
    )


def moment(value: sql.Composable) -> sql.Composable:
    """``2025-07-09 14:46:00+05:45``."""
    return sql.SQL("({})::timestamptz(0)").format(value)


async def copy_out(session: AsyncSession, query: sql.Composable) -> AsyncGenerator[bytes, None]:
    """The rows of a query as CSV without header (UTF-8), in chunks of about ``CHUNK_BYTES``.

    Rows are taken as PostgreSQL makes them, so memory stays flat. Close the generator early (``aclosing``)
    and PostgreSQL is told to stop; the session stays good.
    """
    connection = await raw_connection(session)
    waiting = bytearray()
    async with (
        connection.cursor() as cursor,
        cursor.copy(sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(query)) as copy,
    ):
        async for row in copy:
            waiting += row
            if len(waiting) >= CHUNK_BYTES:
                yield bytes(waiting)
                waiting.clear()
    if waiting:
        yield bytes(waiting)


class Stream:
    """Chunks made by a task of its own, a few ahead of whoever takes them.

    The task owns what the chunks come from: a transaction, its connection, a COPY. A web server cancels a
    request over and over when its client goes away, and what it cancels cannot clean up after itself;
    ``close`` here is one cancellation, after which the task ends its COPY and gives its connection back.

    Use ``opened``, iterate, and ``close``. One that is forgotten ends by itself.

    Args:
        chunks: What owns whatever the chunks are made from; it is closed in any case.
        seconds: How long all of it may take, its reader's time included.
    """

    def __init__(self, chunks: AsyncGenerator[bytes, None], seconds: float) -> None:
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(_AHEAD)
        self._task = asyncio.create_task(self._make(chunks, seconds))
        # A failure after the reader went away is nobody's to read.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._first: bytes | None = None

    @classmethod
    async def opened(cls, chunks: AsyncGenerator[bytes, None], seconds: float) -> Stream:
        """A stream whose first chunk is there. Raises what making it raised, and TimeoutError."""
        stream = cls(chunks, seconds)
        try:
            stream._first = await stream._next()
        except BaseException:
            stream.close()
            raise
        return stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks, once. Raises what making them raised, after those that were made, and TimeoutError."""
        chunk, self._first = self._first, None
        while chunk is not None:
            yield chunk
            chunk = await self._next()

    def close(self) -> None:
        """Make no more: at once, from anywhere, and any number of times."""
        self._task.cancel()

    def when_closed(self, call: Callable[[], object]) -> None:
        """Call it once nothing is held any more."""
        self._task.add_done_callback(lambda _: call())

    async def _make(self, chunks: AsyncGenerator[bytes, None], seconds: float) -> None:
        async with aclosing(chunks), asyncio.timeout(seconds):
            async for chunk in chunks:
                await self._queue.put(chunk)

    async def _next(self) -> bytes | None:
        if self._queue.empty() and not self._task.done():
            took = asyncio.ensure_future(self._queue.get())
            try:
                await asyncio.wait({took, self._task}, return_when=asyncio.FIRST_COMPLETED)
                if took.done():
                    return took.result()
            finally:
                took.cancel()
        with suppress(asyncio.QueueEmpty):
            return self._queue.get_nowait()
        self._task.result()
        return None
