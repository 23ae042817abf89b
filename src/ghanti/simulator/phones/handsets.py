"""Phones that take calls: baresip's SIP and RTP, driven by the behaviour of the number.

One baresip account answers for every number; each call is joined to its `PhoneCall` by Call-ID.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path

from baresip import Account, BaresipError, Call, Config, Event, Runtime, StackEvent, UserAgent

from ghanti.simulator.behaviour import HANG_UP_SECONDS, KEY_PRESSES, PhoneBehaviour
from ghanti.simulator.phones.calllog import PhoneCall
from ghanti.simulator.phones.ear import TONE, Ear, open_recording
from ghanti.simulator.phones.message import Address

logger = logging.getLogger(__name__)

LONGEST_CALL = 120.0
"""Seconds after which a phone hangs up by itself, so that a forgotten call ends."""

_TICK = 0.05

# The stack finds a free pair of RTP ports by binding. A recorder has no use for a jitter buffer: late
# packets are as good as others, and on a busy machine it would drop them.
_STACK_CONFIG = """\
sip_listen {address}:0
rtp_ports 20000-59998
audio_jitter_buffer_type off
"""


class Handsets:
    """The baresip runtime of this process and the calls it carries.

    Args:
        recordings: folder for what phones hear.
        ring_seconds: how long a phone rings before it answers.
        rtp_timeout: whole seconds without RTP after which the caller is taken to have vanished.
        find: the call with this Call-ID, if the port knows it.
        ended: called once when an answered call is over.
        says: samples that answered phones say.
    """

    def __init__(
        self,
        recordings: Path,
        ring_seconds: float,
        rtp_timeout: int,
        find: Callable[[str], PhoneCall | None],
        ended: Callable[[PhoneCall], None],
        says: bytes = TONE,
    ) -> None:
        self._recordings, self._ring_seconds, self._rtp_timeout = recordings, ring_seconds, rtp_timeout
        self._find, self._ended, self._says = find, ended, says
        self._runtime = Runtime()
        self._ears: dict[int, Ear] = {}
        self._legs: dict[int, tuple[Call, PhoneCall]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.died = asyncio.Event()

    async def start(self, address: str) -> Address:
        """Start the stack on a port of its own, and return it."""
        before = _udp_ports(address)
        await self._runtime.start(
            Config(
                net_interface=address,
                max_concurrent_calls=None,
                rtp_timeout=self._rtp_timeout,
                native_log_level="error",
                extra_config_text=_STACK_CONFIG.format(address=address),
            )
        )
        self._runtime.on_dead = self.died.set
        (port,) = _udp_ports(address) - before
        # Without "none", a call that was offered no video is re-INVITEd by the stack to settle its direction.
        account = Account(
            "phones", address, "", reg_interval=0, extra_params=("catchall=yes", "video_codecs=none")
        )
        agent = await UserAgent.create(self._runtime, account, transfer_policy="reject")
        agent.on_incoming(self._on_incoming)
        self._spawn(self._listen())
        return address, port

    async def close(self) -> None:
        """Hang up every call and stop the stack."""
        for leg, call in list(self._legs.values()):
            call.hungup_by, call.reason = "phone", "phones stopped"
            await _hang_up(leg)
        for task in self._tasks:
            task.cancel()
        for ear in self._ears.values():
            ear.close()
        with contextlib.suppress(BaresipError):
            await self._runtime.close()

    def _on_incoming(self, leg: Call) -> None:
        call = self._find(leg.call_id or "")
        if call is None:
            # The caller's CANCEL overtook the event.
            self._spawn(_hang_up(leg))
            return
        self._legs[leg.handle] = leg, call
        living = self._spawn(self._live(leg, call))
        leg.on(lambda event: self._on_event(event, leg, call, living))

    def _on_event(self, event: StackEvent, leg: Call, call: PhoneCall, living: asyncio.Task[None]) -> None:
        if event.event is Event.CALL_ESTABLISHED and leg.handle not in self._ears:
            call.wav, file = open_recording(self._recordings, call.number)
            self._ears[leg.handle] = Ear(leg.audio, file, self._says)
        elif event.event is Event.CALL_CLOSED:
            living.cancel()
            self._legs.pop(leg.handle, None)
            ear = self._ears.pop(leg.handle, None)
            if ear is not None:
                ear.close()
            if call.answered_at is not None:
                self._close_call(call, event.text or "")

    def _close_call(self, call: PhoneCall, text: str) -> None:
        if "rtp stream error" in text:
            call.hungup_by, call.reason = "phone", "no RTP from the caller"
        elif call.hungup_by is None:
            call.hungup_by, call.reason = "caller", text
        self._ended(call)

    async def _live(self, leg: Call, call: PhoneCall) -> None:
        """What the phone does with the call, until it closes."""
        await asyncio.sleep(self._ring_seconds)
        established = asyncio.Event()
        leg.on(lambda event: established.set() if event.event is Event.CALL_ESTABLISHED else None)
        try:
            await leg.answer()
            await established.wait()
            if call.behaviour is PhoneBehaviour.PRESS_KEYS:
                await _press_keys(leg, call)
            lasts = HANG_UP_SECONDS if call.behaviour is PhoneBehaviour.HANG_UP else LONGEST_CALL
            await asyncio.sleep(lasts)
            call.hungup_by, call.reason = "phone", "hung up"
            await leg.hangup()
        except BaresipError as error:
            logger.info("call to %s: %s", call.number, error)

    async def _listen(self) -> None:
        while True:
            for ear in self._ears.values():
                ear.tick()
            await asyncio.sleep(_TICK)

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _press_keys(leg: Call, call: PhoneCall) -> None:
    loop = asyncio.get_running_loop()
    answered = loop.time()
    for after, key in KEY_PRESSES:
        await asyncio.sleep(answered + after - loop.time())
        await leg.send_dtmf(key)
        call.keys += key


async def _hang_up(leg: Call) -> None:
    with contextlib.suppress(BaresipError):
        await leg.hangup()


def _udp_ports(address: str) -> set[int]:
    """UDP ports this process has open on the address: the stack doesn't tell which one the kernel gave it."""
    ports = set()
    for link in Path("/proc/self/fd").iterdir():
        # Entries vanish: one is the descriptor that the listing itself had open.
        with contextlib.suppress(FileNotFoundError):
            if not str(link.readlink()).startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(link.name))) as opened:
                if opened.type == socket.SOCK_DGRAM and opened.getsockname()[0] == address:
                    ports.add(opened.getsockname()[1])
    return ports
