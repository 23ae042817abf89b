"""The voice process: SIP, RTP and the socket, and nothing else; it knows no database and no settings."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from ghanti.voice.call import Services
from ghanti.voice.desk import Desk
from ghanti.voice.eventlog import EventLog
from ghanti.voice.plane import MediaPlane
from ghanti.voice.player import AudioCache
from ghanti.voice.server import Server, SocketFile, SocketInUseError
from ghanti.voice.sip import Signalling

logger = logging.getLogger(__name__)

# The media thread waits for the interpreter's lock at most so long behind the other threads.
SWITCH_SECONDS = 0.0005
FLUSH_SECONDS = 2.0
# Voice can't wait while other processes of a small server can.
NICENESS = -10
EXIT_IN_USE = 3


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="ghanti.voice", description="Carries calls for one dialler.")
    parser.add_argument("--socket", type=Path, required=True, help="Unix socket to listen on")
    parser.add_argument("--sip-address", default="127.0.0.1", help="local IPv4 address of SIP and RTP")
    parser.add_argument("--sip-port", type=int, default=0, help="local SIP port; 0: the kernel chooses")
    parser.add_argument("--rtp-ports", type=_ports, help="FIRST-LAST local RTP ports; the kernel chooses")
    parser.add_argument("--capacity", type=int, default=250, help="calls at a time")
    parser.add_argument("--recordings", type=Path, help="folder of recordings")
    parser.add_argument("--grace", type=float, default=30, help="seconds that calls get after SIGTERM")
    parser.add_argument("--lead-ms", type=int, default=200, help="silence between answer and first audio")
    parser.add_argument("--rtp-timeout", type=float, help="hang up after so many seconds without RTP")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    parsed = parser.parse_args(argv)
    if parsed.sip_address == "0.0.0.0":  # noqa: S104 - refused, not bound
        parser.error("--sip-address must be an address that the trunk can reach")
    return parsed


def _ports(text: str) -> range:
    first, _, last = text.partition("-")
    ports = range(int(first), int(last) + 1)
    if not 1024 <= ports.start < ports.stop <= 65536:
        raise argparse.ArgumentTypeError("expected FIRST-LAST between 1024 and 65535")
    return ports


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM; a second one hangs up at once."""
    options = arguments(argv)
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.setswitchinterval(SWITCH_SECONDS)
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    try:
        with SocketFile(options.socket) as path:
            return asyncio.run(_serve(options, path))
    except SocketInUseError as error:
        logger.error("%s", error)
        return EXIT_IN_USE
    except (OSError, ValueError) as error:
        logger.error("the voice process can't start: %s", error)
        return 1


async def _serve(options: argparse.Namespace, path: Path) -> int:
    signals = _Signals()
    log = EventLog()
    plane = MediaPlane(options.sip_address, options.rtp_ports)
    signalling = Signalling(options.sip_address, options.sip_port)
    await signalling.start()
    plane.start()
    if options.recordings is not None:
        options.recordings.mkdir(parents=True, exist_ok=True)
    services = Services(
        signalling=signalling,
        plane=plane,
        audio=AudioCache(),
        address=options.sip_address,
        report=log.report,
        recordings=options.recordings,
        lead_seconds=options.lead_ms / 1000,
        rtp_timeout=options.rtp_timeout,
    )
    desk = Desk(services, options.capacity)
    server = Server(desk, log, uuid4())
    await server.start(path)
    # What start-up made lives for ever: spare every later collection the walk over it.
    gc.collect()
    gc.freeze()
    logger.info("ready on %s, SIP on %s:%d", path, options.sip_address, signalling.port)
    if not await _told_to_stop(signals, signalling):
        return 1
    logger.info("draining: calls get %g s", options.grace)
    await desk.drain(options.grace, signals.second)
    await server.stop(FLUSH_SECONDS)
    await signalling.stop()
    plane.stop()
    return 0


async def _told_to_stop(signals: _Signals, signalling: Signalling) -> bool:
    """Wait for the first signal; False when the SIP engine failed before: then a new process is needed."""
    waits = [asyncio.create_task(event.wait()) for event in (signals.first, signalling.ended)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    return signals.first.is_set()


class _Signals:
    """SIGTERM and SIGINT, counted up to two."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._count)

    def _count(self) -> None:
        (self.second if self.first.is_set() else self.first).set()
