"""Concurrent calls with RTP both ways in one voice process, against an anchor.

SIPp answers; a receiver, a process of its own, takes the packets of all calls, stamps them in the kernel and
sends each back. Jitter is how far the spacing of a call's packets is from 20 ms (RFC 3550, 6.4.1), averaged
over calls. The anchor sends as many packets a second to the same receiver from a bare loop that knows neither
calls nor audio: what one Python process costs at least, on this machine as busy as it is now.

Floors: no call fails; mean jitter <= 1 ms or <= 2 times the anchor's, whichever is more; peak memory
< 150 MB; CPU time <= 4 times the anchor's. A miss exits non-zero.

    python bench/voice_calls.py [--calls 200] [--seconds 10] [--rate 25] [--runs 3]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import select
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

from _figures import ROOT, cpu_seconds, record

from ghanti.voice.client import VoiceClient, VoiceGoneError
from ghanti.voice.process import NICENESS
from ghanti.voice.protocol import Dial, Ended

SCENARIO = ROOT / "tests" / "peers" / "voice" / "scenarios" / "answer.xml"
MAX_JITTER_MS = 1.0
MAX_JITTER_RATIO = 2.0
MAX_RSS_MB = 150
MAX_CPU_RATIO = 4.0
DEADLINE = 30.0
PACKET = 172
TICK = 0.005
SLOTS = 4
# Linux' SO_TIMESTAMPNS (asm-generic/socket.h), which the socket module doesn't name.
SO_TIMESTAMPNS = 35


@dataclass
class Load:
    """What a sender cost, and how evenly its packets arrived."""

    jitter_ms: float
    max_gap_ms: float
    packets: int
    cpu_percent: float


@dataclass
class Run:
    calls: int
    failed: int
    rss_mb: float
    voice: Load
    anchor: Load

    @property
    def cpu_ratio(self) -> float:
        return self.voice.cpu_percent / self.anchor.cpu_percent

    @property
    def jitter_ratio(self) -> float:
        return self.voice.jitter_ms / self.anchor.jitter_ms


# The receiver, a process of its own.


def receive() -> None:
    """Echo and time every packet; print the port, then, once standard input closes, the figures."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        sock.bind(("127.0.0.1", 0))
        print(sock.getsockname()[1], flush=True)
        arrivals: dict[tuple[str, int], list[tuple[int, float]]] = {}
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        poll.register(0, select.POLLIN | select.POLLHUP)
        while all(descriptor != 0 for descriptor, _ in poll.poll()):
            data, control, _, source = sock.recvmsg(2048, 64)
            sock.sendto(data, source)
            seconds, nanoseconds = struct.unpack("qq", control[0][2])
            stamp = struct.unpack_from("!I", data, 4)[0]
            arrivals.setdefault(source, []).append((stamp, seconds + nanoseconds / 1e9))
    jitters, gaps = zip(*(_spread(packets) for packets in arrivals.values()), strict=True)
    figures = {
        "jitter_ms": statistics.fmean(jitters),
        "max_gap_ms": max(gaps),
        "packets": sum(map(len, arrivals.values())),
    }
    print(json.dumps(figures), flush=True)


def _spread(packets: list[tuple[int, float]]) -> tuple[float, float]:
    """The mean of RFC 3550's running jitter over a stream, and its largest gap, in ms."""
    running, total, largest = 0.0, 0.0, 0.0
    for (stamp, at), (next_stamp, next_at) in itertools.pairwise(packets):
        apart = next_at - at
        difference = apart - ((next_stamp - stamp) % (1 << 32)) / 8000
        running += (abs(difference) - running) / 16
        total += running
        largest = max(largest, apart)
    return 1000 * total / max(1, len(packets) - 1), 1000 * largest


class Receiver:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--role", "receiver"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def load(self, cpu_percent: float) -> Load:
        figures, _ = self._process.communicate(timeout=DEADLINE)
        return Load(cpu_percent=cpu_percent, **json.loads(figures))


# The anchor, a process of its own.


def send_bare(port: int, streams: int, seconds: float) -> None:
    """Send what so many calls send, read what comes back, and print the CPU share."""
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(streams)]
    epoll = select.epoll()
    for sock in sockets:
        sock.bind(("127.0.0.1", 0))
        epoll.register(sock, select.EPOLLIN)
    by_descriptor = {sock.fileno(): sock for sock in sockets}
    audio = bytes(PACKET - 12)
    began, cpu, due = time.monotonic(), time.process_time(), time.monotonic()
    for tick in range(int(seconds / TICK)):
        for descriptor, _ in epoll.poll(0):
            by_descriptor[descriptor].recv(2048)
        for sock in sockets[tick % SLOTS :: SLOTS]:
            header = struct.pack("!BBHII", 0x80, 0, tick // SLOTS & 0xFFFF, tick // SLOTS * 160, 1)
            sock.sendto(header + audio, ("127.0.0.1", port))
        due += TICK
        time.sleep(max(0.0, due - time.monotonic()))
    print(100 * (time.process_time() - cpu) / (time.monotonic() - began))


def anchor(streams: int, seconds: float) -> Load:
    receiver = Receiver()
    options = ["--role", "anchor", "--port", str(receiver.port)]
    options += ["--calls", str(streams), "--seconds", str(seconds)]
    done = subprocess.run([sys.executable, __file__, *options], check=True, stdout=subprocess.PIPE)
    return receiver.load(float(done.stdout))


# The voice process under load.


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


async def _connect(path: Path) -> VoiceClient:
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return await VoiceClient.connect(path)
            except VoiceGoneError:
                await asyncio.sleep(0.05)


def _order(port: int, audio: Path) -> Dial:
    attempt = uuid.uuid4()
    return Dial.model_validate(
        {
            "attempt": attempt,
            "call_id": str(attempt),
            "send_by": time.time() + DEADLINE,
            "to": "+9779841000000",
            "from": "+97715970425",
            "trunk": {"host": "127.0.0.1", "port": port},
            "max_seconds": 600,
            "script": {"v": 1, "steps": [{"do": "play", "audio": "message"}, {"do": "end"}]},
            "audio": {"message": str(audio)},
        }
    )


class Calls:
    """All calls of one run, followed to their end."""

    def __init__(self, client: VoiceClient, count: int) -> None:
        self._client, self._count = client, count
        self.answered = 0
        self.ends: list[Ended] = []
        self.all_answered = asyncio.Event()

    async def follow(self) -> None:
        async for event in self._client.events():
            await self._client.ack(event.seq)
            if event.event == "answered":
                self.answered += 1
                if self.answered == self._count:
                    self.all_answered.set()
            elif event.event == "ended":
                self.ends.append(event)
                if len(self.ends) == self._count:
                    return

    @property
    def failed(self) -> int:
        whole = [end for end in self.ends if end.reason == "completed" and end.played_ms == end.total_ms]
        return self._count - len(whole)


async def _load(options: argparse.Namespace, folder: Path, receiver: Receiver) -> tuple[int, float, float]:
    """How many calls failed, the peak memory in MB and the CPU share while all calls are up."""
    ramp = options.calls / options.rate
    audio = folder / "message.ulaw"
    audio.write_bytes(bytes(range(256)) * int((ramp + options.seconds + 2) * 8000 / 256))
    path, port = folder / "voice.sock", _free_port()
    keys = {"rtp_host": "127.0.0.1", "rtp_port": str(receiver.port), "formats": "0 101", "maps": "a=ptime:20"}
    keyed = [part for key, value in keys.items() for part in ("-key", key, value)]
    sipp = await asyncio.create_subprocess_exec(
        options.sipp, "-sf", SCENARIO, "-i", "127.0.0.1", "-p", str(port), "-m", str(options.calls),
        "-nostdin", *keyed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    # A call whose RTP does not come back is hung up, so "both ways" is proved by none failing.
    voice = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ghanti.voice", "--socket", path, "--rtp-timeout", "3", "--log-level", "WARNING"
    )
    try:
        client = await _connect(path)
        calls = Calls(client, options.calls)
        following = asyncio.create_task(calls.follow())
        began = time.monotonic()
        for number in range(options.calls):
            await asyncio.sleep(max(0.0, began + number / options.rate - time.monotonic()))
            await client.dial(_order(port, audio))
        async with asyncio.timeout(DEADLINE):
            await calls.all_answered.wait()
        began, cpu = time.monotonic(), cpu_seconds(voice.pid)
        await asyncio.sleep(options.seconds)
        share = 100 * (cpu_seconds(voice.pid) - cpu) / (time.monotonic() - began)
        async with asyncio.timeout(DEADLINE + ramp):
            await following
        await client.close()
        return calls.failed, _peak_mb(voice.pid), share
    finally:
        voice.kill()
        await voice.wait()
        if sipp.returncode is None:
            sipp.kill()
        await sipp.wait()


def measure(options: argparse.Namespace) -> Run:
    receiver = Receiver()
    with tempfile.TemporaryDirectory() as folder:
        failed, rss, cpu = asyncio.run(_load(options, Path(folder), receiver))
    return Run(options.calls, failed, rss, receiver.load(cpu), anchor(options.calls, options.seconds))


def misses(run: Run) -> list[str]:
    """Which floors this run misses."""
    jitter_limit = max(MAX_JITTER_MS, MAX_JITTER_RATIO * run.anchor.jitter_ms)
    checks = {
        f"{run.failed} calls failed": run.failed > 0,
        f"jitter {run.voice.jitter_ms:.2f} ms > {jitter_limit:.2f}": run.voice.jitter_ms > jitter_limit,
        f"memory {run.rss_mb:.0f} MB >= {MAX_RSS_MB}": run.rss_mb >= MAX_RSS_MB,
        f"CPU {run.cpu_ratio:.1f} times the anchor's > {MAX_CPU_RATIO}": run.cpu_ratio > MAX_CPU_RATIO,
    }
    return [text for text, missed in checks.items() if missed]


def show(name: str, run: Run) -> None:
    print(
        f"{name}: {run.calls} calls, {run.failed} failed, {run.rss_mb:.0f} MB; "
        f"jitter {run.voice.jitter_ms:.3f} ms ({run.jitter_ratio:.1f}x anchor), "
        f"largest gap {run.voice.max_gap_ms:.0f} ms; "
        f"CPU {run.voice.cpu_percent:.0f} % ({run.cpu_ratio:.1f}x anchor {run.anchor.cpu_percent:.0f} %)"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="Concurrent calls in one voice process")
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=float, default=25, help="call starts a second")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--role", choices=["bench", "receiver", "anchor"], default="bench")
    parser.add_argument("--port", type=int, help="where the anchor sends to")
    options = parser.parse_args()
    if options.role == "receiver":
        receive()
        return 0
    if options.role == "anchor":
        send_bare(options.port, options.calls, options.seconds)
        return 0
    options.sipp = shutil.which("sipp")
    if options.sipp is None:
        print("needs SIPp (make peers)")
        return 2
    runs = []
    for number in range(options.runs):
        runs.append(measure(options))
        show(f"run {number + 1}", runs[-1])
    median = sorted(runs, key=lambda run: (run.failed, run.voice.jitter_ms))[len(runs) // 2]
    show("median", median)
    ratios = {"cpu_ratio": median.cpu_ratio, "jitter_ratio": median.jitter_ratio}
    record("voice_calls", [asdict(run) for run in runs], {"median": asdict(median) | ratios})
    missed = misses(median) + [
        f"{run.failed} calls failed" for run in runs if run.failed and run is not median
    ]
    for miss in missed:
        print("MISSED:", miss)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
