"""An SMSC on npm's smpp, as a process of its own (see smsc.js)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


class NpmSmsc:
    """The process, its port and the events that it tells."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.events: list[dict[str, Any]] = []

    async def until(self, event: str, count: int = 1, seconds: float = 30) -> list[dict[str, Any]]:
        """All events of this name, once there are `count`."""
        async with asyncio.timeout(seconds):
            while len(found := self.seen(event)) < count:
                await self._read()
        return found

    def seen(self, event: str) -> list[dict[str, Any]]:
        return [told for told in self.events if told["event"] == event]

    async def end(self) -> list[dict[str, Any]]:
        """Kill it, and return all that it told."""
        if self.process.returncode is None:
            self.process.kill()
        while await self._read():
            pass
        await self.process.wait()
        return self.events

    async def _read(self) -> bool:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        if line:
            self.events.append(json.loads(line))
        return bool(line)


Start = Callable[..., Awaitable[NpmSmsc]]
