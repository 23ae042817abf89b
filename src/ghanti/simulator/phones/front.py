"""The SIP port of the phones: logs each INVITE, keeps the limits, and hands calls to who can take them.

Phones that never take a call are answered here, with the code a network would send; the others are
relayed to a SIP stack with media.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable

from ghanti.simulator.behaviour import PhoneBehaviour, phone_behaviour
from ghanti.simulator.phones.calllog import CallLog, PhoneCall
from ghanti.simulator.phones.message import (
    Address,
    MalformedMessageError,
    Message,
    number_of,
    parse,
    stamp_via,
    via_address,
)
from ghanti.simulator.phones.relay import Relay
from ghanti.simulator.phones.transaction import Refusal

logger = logging.getLogger(__name__)

LONGEST_RINGING = 180.0
"""Seconds after which a network ends the ringing of a phone that never answers."""

_RECEIVE_BUFFER = 4 * 1024 * 1024

# Seconds of ringing, then the final response. A trunk's own failures come before any ringing.
_REFUSALS = {
    PhoneBehaviour.BUSY: (0.0, 486, "Busy Here"),
    PhoneBehaviour.NEVER_ANSWER: (LONGEST_RINGING, 480, "Temporarily Unavailable"),
    PhoneBehaviour.REJECT: (1.0, 603, "Decline"),
    PhoneBehaviour.NOT_FOUND: (0.0, 404, "Not Found"),
    PhoneBehaviour.UNAVAILABLE: (0.0, 480, "Temporarily Unavailable"),
    PhoneBehaviour.SERVICE_UNAVAILABLE: (0.0, 503, "Service Unavailable"),
}


class StartLimit:
    """A token bucket one second deep, but never shallower than one start.

    Args:
        rate: INVITEs a second.
        clock: monotonic seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._depth = max(rate, 1.0)
        self._tokens, self._filled = self._depth, clock()

    def take(self) -> bool:
        now = self._clock()
        self._tokens = min(self._depth, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Front(asyncio.DatagramProtocol):
    """Receives everything that callers and the stack behind it send."""

    def __init__(self, log: CallLog, calls: int, starts: float) -> None:
        self._log, self._limit, self._starts = log, calls, starts
        self._bucket = StartLimit(starts)
        self._transport: asyncio.DatagramTransport | None = None
        self._relay: Relay | None = None
        self._stack: Address | None = None
        self._refusals: dict[tuple[str, int], Refusal] = {}
        self.live: dict[str, PhoneCall] = {}

    @classmethod
    async def listen(cls, address: str, port: int, log: CallLog, calls: int, starts: float) -> Front:
        """Bind the port (0: the kernel chooses).

        Raises:
            OSError: the address is not this machine's, or the port is taken.
        """
        front = cls(log, calls, starts)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: front, local_addr=(address, port))
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        front._transport = transport
        return front

    @property
    def address(self) -> Address:
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    def connect(self, stack: Address) -> None:
        """From now on relay to the stack at this address; what came before was dropped."""
        self._stack = stack
        self._relay = Relay(self.address, stack)

    def end(self, call: PhoneCall) -> None:
        """A relayed call is over."""
        if self.live.get(call.call_id) is call:
            del self.live[call.call_id]
        self._log.end(call)

    def close(self) -> None:
        for refusal in self._refusals.values():
            refusal.stop()
        for call in list(self.live.values()):
            call.hungup_by, call.reason = call.hungup_by or "phone", call.reason or "phones stopped"
            self.end(call)
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: Address) -> None:
        source = addr[:2]
        try:
            message = parse(data)
        except MalformedMessageError as error:
            if data.strip(b"\r\n\0"):
                logger.warning("dropped a datagram from %s:%d: %s", *source, error)
            return
        if self._relay is None:
            return
        if not message.is_request:
            self._on_response(message, source, self._relay)
        elif source == self._stack:
            self._send(message, self._relay.outward(message))
        else:
            stamp_via(message, source)
            self._on_request(message, self._relay)

    def error_received(self, exc: Exception) -> None:
        # ICMP: a caller has gone. Timers and the RTP timeout end its calls.
        logger.debug("a datagram was refused: %s", exc)

    def _on_request(self, message: Message, relay: Relay) -> None:
        if message.method == "INVITE" and not message.in_dialog:
            self._on_invite(message, relay)
            return
        refusal = self._refusals.get(message.transaction)
        if refusal is not None and message.method == "ACK":
            refusal.acknowledge()
        elif refusal is not None and message.method == "CANCEL":
            refusal.cancel(message)
        else:
            self._send(message, relay.inward(message))

    def _on_invite(self, message: Message, relay: Relay) -> None:
        number, key = number_of(message), message.transaction
        if not self._log.invite(number, *key, message.get("from")):
            if key in self._refusals:
                self._refusals[key].again()
            elif message.call_id in self.live:
                self._send(message, relay.inward(message))
            return
        call = PhoneCall(number, message.call_id, phone_behaviour(number))
        over = self._over_limit(call)
        if over:
            logger.warning("call to %s refused: %s", number, over)
            call.reason = over
            self._refuse(message, call, 0.0, 503, "Service Unavailable", ("retry-after", "1"))
        elif call.behaviour in _REFUSALS:
            self._refuse(message, call, *_REFUSALS[call.behaviour])
        else:
            self.live[call.call_id] = call
            self._send(message, relay.inward(message))

    def _over_limit(self, call: PhoneCall) -> str:
        if call.call_id in self.live:
            return "its Call-ID is in use"
        if len(self.live) >= self._limit:
            return f"limit of {self._limit} calls at once"
        if not self._bucket.take():
            return f"limit of {self._starts:g} starts a second"
        return ""

    def _refuse(
        self, message: Message, call: PhoneCall, rings: float, code: int, phrase: str, *extra: tuple[str, str]
    ) -> None:
        key = message.transaction

        def decided(final: int) -> None:
            call.code = final
            call.hungup_by = "caller" if final == 487 else "phone"
            self.end(call)

        refusal = Refusal(message, self._reply, decided, lambda: self._forget(key))
        self._refusals[key] = refusal
        if rings:
            self.live[call.call_id] = call
            refusal.ring(rings, code, phrase)
        else:
            refusal.finish(code, phrase, *extra)

    def _forget(self, key: tuple[str, int]) -> None:
        refusal = self._refusals.pop(key, None)
        if refusal is not None:
            refusal.stop()

    def _on_response(self, message: Message, source: Address, relay: Relay) -> None:
        if source == self._stack and message.cseq[1] == "INVITE" and message.status >= 200:
            self._on_final(message.call_id, message.status)
        self._send(message, relay.back(message))

    def _on_final(self, call_id: str, code: int) -> None:
        call = self.live.get(call_id)
        if call is None or call.answered_at is not None:
            return
        call.code = code
        if code < 300:
            call.answered_at = time.time()
            return
        call.hungup_by = "caller" if code == 487 else "phone"
        self.end(call)

    def _reply(self, message: Message) -> None:
        self._send(message, via_address(message))

    def _send(self, message: Message, address: Address | None) -> None:
        if address is None or self._transport is None or self._transport.is_closing():
            return
        self._transport.sendto(message.encode(), address)
