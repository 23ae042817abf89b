"""A load generator that costs little: HTTP/1.1 on kept connections, one request under way on each.

Run by a process of its own: ``python bench/_load.py`` reads a plan, a line of JSON, and writes what it
measured as another, so that the process that serves and the one that asks share nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from itertools import count
from statistics import quantiles
from typing import Any

_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class _Asker(asyncio.Protocol):
    """Asks as soon as it has been answered, until the deadline."""

    def __init__(self, requests: Iterator[bytes], status: bytes, deadline: float) -> None:
        self._requests, self._status, self._deadline = requests, status, deadline
        self._received = b""
        self._sent_at = 0.0
        self.latencies: list[float] = []
        self.wrong: str | None = None
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(_END)
        if head < 0:
            return
        at = self._received.lower().find(_LENGTH, 0, head)
        length = int(self._received[at + len(_LENGTH) : head].split(b"\r\n", 1)[0])
        if len(self._received) < head + len(_END) + length:
            return
        now = time.perf_counter()
        self.latencies.append(now - self._sent_at)
        if not self._received.startswith(self._status):
            self.wrong = self._received[:1000].decode(errors="replace")
        self._received = b""
        if self.wrong or now >= self._deadline:
            self._transport.close()
        else:
            self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        self.done.set_result(None)

    def _ask(self) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))


def _requests(plan: dict[str, Any]) -> Iterator[bytes]:
    """The plan's request, with each ``%d`` of its body counted on from ``first``."""
    for number in count(plan["first"]):
        body = plan["body"].replace("%d", str(number)).encode()
        head = f"{plan['method']} {plan['path']} HTTP/1.1\r\nHost: bench\r\n"
        head += f"Authorization: Bearer {plan['token']}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        yield head.encode() + b"\r\n" + body


async def _load(plan: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    requests, status = _requests(plan), f"HTTP/1.1 {plan['status']} ".encode()
    askers = [_Asker(requests, status, begun + plan["seconds"]) for _ in range(plan["connections"])]
    for asker in askers:
        await loop.create_connection(lambda asker=asker: asker, "127.0.0.1", plan["port"])  # type: ignore[misc]
    await asyncio.gather(*(asker.done for asker in askers))
    taken = time.perf_counter() - begun
    latencies = [latency for asker in askers for latency in asker.latencies]
    return {
        "rate": len(latencies) / taken,
        "p99_ms": quantiles(latencies, n=100)[98] * 1000,
        "asked": len(latencies),
        "wrong": next((asker.wrong for asker in askers if asker.wrong), None),
    }


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(asyncio.run(_load(json.loads(line)))), flush=True)
