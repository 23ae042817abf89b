"""The whole engine as processes: voice, dialler, SMS and speech, against simulated phones and an SMSC."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from engine_world import World
from ghanti.database.session import create_engine, create_session_factory, transaction
from ghanti.dialing.models import Channel, Plan
from ghanti.encryption import secret_box
from ghanti.settings import Settings
from ghanti.trunks import service as trunks

T = TypeVar("T")
DEADLINE = 90.0
"""Seconds within which whatever a test waits for has happened, on the slowest machine."""


def spoken(message: str) -> dict[str, Any]:
    """The content of calls that say a message."""
    return {"voice_id": 1, "length_factor": "1.00", "audios": {"message": {"template": message}}}


@dataclass
class Running:
    """A folder, a database, and the processes at work on both."""

    world: World
    folder: Path
    url: str
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    account: int = 0

    async def start(self, name: str, *arguments: str) -> dict[str, Any]:
        """Start ``python -m …`` and answer the line that says it is ready."""
        process = await self.spawn(name, *arguments)
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            said: dict[str, Any] = json.loads(await process.stdout.readline())
        return said

    async def spawn(self, name: str, *arguments: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "GHANTI_DATABASE_URL": self.url,
                "GHANTI_DATA": str(self.folder),
                "GHANTI_TAKEOVER_SECONDS": "4",
            },
        )
        self.processes[name] = process
        return process

    async def start_voice(self) -> None:
        """It says nothing when it is ready; the dialler connects to it as soon as it listens."""
        await self.spawn(
            "voice",
            "ghanti.voice",
            "--socket",
            str(self.folder / "run" / "voice.sock"),
            "--sip-address",
            "127.0.0.1",
            "--recordings",
            str(self.folder / "media" / "recordings"),
        )

    async def start_role(self, role: str) -> None:
        await self.start(role, "ghanti.roles", role)

    async def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        await process.wait()

    async def end(self) -> None:
        for process in reversed(self.processes.values()):
            with suppress(ProcessLookupError):
                process.terminate()
        for process in self.processes.values():
            try:
                async with asyncio.timeout(30):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()

    async def campaign(self, endings: Sequence[int], *channels: Channel, **order: Any) -> Plan:
        """A plan whose contacts' numbers end in these two digits, which choose what a phone does."""
        content: dict[str, Any] = {
            "call_content": spoken("रकम {amount} रुपैयाँ"),
            "sms_content": {"template": "रकम {amount}"},
            "caller_numbers": ["+97715970425"],
        }
        return await self.world.plan(
            self.account,
            len(endings),
            *channels,
            numbers=[f"+977984{index:05d}{ending:02d}" for index, ending in enumerate(endings)],
            variables=[{"amount": index} for index in range(len(endings))],
            ready=False,
            **{**content, **order},
        )

    async def until(self, statement: str, wanted: Callable[[list[Any]], bool], **values: Any) -> list[Any]:
        """The rows of a query once they are as wanted."""

        async def look() -> list[Any]:
            return await self.world.rows(statement, **values)

        return await eventually(look, wanted)

    async def finished(self, plan: Plan) -> None:
        await self.until(
            "SELECT state FROM plans WHERE id = :id", lambda rows: rows[0].state == "finished", id=plan.id
        )

    async def all_calls_ended(self) -> list[dict[str, Any]]:
        """The ends of all calls that reached a phone, once each has one."""

        async def look() -> tuple[int, list[dict[str, Any]]]:
            return len(self.phones_saw("invite")), self.phones_saw("end")

        return (await eventually(look, lambda seen: len(seen[1]) == seen[0]))[1]

    def phones_saw(self, event: str) -> list[dict[str, Any]]:
        return [line for line in _lines(self.folder / "phones.jsonl") if line["event"] == event]

    def texts(self) -> list[dict[str, Any]]:
        return _lines(self.folder / "smsc.jsonl")


async def eventually(look: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """What ``look`` sees, once it is as wanted."""
    deadline = asyncio.get_running_loop().time() + DEADLINE
    while not wanted(seen := await look()):
        assert asyncio.get_running_loop().time() < deadline, f"not within {DEADLINE:.0f} s: {seen}"
        await asyncio.sleep(0.1)
    return seen


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


@asynccontextmanager
async def running(
    url: str, *roles: str, cps: float = 10, credit: int = 1000, voice: bytes | None = None
) -> AsyncIterator[Running]:
    """Everything started, nothing ordered yet; ``voice`` is a .wav that phones say."""
    # A socket's path is short.
    with tempfile.TemporaryDirectory(prefix="ghanti-") as folder:
        engine = create_engine(url)
        engaged = Running(World(create_session_factory(engine)), Path(folder), url)
        try:
            await _start(engaged, roles, cps, credit, voice)
            yield engaged
        finally:
            await engaged.end()
            await engine.dispose()


async def _start(
    engaged: Running, roles: Sequence[str], cps: float, credit: int, voice: bytes | None
) -> None:
    folder = engaged.folder
    if voice is not None:
        (folder / "voice.wav").write_bytes(voice)
    (folder / "run").mkdir()
    phones = await engaged.start(
        "phones",
        "ghanti.simulator.phones",
        "--recordings",
        str(folder / "heard"),
        "--log",
        str(folder / "phones.jsonl"),
        "--starts",
        str(max(20.0, 2 * cps)),
        *(("--voice", str(folder / "voice.wav")) if voice is not None else ()),
    )
    smsc = await engaged.start(
        "smsc", "ghanti.simulator.smsc", "--log", str(folder / "smsc.jsonl"), "--receipt-delay", "0.1"
    )
    box = secret_box(Settings(data=folder))
    async with transaction(engaged.world.sessions) as session:
        await trunks.put_trunk(
            session,
            box,
            trunks.TrunkOrder("phones", "127.0.0.1", phones["port"], cps=cps, max_calls=100, simulated=True),
        )
        await trunks.put_smsc(
            session,
            box,
            trunks.SmscOrder("smsc", "127.0.0.1", "ghanti", "secret", port=smsc["port"], simulated=True),
        )
    engaged.account = await engaged.world.account(phone=credit, sms=credit)
    await engaged.start_voice()
    for role in roles or ("dialler", "sms", "speech"):
        await engaged.start_role(role)
