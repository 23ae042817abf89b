"""The voice end of the socket: one dialler at a time, every event until it is acked."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
from collections import deque
from pathlib import Path
from types import TracebackType
from uuid import UUID

from ghanti.voice import protocol
from ghanti.voice.desk import Desk
from ghanti.voice.eventlog import EventLog
from ghanti.voice.protocol import Ack, Dial, Event, Extend, Hangup, Hello, ProtocolError, Void

logger = logging.getLogger(__name__)

# A dialler that stopped reading is sent superseded progress no more; its list is then cut down to the rest.
_SLACK = 1000
# sockaddr_un.sun_path holds 108 bytes with its final zero (unix(7)).
MAX_PATH_BYTES = 107
HELLO_SECONDS = 5.0


class SocketInUseError(Exception):
    """Another voice process serves this socket."""


class SocketFile:
    """The right to a socket path, held by a lock that dies with the process: stale files don't matter."""

    def __init__(self, path: Path) -> None:
        if len(os.fsencode(path)) > MAX_PATH_BYTES:
            raise ValueError(f"the socket path is longer than {MAX_PATH_BYTES} bytes: {path}")
        self.path = path
        self._lock: int | None = None

    def __enter__(self) -> Path:
        """Take the path; any file there is removed.

        Raises:
            SocketInUseError: a living process holds it.
        """
        lock = os.open(self.path.with_name(self.path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise SocketInUseError(f"another voice process serves {self.path}") from None
        self._lock = lock
        self.path.unlink(missing_ok=True)
        return self.path

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.path.unlink(missing_ok=True)
        assert self._lock is not None
        os.close(self._lock)


class _Connection:
    """One dialler."""

    def __init__(self, writer: asyncio.StreamWriter, log: EventLog) -> None:
        self.writer = writer
        self._log = log
        self._pending: deque[Event] = deque()
        self._news = asyncio.Event()

    def tell(self, event: Event) -> None:
        self._pending.append(event)
        if len(self._pending) > 2 * len(self._log) + _SLACK:
            self._pending = deque(event for event in self._pending if event.seq in self._log)
        self._news.set()

    def begin(self) -> None:
        self._pending.extend(self._log.attach(self.tell))
        self._news.set()

    async def pump(self) -> None:
        """Write events as fast as the dialler reads them; superseded progress is left out."""
        with contextlib.suppress(ConnectionError):
            while True:
                await self._news.wait()
                self._news.clear()
                while self._pending:
                    event = self._pending.popleft()
                    if event.seq in self._log:
                        self.writer.write(protocol.encode(event))
                        await self.writer.drain()

    def close(self) -> None:
        self._log.detach(self.tell)
        self.writer.close()


class Server:
    """Speaks the protocol on a Unix socket."""

    def __init__(self, desk: Desk, log: EventLog, session: UUID) -> None:
        self._desk = desk
        self._log = log
        self._session = session
        self._current: _Connection | None = None
        self._server: asyncio.Server | None = None

    async def start(self, path: Path) -> None:
        """Listen on ``path``, which only the owner may open."""
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, path, limit=protocol.MAX_FRAME_BYTES)
        finally:
            os.umask(mask)

    async def stop(self, flush_seconds: float) -> None:
        """Give a connected dialler so long to ack what it was told, then close."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(flush_seconds):
                if self._current is not None:
                    await self._log.settled.wait()
        if self._current is not None:
            self._current.close()
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer, self._log)
        pump = asyncio.create_task(connection.pump())
        try:
            if await self._greet(reader, connection):
                await self._obey(reader, connection)
        except (ConnectionError, ValueError, TimeoutError) as error:
            logger.warning("the dialler's connection is closed: %s", error or type(error).__name__)
        finally:
            pump.cancel()
            connection.close()
            if self._current is connection:
                self._current = None

    async def _greet(self, reader: asyncio.StreamReader, connection: _Connection) -> bool:
        """Whether a dialler of our version said hello; it then replaces the one before."""
        async with asyncio.timeout(HELLO_SECONDS):
            line = await reader.readline()
        try:
            hello = protocol.parse_command(line)
        except ProtocolError as error:
            self._complain(connection, str(error))
            return False
        if not isinstance(hello, Hello) or hello.v != protocol.VERSION:
            self._complain(connection, f"expected hello of version {protocol.VERSION}")
            return False
        if self._current is not None:
            logger.info("a newer dialler replaces the one before")
            self._current.close()
        self._current = connection
        welcome = protocol.Welcome(
            session=self._session, capacity=self._desk.capacity, calls=self._desk.attempts
        )
        connection.writer.write(protocol.encode(welcome))
        connection.begin()
        return True

    async def _obey(self, reader: asyncio.StreamReader, connection: _Connection) -> None:
        while line := await reader.readline():
            if self._current is not connection:
                return
            try:
                command = protocol.parse_command(line)
            except ProtocolError as error:
                self._answer_malformed(connection, error)
                continue
            match command:
                case Dial() if self._log.full:
                    self._complain(connection, "too many events wait for their ack")
                    return
                case Dial():
                    self._desk.dial(command)
                case Hangup():
                    self._desk.hang_up(command)
                case Extend():
                    self._desk.extend(command)
                case Void():
                    self._desk.void(command)
                case Ack():
                    self._log.ack(command.seq)
                case Hello():
                    self._complain(connection, "hello was said before")

    def _answer_malformed(self, connection: _Connection, error: ProtocolError) -> None:
        logger.warning("a malformed frame: %s", error)
        if error.attempt is not None and error.leg is not None:
            self._desk.refuse_malformed(error.attempt, error.leg, str(error))
        else:
            self._complain(connection, str(error))

    def _complain(self, connection: _Connection, detail: str) -> None:
        connection.writer.write(protocol.encode(protocol.Refusal(detail=detail)))
