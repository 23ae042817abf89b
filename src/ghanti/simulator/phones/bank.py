"""Runs the simulated phones as a process."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import os
import signal
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

from ghanti.simulator.phones.calllog import CallLog
from ghanti.simulator.phones.front import Front

logger = logging.getLogger(__name__)


class PhonesUnavailableError(RuntimeError):
    """The phones can't run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the phones run.

    Attributes:
        recordings: folder for what answered phones hear; made when absent.
        log: file to which JSON lines are appended.
        address: IPv4 address of this machine, of SIP and RTP.
        port: UDP port of SIP; 0 lets the kernel choose.
        ring_seconds: how long a phone rings before it answers.
        rtp_timeout: whole seconds without RTP after which a phone hangs up; 0 is never.
        calls: calls at once above which INVITEs are answered 503.
        starts: INVITEs a second above which they are answered 503.
        voice: a WAV file of 8 kHz, mono and 16 bits that answered phones say over and over; a tone without.
        end_with_parent: end when the process that started this one does.
    """

    recordings: Path
    log: Path
    address: str = "127.0.0.1"
    port: int = 0
    ring_seconds: float = 1.0
    rtp_timeout: int = 8
    calls: int = 250
    starts: float = 20.0
    voice: Path | None = None
    end_with_parent: bool = True


def run(options: Options) -> None:
    """Serve until SIGTERM, SIGINT or the parent's end; say on stdout, in one JSON line, when ready.

    Raises:
        PhonesUnavailableError: not on Linux, packages are missing, or the address or port can't be had.
    """
    if sys.platform != "linux":
        raise PhonesUnavailableError("simulated phones run on Linux only: baresip has no build elsewhere")
    try:
        address = ipaddress.IPv4Address(options.address)
    except ValueError:
        raise PhonesUnavailableError(f"{options.address} is not an IPv4 address") from None
    if address.is_unspecified:
        raise PhonesUnavailableError(
            "give the address that callers reach, not 0.0.0.0: it goes into SIP and SDP"
        )
    asyncio.run(_serve(options))


async def _serve(options: Options) -> None:
    try:
        from ghanti.simulator.phones.ear import TONE, read_voice
        from ghanti.simulator.phones.handsets import Handsets
    except ImportError as error:
        raise PhonesUnavailableError(
            f"simulated phones need pip install 'ghanti[simulator]' ({error})"
        ) from error
    try:
        says = TONE if options.voice is None else read_voice(options.voice)
    except (OSError, EOFError, wave.Error, ValueError) as error:
        raise PhonesUnavailableError(f"phones can't say {options.voice}: {error}") from error
    options.recordings.mkdir(parents=True, exist_ok=True)
    log = CallLog(options.log)
    try:
        front = await Front.listen(options.address, options.port, log, options.calls, options.starts)
    except OSError as error:
        raise PhonesUnavailableError(f"can't listen on {options.address}:{options.port}: {error}") from error
    handsets = Handsets(
        options.recordings, options.ring_seconds, options.rtp_timeout, front.live.get, front.end, says
    )
    stop = _stop_event(options.end_with_parent)
    front.connect(await handsets.start(options.address))
    ready = {"ready": True, "port": front.address[1], "limit": options.calls}
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    await _first(stop, handsets.died)
    await handsets.close()
    front.close()
    log.close()
    if handsets.died.is_set():
        raise PhonesUnavailableError("the SIP stack of the phones died")


def _stop_event(end_with_parent: bool) -> asyncio.Event:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    parent = os.getppid()
    if end_with_parent and parent > 0:
        try:
            # Readable when the parent is gone; PR_SET_PDEATHSIG would fire when only a thread of it ends.
            loop.add_reader(os.pidfd_open(parent), stop.set)
        except ProcessLookupError:
            stop.set()
        if os.getppid() != parent:
            stop.set()
    return stop


async def _first(*events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
