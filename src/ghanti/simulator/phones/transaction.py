"""A phone that never takes the call: the server side of an INVITE transaction (RFC 3261 section 17.2.1)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from ghanti.simulator.phones.message import Message, response

T1, T2 = 0.5, 4.0
_TIMEOUT = 64 * T1

Send = Callable[[Message], None]


class Refusal:
    """Answers one INVITE by itself: provisionally at first if asked to, finally in the end.

    Args:
        request: the INVITE, its topmost Via stamped.
        send: puts a response on the wire.
        decided: called once with the code of the final response.
        gone: called when the transaction may be forgotten.
    """

    def __init__(
        self, request: Message, send: Send, decided: Callable[[int], None], gone: Callable[[], None]
    ) -> None:
        self._request, self._send, self._decided, self._gone = request, send, decided, gone
        self._tag = secrets.token_hex(8)
        self._last: Message | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._final = False

    def ring(self, seconds: float, code: int, phrase: str) -> None:
        """Ring for some seconds, then answer finally."""
        self._last = self._response(180, "Ringing")
        self._send(self._last)
        self._later(seconds, lambda: self.finish(code, phrase))

    def finish(self, code: int, phrase: str, *extra: tuple[str, str]) -> None:
        """Answer finally, again and again until the ACK comes or the caller must have given up."""
        if self._final:
            return
        self._final = True
        self.stop()
        self._last = self._response(code, phrase, *extra)
        self._repeat(self._last, T1)
        self._later(_TIMEOUT, self._gone)
        self._decided(code)

    def again(self) -> None:
        """The INVITE came again."""
        if self._last is not None:
            self._send(self._last)

    def cancel(self, request: Message) -> None:
        """The caller cancels: RFC 3261 section 9.2."""
        self._send(response(request, 200, "OK", self._tag))
        self.finish(487, "Request Terminated")

    def acknowledge(self) -> None:
        """The final response arrived; what remains is to absorb INVITEs still under way."""
        if self._final:
            self.stop()
            self._later(_TIMEOUT, self._gone)

    def stop(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _response(self, code: int, phrase: str, *extra: tuple[str, str]) -> Message:
        return response(self._request, code, phrase, self._tag, *extra)

    def _repeat(self, message: Message, interval: float) -> None:
        self._send(message)
        self._later(interval, lambda: self._repeat(message, min(2 * interval, T2)))

    def _later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._timers.append(asyncio.get_running_loop().call_later(seconds, callback))
