"""Messages a second through the SMS channel, receipts included, against npm's smpp server.

Anchor: requests a second of a bare asyncio client to a bare asyncio echo server, one future a request, in the
same run with the same window. Figures are medians of three runs, in bench/results.json under "smpp".

FLOOR: 0.09 of the anchor at window 10 and 0.045 at window 100, else this exits 1. Measured when the floors
were set, on two busy cores: 0.14 and 0.07 to 0.11. The SMSC, its receipts and their parsing share those
cores with the channel; the anchor has no such company.

Needs npm's smpp in tests/peers/sms (make peers).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from statistics import median

from _figures import ROOT, record

from ghanti.sms.port import OutgoingSms, SendOutcome
from ghanti.sms.receipts import Receipt
from ghanti.sms.smpp.channel import SmppChannel
from ghanti.sms.smpp.config import SmscConfig

PEERS = ROOT / "tests/peers/sms"
FLOORS = {10: 0.09, 100: 0.045}
MESSAGES = 10_000
RUNS = 3
FRAME = b"x" * 100

ECHO = """
import asyncio, json
class Echo(asyncio.Protocol):
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.transport.write(data)
async def main():
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


class EchoClient(asyncio.Protocol):
    """One future a frame, in order: the least that a request and its response cost in asyncio."""

    def __init__(self) -> None:
        self._octets = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._octets += len(data)
        while self._octets >= len(FRAME):
            self._octets -= len(FRAME)
            self._waiting.popleft().set_result(None)

    def ask(self) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._transport.write(FRAME)
        return future


def start(command: list[str]) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())["port"]


async def echo_rate(port: int, window: int) -> float:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(EchoClient, "127.0.0.1", port)
    numbers = iter(range(MESSAGES))

    async def worker() -> None:
        for _ in numbers:
            await client.ask()

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(window)))
    taken = time.perf_counter() - began
    transport.close()
    return MESSAGES / taken


async def channel_rate(port: int, window: int) -> float:
    """From the first submit to the last receipt."""
    received = 0
    complete = asyncio.Event()

    async def keep(receipts: list[Receipt]) -> None:
        nonlocal received
        received += len(receipts)
        if received == MESSAGES:
            complete.set()

    config = SmscConfig(
        "127.0.0.1", port, "ghanti", "secret", source="Ghanti", window=window, messages_per_second=1e6
    )
    channel = SmppChannel(config, keep)
    await channel.start()
    await channel.wait_up()
    numbers = iter(range(MESSAGES))

    async def worker() -> None:
        for number in numbers:
            result = await channel.send(OutgoingSms(f"+97798{number:08d}", f"Your bill is Rs {number}."))
            assert result.outcome is SendOutcome.ACCEPTED, result

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(window)))
    async with asyncio.timeout(60):
        await complete.wait()
    taken = time.perf_counter() - began
    await channel.stop()
    return MESSAGES / taken


def measure(command: list[str], rate: Callable[[int, int], Awaitable[float]], window: int) -> float:
    process, port = start(command)
    try:
        return asyncio.run(rate(port, window))  # type: ignore[arg-type]
    finally:
        process.kill()
        process.wait()


def main() -> int:
    if not (PEERS / "node_modules/smpp").is_dir():
        print("needs npm smpp (make peers)", file=sys.stderr)
        return 2
    smsc = ["node", str(PEERS / "smsc.js"), json.dumps({"quiet": True})]
    echo = [sys.executable, "-c", ECHO]
    windows: dict[str, object] = {}
    runs: list[dict[str, float]] = []
    missed = False
    for window, floor in FLOORS.items():
        anchors, rates = [], []
        for _ in range(RUNS):
            anchors.append(measure(echo, echo_rate, window))
            rates.append(measure(smsc, channel_rate, window))
            runs.append(
                {
                    "window": window,
                    "messages_per_second": round(rates[-1]),
                    "echoes_per_second": round(anchors[-1]),
                }
            )
        ratio = median(rates) / median(anchors)
        missed = missed or ratio < floor
        windows[str(window)] = {
            "messages_per_second": round(median(rates)),
            "echoes_per_second": round(median(anchors)),
            "ratio": round(ratio, 3),
            "floor": floor,
        }
        print(
            f"window {window}: {median(rates):,.0f} messages/s, anchor {median(anchors):,.0f}/s, {ratio:.3f}"
        )
    record("smpp", runs, {"messages": MESSAGES, "windows": windows})
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
