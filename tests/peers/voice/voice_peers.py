"""Drives a voice process against SIPp and Kamailio; hears and speaks RTP by code of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import struct
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ghanti.media import g711
from ghanti.voice.client import VoiceClient, VoiceGoneError
from ghanti.voice.protocol import Dial, Ended, Event

DEADLINE = 30.0
CREDENTIALS = {"username": "ghanti", "password": 'pässword, with "quotes"'}
SCENARIOS = Path(__file__).parent / "scenarios"
PLAY = {"v": 1, "steps": [{"do": "play", "audio": "message"}, {"do": "end"}]}
Samples = npt.NDArray[np.float64]


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def eventually(condition: Callable[[], bool]) -> None:
    """Poll for what no event tells of."""
    async with asyncio.timeout(DEADLINE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def bound(port: int) -> None:
    """Wait until some process listens on a UDP port."""
    wanted = f":{port:04X} "
    await eventually(lambda: wanted in Path("/proc/net/udp").read_text())


def message(seconds: float, seed: int = 1) -> Samples:
    """Something like speech: noise in syllables, never the same twice."""
    count = int(seconds * g711.SAMPLE_RATE)
    noise = np.random.default_rng(seed).normal(0, 4000, count)
    smooth = np.convolve(noise, np.ones(4) / 4, "same")
    return smooth * (1.2 + np.sin(np.arange(count) * 2 * np.pi * 4 / g711.SAMPLE_RATE))


def write_message(path: Path, samples: Samples) -> str:
    path.write_bytes(g711.pcm_to_ulaw(np.clip(samples, -32000, 32000).astype(np.int16)))
    return str(path)


def correlation(sent: Samples, heard: Samples) -> float:
    """The best normalised correlation over all lags of either sign."""
    size = 1 << (len(sent) + len(heard)).bit_length()
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sent, size)), size)
    lag = int(np.argmax(product))
    lag = lag if lag < len(heard) else lag - size
    a = sent[max(0, -lag) :][: len(heard) - max(0, lag)]
    b = heard[max(0, lag) :][: len(a)]
    # What was not heard at all counts against it.
    return float((a @ b) / np.sqrt((sent @ sent) * (b @ b)))


class Ear(asyncio.DatagramProtocol):
    """The callee's end of the media: keeps every packet, and sends what a test wants."""

    def __init__(self) -> None:
        self.packets: list[tuple[float, bytes, tuple[str, int]]] = []
        self.arrived = asyncio.Event()
        self.timestamp = 1000
        self.sequence = 65530

    @classmethod
    async def open(cls) -> Self:
        ear = cls()
        loop = asyncio.get_running_loop()
        ear.transport, _ = await loop.create_datagram_endpoint(lambda: ear, local_addr=("127.0.0.1", 0))
        ear.port = ear.transport.get_extra_info("sockname")[1]
        return ear

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.packets.append((time.monotonic(), data, addr))
        self.arrived.set()

    async def heard(self, packets: int) -> None:
        """Wait until so many packets have come: so many times 20 ms of the caller's media clock."""
        async with asyncio.timeout(DEADLINE):
            while len(self.packets) < packets:
                self.arrived.clear()
                await self.arrived.wait()

    def sounding(self) -> int:
        """How many packets were not all silence."""
        return sum(data[12:] != bytes([g711.ULAW_SILENCE]) * 160 for _, data, _ in self.packets)

    def samples(self, decode: Callable[[bytes], Any] = g711.ulaw_to_pcm) -> Samples:
        by_time = {struct.unpack_from("!I", data, 4)[0]: data[12:] for _, data, _ in self.packets}
        first = struct.unpack_from("!I", self.packets[0][1], 4)[0]
        ordered = sorted(by_time.items(), key=lambda item: (item[0] - first) % (1 << 32))
        return np.concatenate([decode(payload) for _, payload in ordered]).astype(np.float64)

    def speak(self, payload_type: int, payload: bytes, *, timestamp: int, marker: bool = False) -> None:
        self.sequence = (self.sequence + 1) & 0xFFFF
        second = payload_type | (0x80 if marker else 0)
        header = struct.pack("!BBHII", 0x80, second, self.sequence, timestamp & 0xFFFFFFFF, 77)
        self.transport.sendto(header + payload, self.packets[0][2])

    def press(self, digit: int, payload_type: int) -> None:
        """One key as in RFC 4733: three packets while it is down, three for its end, all of one timestamp."""
        self.timestamp += 8000
        for step in range(6):
            end = 0x80 if step >= 3 else 0
            duration = 160 * min(step + 1, 4)
            payload = struct.pack("!BBH", digit, end | 10, duration)
            self.speak(payload_type, payload, timestamp=self.timestamp, marker=step == 0)

    async def say(self, samples: Samples, order: list[int] | None = None) -> None:
        """Send samples as PCMU in packets of 20 ms, in real time, in the given order of packets."""
        data = g711.pcm_to_ulaw(np.clip(samples, -32000, 32000).astype(np.int16))
        chunks = [data[start : start + 160] for start in range(0, len(data), 160)]
        loop = asyncio.get_running_loop()
        due = loop.time()
        for index in order or range(len(chunks)):
            self.speak(0, chunks[index], timestamp=0xFFFFFF00 + index * 160)
            due += 0.02
            await asyncio.sleep(max(0, due - loop.time()))


class Phone:
    """One SIPp call, its media at an :class:`Ear`."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, ear: Ear) -> None:
        self.process, self.port, self.ear = process, port, ear

    @classmethod
    async def start(
        cls, sipp: Path, folder: Path, scenario: str, formats: str = "0 101", response: str = ""
    ) -> Self:
        ear, port = await Ear.open(), free_port()
        script = folder / f"{scenario}-{port}.xml"
        script.write_text((SCENARIOS / f"{scenario}.xml").read_text().replace("RESPONSE", response))
        maps = " ".join(f"a=rtpmap:{number} telephone-event/8000" for number in formats.split()[-1:])
        values = {"rtp_host": "127.0.0.1", "rtp_port": str(ear.port), "formats": formats, "maps": maps}
        options = [part for key, value in values.items() for part in ("-key", key, value)]
        process = await asyncio.create_subprocess_exec(
            sipp, "-sf", script, "-i", "127.0.0.1", "-p", str(port), "-m", "1",
            "-nostdin", "-timeout", "60s", "-recv_timeout", "40000", *options,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await bound(port)
        return cls(process, port, ear)

    async def succeeded(self) -> bool:
        """Whether the scenario ran to its end as it was written."""
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait() == 0

    async def stop(self) -> None:
        self.ear.transport.close()
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


class Voice:
    """``python -m ghanti.voice`` as a child process, and a client of it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket = folder / "voice.sock"
        self.recordings = folder / "recordings"
        self.log = folder / "voice.log"
        paths = ["--socket", str(self.socket), "--recordings", str(self.recordings)]
        self.command = [sys.executable, "-m", "ghanti.voice", *paths, *options]
        self.events: list[Event] = []
        self.ordered: set[uuid.UUID] = set()

    async def start(self) -> Self:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(*self.command, stderr=log)
        return await self.join()

    async def reconnect(self) -> None:
        """Come back as a dialler that was started anew."""
        await self.client.close()
        self.client = await VoiceClient.connect(self.socket)

    async def join(self) -> Self:
        """Connect as soon as the process serves its socket; a file left by a dead one refuses."""
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    self.client = await VoiceClient.connect(self.socket)
                except VoiceGoneError:
                    await asyncio.sleep(0.02)
                else:
                    return self

    async def dial(self, port: int, **changes: Any) -> uuid.UUID:
        attempt = changes.pop("attempt", None) or uuid.uuid4()
        trunk = {"host": "127.0.0.1", "port": port} | changes.pop("trunk", {})
        order = {
            "attempt": attempt,
            "leg": 1,
            "call_id": f"{attempt}-1",
            "send_by": time.time() + 10,
            "to": "+9779841000000",
            "from": "+97715970425",
            "trunk": trunk,
            "script": PLAY,
            **changes,
        }
        self.ordered.add(attempt)
        await self.client.dial(Dial.model_validate(order))
        return attempt

    async def until(self, attempt: uuid.UUID | None, kind: str) -> Any:
        """The next event of this kind of the attempt, or of any of ours; all are kept and acked."""
        async with asyncio.timeout(DEADLINE):
            async for event in self.client.events():
                self.events.append(event)
                await self.client.ack(event.seq)
                wanted = self.ordered if attempt is None else {attempt}
                if event.attempt in wanted and event.event == kind:
                    return event
        raise AssertionError("the stream of events ended")

    async def ended(self, attempt: uuid.UUID) -> Ended:
        ended = await self.until(attempt, "ended")
        assert isinstance(ended, Ended)
        return ended

    async def next_end(self) -> Ended:
        ended = await self.until(None, "ended")
        assert isinstance(ended, Ended)
        return ended

    def kinds(self, attempt: uuid.UUID) -> list[str]:
        return [event.event for event in self.events if event.attempt == attempt]

    async def says(self, text: str) -> None:
        """Wait for a line of its log."""
        await eventually(lambda: text in self.log.read_text())

    async def stop(self) -> None:
        await self.client.close()
        if self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)
        await self.process.wait()


Phones = Callable[..., Awaitable[Phone]]
Trunks = Callable[..., Awaitable[int]]
Voices = Callable[..., Awaitable[Voice]]
