"""The dialler's end of the socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self
from uuid import UUID

from ghanti.voice import protocol
from ghanti.voice.protocol import Ack, Dial, Event, Extend, Hangup, Hello, Refusal, Void, Welcome


class VoiceGoneError(ConnectionError):
    """The voice process went away, or closed the connection; connect again to adopt its calls."""


class VoiceClient:
    """A connection to a voice process.

    Iterate over :meth:`events`, commit what they say, then :meth:`ack`: events that were not acked are told
    again after a reconnect. ``welcome`` says which process answers and which attempts it has in flight; a
    ``session`` other than before means that the process was replaced, and every call with it lost.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, welcome: Welcome) -> None:
        self._reader = reader
        self._writer = writer
        self.welcome = welcome

    @classmethod
    async def connect(cls, path: Path, *, within: float = 5.0) -> Self:
        """Connect and say hello.

        Raises:
            VoiceGoneError: nobody listens, or not within so many seconds.
            ProtocolError: the voice process speaks another version.
        """
        with contextlib.ExitStack() as failed:
            try:
                async with asyncio.timeout(within):
                    reader, writer = await asyncio.open_unix_connection(path, limit=protocol.MAX_FRAME_BYTES)
                    failed.callback(writer.close)
                    writer.write(protocol.encode(Hello()))
                    line = await reader.readline()
            except (OSError, TimeoutError) as error:
                raise VoiceGoneError(f"no voice process answers at {path}") from error
            if not line:
                raise VoiceGoneError(f"the voice process at {path} closed the connection")
            welcome = protocol.parse_report(line)
            if not isinstance(welcome, Welcome) or welcome.v != protocol.VERSION:
                detail = welcome.detail if isinstance(welcome, Refusal) else "another protocol version"
                raise protocol.ProtocolError(detail)
            failed.pop_all()
        return cls(reader, writer, welcome)

    @property
    def session(self) -> UUID:
        return self.welcome.session

    @property
    def capacity(self) -> int:
        return self.welcome.capacity

    async def dial(self, dial: Dial) -> None:
        """Order a call; whatever becomes of it, an ended event follows."""
        await self._send(dial)

    async def hang_up(self, attempt: UUID) -> None:
        await self._send(Hangup(attempt=attempt))

    async def extend(self, attempt: UUID, max_seconds: float) -> None:
        await self._send(Extend(attempt=attempt, max_seconds=max_seconds))

    async def void(self, attempt: UUID) -> None:
        """Have the order of an attempt's first leg, if it was lost on the way, reported as never sent."""
        await self._send(Void(attempt=attempt))

    async def ack(self, seq: int) -> None:
        """Let the voice process forget every event up to ``seq``."""
        await self._send(Ack(seq=seq))

    async def _send(self, message: Dial | Hangup | Extend | Void | Ack) -> None:
        try:
            self._writer.write(protocol.encode(message))
            await self._writer.drain()
        except ConnectionError as error:
            raise VoiceGoneError("the voice process went away") from error

    async def events(self) -> AsyncIterator[Event]:
        """Every event, first those that were never acked.

        Raises:
            VoiceGoneError: the connection ended.
            ProtocolError: a frame was not understood, or the voice process did not understand one of ours.
        """
        while True:
            try:
                line = await self._reader.readline()
            except (ConnectionError, ValueError) as error:
                raise VoiceGoneError("the connection to the voice process broke") from error
            if not line.endswith(b"\n"):
                raise VoiceGoneError("the voice process closed the connection")
            report = protocol.parse_report(line)
            if isinstance(report, Refusal):
                raise protocol.ProtocolError(report.detail)
            if not isinstance(report, Welcome):
                yield report

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
