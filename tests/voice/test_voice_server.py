"""The voice end of the socket, with a dialler that stalls."""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path
from uuid import uuid4

from ghanti.voice import protocol
from ghanti.voice.call import Services
from ghanti.voice.desk import Desk
from ghanti.voice.eventlog import EventLog
from ghanti.voice.plane import MediaPlane
from ghanti.voice.player import AudioCache
from ghanti.voice.protocol import Dial, Ended, Hello, Played
from ghanti.voice.server import Server
from ghanti.voice.sip import Signalling

DEADLINE = 30.0


class Reads(AudioCache):
    """Writes down what is read, and whether it may be kept."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, bool] = {}

    async def load(self, path: str, *, keep: bool = True) -> bytes:
        self.kept[Path(path).stem] = keep
        return await super().load(path, keep=keep)


async def test_a_call_has_its_secret_audio_forgotten(tmp_path: Path) -> None:
    log, attempt, reads = EventLog(), uuid4(), Reads()
    services = Services(
        Signalling("127.0.0.1", 0), MediaPlane("127.0.0.1", range(0)), reads, "127.0.0.1", log.report
    )
    for name in ("hello", "code"):
        (tmp_path / f"{name}.ulaw").write_bytes(b"x" * 800)
    order = {
        "attempt": str(attempt),
        "call_id": "c",
        "send_by": time.time() + DEADLINE,
        "to": "+9779841000000",
        "from": "100",
        "trunk": {"host": "127.0.0.1"},
        "script": {"v": 1, "steps": [{"do": "play", "audio": "hello"}, {"do": "play", "audio": "code"}]},
        "audio": {name: str(tmp_path / f"{name}.ulaw") for name in ("hello", "code")},
        "secret": ["code"],
    }
    desk = Desk(services, 1)
    desk.dial(Dial.model_validate(order))
    await desk.drain(DEADLINE, asyncio.Event())
    assert reads.kept == {"hello": True, "code": False}


async def test_a_stalled_dialler_costs_no_memory_for_superseded_progress(tmp_path: Path) -> None:
    log, attempt = EventLog(), uuid4()
    plane = MediaPlane("127.0.0.1")
    services = Services(Signalling("127.0.0.1", 0), plane, AudioCache(), "127.0.0.1", log.report)
    server = Server(Desk(services, 10), log, uuid4())
    await server.start(tmp_path / "s")
    reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
    writer.write(protocol.encode(Hello()))
    await reader.readline()
    for position in range(20_000):
        log.report(Played, attempt, 1, audio="message", played_ms=position, total_ms=20_000)
    held = sum(isinstance(thing, Played) for thing in gc.get_objects())
    assert held < 2_000
    log.report(Ended, attempt, 1, reason="completed")
    async with asyncio.timeout(DEADLINE):
        while not isinstance(protocol.parse_report(await reader.readline()), Ended):
            pass
    writer.close()
    await server.stop(0)
