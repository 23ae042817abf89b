"""One TCP connection to an SMSC, from bind to loss."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from ghanti.sms.smpp.commands import RESPONSE, Command, Status, status_name
from ghanti.sms.smpp.pdus import BindTransceiver, FrameError, FrameReader, Pdu, encode, response

logger = logging.getLogger(__name__)

_LAST_SEQUENCE = 0x7FFFFFFF

# alert_notification and outbind (sections 4.12.1, 4.1.7) have no response.
_UNANSWERED = frozenset({0x00000102, 0x0000000B})


class NotSentError(Exception):
    """The link went down before the request was handed to the network."""


class UnansweredError(Exception):
    """The request may have arrived; its response didn't."""


class BindError(Exception):
    """The SMSC refused the bind."""

    def __init__(self, status: int) -> None:
        super().__init__(f"bind refused: {status_name(status)}")
        self.status = status


class _Waiting:
    """A request whose response is awaited."""

    __slots__ = ("deadline", "future", "written")

    def __init__(self, future: asyncio.Future[Pdu], deadline: float) -> None:
        self.future = future
        self.deadline = deadline
        self.written = False

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class Link(asyncio.Protocol):
    """Requests and their responses, the SMSC's own requests, and the watch over a silent peer.

    `on_deliver` gets each deliver_sm and answers it through `respond`. `closed` is done, with the reason,
    when the connection is gone. asyncio sets TCP_NODELAY on every TCP transport; requests made in one turn
    of the loop leave in one write.
    """

    def __init__(
        self,
        on_deliver: Callable[[Link, Pdu], None],
        *,
        response_seconds: float,
        enquire_seconds: float,
        enquire_response_seconds: float,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[str] = self._loop.create_future()
        self._on_deliver = on_deliver
        self._response_seconds = response_seconds
        self._enquire_seconds = enquire_seconds
        self._enquire_response_seconds = enquire_response_seconds
        self._reader = FrameReader()
        self._sequence = 0
        self._waiting: dict[int, _Waiting] = {}
        self._unwritten: list[_Waiting] = []
        self._out: list[bytes] = []
        self._heard = self._loop.time()
        self._alive = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._reason = ""

    @property
    def unanswered(self) -> int:
        """Requests whose response is awaited."""
        return len(self._waiting)

    async def bind(self, request: BindTransceiver) -> None:
        """Raises `BindError`, or `NotSentError` and `UnansweredError` when the link fails meanwhile."""
        answer = await self.request(request.encode)
        if answer.status != Status.ESME_ROK:
            raise BindError(answer.status)

    def request(self, encoder: Callable[[int], bytes]) -> asyncio.Future[Pdu]:
        """Send what `encoder` makes of a sequence_number; the future is its response.

        The future fails with `NotSentError` or `UnansweredError`. What `encoder` raises is raised here,
        before anything is sent.
        """
        future: asyncio.Future[Pdu] = self._loop.create_future()
        if self.closed.done():
            future.set_exception(NotSentError(self.closed.result()))
            return future
        sequence = self._next_sequence()
        octets = encoder(sequence)
        waiting = _Waiting(future, self._loop.time() + self._response_seconds)
        self._waiting[sequence] = waiting
        self._unwritten.append(waiting)
        self._write(octets)
        if self._timer is None:
            self._timer = self._loop.call_at(waiting.deadline, self._expire)
        return future

    def respond(self, request: Pdu, status: int = Status.ESME_ROK) -> None:
        """Answer a request of the SMSC's; of no effect once the link is gone."""
        if not self.closed.done():
            self._write(response(request, status))

    async def unbind(self, seconds: float) -> None:
        """Part in good order (section 4.2), waiting at most `seconds`, then close."""
        try:
            async with asyncio.timeout(seconds):
                await self.request(lambda sequence: encode(Command.UNBIND, sequence))
        except (TimeoutError, NotSentError, UnansweredError):
            logger.debug("no answer to unbind")
        self.abort("unbound")
        await asyncio.wait((self.closed,))

    def abort(self, reason: str) -> None:
        """Drop the connection without waiting for anything that is still buffered."""
        self._reason = self._reason or reason
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._heard = self._loop.time()
        self._watch = self._loop.create_task(self._watch_peer())

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        self._alive.set()
        try:
            for pdu in self._reader.feed(data):
                self._take(pdu)
        except FrameError as error:
            logger.warning("unreadable stream from the SMSC: %s", error)
            self.abort(f"unreadable stream: {error}")

    def pause_writing(self) -> None:
        # A peer that sends without reading would have our responses pile up without bound.
        assert self._transport is not None
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        assert self._transport is not None
        self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        reason = self._reason or (str(exc) if exc else "closed by the SMSC")
        if self._watch is not None:
            self._watch.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self._out.clear()
        self.closed.set_result(reason)
        for waiting in self._waiting.values():
            waiting.fail(UnansweredError(reason) if waiting.written else NotSentError(reason))
        self._waiting.clear()

    # Inside

    def _take(self, pdu: Pdu) -> None:
        if pdu.command & RESPONSE:
            waiting = self._waiting.pop(pdu.sequence, None)
            if waiting is not None and not waiting.future.done():
                waiting.future.set_result(pdu)
            elif pdu.command != Command.ENQUIRE_LINK_RESP:
                logger.info("late or unasked response 0x%08X, sequence %d", pdu.command, pdu.sequence)
        elif pdu.command == Command.DELIVER_SM:
            self._on_deliver(self, pdu)
        elif pdu.command == Command.ENQUIRE_LINK:
            self.respond(pdu)
        elif pdu.command == Command.UNBIND:
            self.respond(pdu)
            self._flush()
            self._reason = "unbound by the SMSC"
            assert self._transport is not None
            self._transport.close()
        elif pdu.command not in _UNANSWERED:
            self._write(encode(Command.GENERIC_NACK, pdu.sequence, status=Status.ESME_RINVCMDID))

    def _next_sequence(self) -> int:
        self._sequence = self._sequence % _LAST_SEQUENCE + 1
        return self._sequence

    def _write(self, octets: bytes) -> None:
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(octets)

    def _flush(self) -> None:
        if self._transport is None or self._transport.is_closing() or not self._out:
            return
        self._transport.write(b"".join(self._out))
        self._out.clear()
        for waiting in self._unwritten:
            waiting.written = True
        self._unwritten.clear()

    def _expire(self) -> None:
        """Fail what waited too long; requests wait in the order of their deadlines."""
        now = self._loop.time()
        self._timer = None
        while self._waiting:
            sequence, waiting = next(iter(self._waiting.items()))
            if waiting.deadline > now:
                self._timer = self._loop.call_at(waiting.deadline, self._expire)
                return
            del self._waiting[sequence]
            waiting.fail(UnansweredError(f"no response within {self._response_seconds:g} s"))

    async def _watch_peer(self) -> None:
        """Ask a silent peer whether it lives (section 4.11); drop it when it doesn't say so.

        Anything it sends is an answer. The enquiry isn't awaited like a request, so that a peer that answers
        with a wrong sequence_number still counts as alive.
        """
        while True:
            quiet = self._loop.time() - self._heard
            if quiet < self._enquire_seconds:
                await asyncio.sleep(self._enquire_seconds - quiet)
                continue
            self._alive.clear()
            self._write(encode(Command.ENQUIRE_LINK, self._next_sequence()))
            try:
                async with asyncio.timeout(self._enquire_response_seconds):
                    await self._alive.wait()
            except TimeoutError:
                logger.warning("the SMSC is silent; dropping the link")
                self.abort("no answer to enquire_link")
                return
