"""Long answers, sent as they are made: how many at a time, how long each, and what ends them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator

from fastapi import Response
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import Receive, Scope, Send

from ghanti.accounts.errors import ThrottledError
from ghanti.database.copying import Stream
from ghanti.database.errors import reason

logger = logging.getLogger(__name__)

_TURN_SECONDS = 10.0
"""How long a download waits for a turn."""

_STALLED_SECONDS = 60.0
"""How long a client may leave untaken what it was sent."""


class Downloads:
    """The downloads of one process. Each holds a connection of the database until all of it was taken.

    Args:
        at_once: How many there are at one time; another waits a little for its turn and is then put off.
        seconds: How long one may take in all.
    """

    def __init__(self, at_once: int, seconds: float) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._seconds = seconds

    async def answer(self, chunks: AsyncGenerator[bytes, None], name: str, media_type: str) -> Response:
        """An attachment called ``name``, of chunks that own whatever they are made from.

        Raises what making the first chunk raises, and ThrottledError when others keep all turns.
        """
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise ThrottledError("Too many downloads are under way. Try again.", 10) from None
        try:
            stream = await Stream.opened(chunks, self._seconds)
        except BaseException:
            self._turns.release()
            raise
        stream.when_closed(self._turns.release)
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
            async for chunk in self._stream:
                async with asyncio.timeout(_STALLED_SECONDS):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            logger.warning("%s was not taken in time and is broken off", self._name)
        except SQLAlchemyError as error:
            logger.error("%s is broken off: %s", self._name, reason(error))
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
