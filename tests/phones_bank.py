"""A bank of the simulator's phones as a process of its own, and what it says."""

from __future__ import annotations

import asyncio
import json
import selectors
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

DEADLINE = 30.0


class Bank:
    """``python -m ghanti.simulator.phones`` as a child process."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.log, self.recordings = folder / "calls.jsonl", folder / "heard"
        command = [sys.executable, "-m", "ghanti.simulator.phones"]
        paths = ["--recordings", str(self.recordings), "--log", str(self.log)]
        self.process = subprocess.Popen([*command, *paths, *options], stdout=subprocess.PIPE)
        self.ready = read_ready(self.process)
        self.port: int = self.ready["port"]

    def lines(self, **match: object) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if all(line[key] == value for key, value in match.items())]

    async def end_of(self, call_id: str) -> dict[str, Any]:
        async with asyncio.timeout(DEADLINE):
            while not (found := self.lines(event="end", call_id=call_id)):  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.02)
        assert len(found) == 1
        return found[0]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(DEADLINE)
        finally:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()


def read_ready(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(DEADLINE), "the phones never became ready"
    ready = json.loads(process.stdout.readline())
    assert isinstance(ready, dict)
    return ready
