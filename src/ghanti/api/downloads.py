"""Long answers, sent as they are made: how many at a time, how long each, and what ends them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from ghanti.database.copying import Stream
from ghanti.database.errors import reason
from ghanti.turns import Turns

logger = logging.getLogger(__name__)

_TURN_SECONDS = 10.0
"""How long a download waits for a turn."""

_STALLED_SECONDS = 60.0
"""How long a client may leave untaken what it was sent."""

_LEAST_PACE = 64 * 1024
"""Bytes that a client must take in a second, on the average of all that it was sent."""

_UNHURRIED_SECONDS = 30.0
"""How long it may be waited for, in all, before its pace counts."""

_MOST_OF_ONE = 2
"""Downloads of one account at a time; others are to find a turn beside it, too."""


class Downloads:
    """The downloads of one process. Each holds a connection of the database until all of it was taken.

    Args:
        at_once: How many there are at one time; another waits a little for its turn and is then put off.
        seconds: How long one may take in all.
    """

    def __init__(self, at_once: int, seconds: float) -> None:
        self._turns = Turns(at_once, max(1, min(_MOST_OF_ONE, at_once // 2)))
        self._seconds = seconds

    async def answer(
        self, chunks: AsyncGenerator[bytes, None], account_id: int, name: str, media_type: str
    ) -> Response:
        """An attachment called ``name``, of chunks that own whatever they are made from.

        Raises what making the first chunk raises, and NoTurnError when others keep all turns, or the account
        its own.
        """
        end = await self._turns.take_within(_TURN_SECONDS, account_id, "downloads")
        try:
            stream = await Stream.opened(chunks, self._seconds)
        except BaseException:
            end()
            raise
        stream.when_closed(end)
        return _Download(stream, name, media_type)


class _Download(Response):
    """Sends a stream. Where it breaks off its end is missing, by which clients tell (RFC 9112, section 8)."""

    def __init__(self, stream: Stream, name: str, media_type: str) -> None:
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(
            {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        )
        self._stream = stream
        self._name = name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            self._stream.close()
            gone.cancel()
            sending.cancel()

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            pace = _Pace()
            async for chunk in self._stream:
                async with pace.taken(len(chunk)):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            logger.warning("%s was not taken in time, or too slowly, and is broken off", self._name)
        except SQLAlchemyError as error:
            logger.error("%s is broken off: %s", self._name, reason(error))
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Pace:
    """How fast a client takes what it is sent; what makes the answer slow on our side does not count."""

    def __init__(self) -> None:
        self._waited = 0.0
        self._bytes = 0

    @asynccontextmanager
    async def taken(self, size: int) -> AsyncIterator[None]:
        """Send so many bytes in the block. Raises TimeoutError for a client that is too slow."""
        clock = asyncio.get_running_loop().time
        began = clock()
        self._bytes += size
        left = max(_UNHURRIED_SECONDS, self._bytes / _LEAST_PACE) - self._waited
        async with asyncio.timeout(min(_STALLED_SECONDS, left)):
            yield
        self._waited += clock() - began


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
