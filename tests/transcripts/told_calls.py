"""Calls as voice processes tell of them, on the engine's world."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import english
from engine_world import World
from ghanti.database.session import transaction
from ghanti.dialing.attempts import Lease
from ghanti.dialing.events import EventRecorder
from ghanti.media.store import MediaStore
from ghanti.media.wav import wav_bytes
from ghanti.transcripts import service
from ghanti.transcripts.schemas import Transcript
from ghanti.voice.protocol import Answer, Answered, Ended, Event, Recorded

NEPALI, ENGLISH = 1, 7
"""Voices."""


def saying(**templates: str) -> dict[str, Any]:
    return {"voice_id": ENGLISH, "audios": {name: {"template": said} for name, said in templates.items()}}


@dataclass
class Told:
    """One account, its calls, and the store of a machine."""

    world: World
    store: MediaStore
    account: int

    @classmethod
    async def opened(cls, world: World, folder: Path) -> Told:
        await world.open()
        return cls(world, MediaStore(folder / "media"), await world.account())

    async def sent(self, content: dict[str, Any], **variables: Any) -> Lease:
        """A call that is under way."""
        await self.world.plan(self.account, 1, call_content=content, variables=[variables])
        trunk = await self.world.trunk()
        await self.world.rewind()
        (lease,) = await self.world.lease(self.world.leaser(), trunk)
        await self.world.send([lease])
        return lease

    async def tell(self, *events: Event) -> None:
        await EventRecorder(self.world.sessions, self.store, self.world.worker).record(events)

    def recording(self, lease: Lease, seconds: float = 1) -> Path:
        """What a voice process wrote of a call, some time ago."""
        path = self.store.path("recordings") / f"{lease.attempt_id}-1-call.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav_bytes(english.silence(seconds)))
        self.long_after()
        return path

    async def recorded(self, lease: Lease) -> None:
        """A call that was answered, recorded and has ended."""
        path = self.recording(lease)
        told = (self.event(Recorded, lease, state="pending", path=str(path)),)
        stored = self.event(Recorded, lease, state="stored", path=str(path), ms=1000)
        await self.tell(self.event(Answered, lease, codec="PCMU"), *told)
        await self.tell(stored, self.ended(lease))

    def event(self, sort: type[Any], lease: Lease, **fields: Any) -> Any:
        return sort(seq=1, attempt=lease.attempt_id, leg=1, at=time.time(), **fields)

    def ended(self, lease: Lease, **fields: Any) -> Ended:
        given = {"reason": "hungup", "answered": True, "duration_ms": 9000, "total_ms": 5000, **fields}
        ended: Ended = self.event(Ended, lease, **given)
        return ended

    def key(self, lease: Lease, name: str, keys: str | None) -> Answer:
        answer: Answer = self.event(Answer, lease, name=name, kind="keys", state="given", keys=keys)
        return answer

    async def transcript(self, lease: Lease) -> Transcript:
        async with transaction(self.world.sessions) as session:
            return await service.transcript(session, self.account, lease.attempt_id, self.store)

    async def analysis(self, lease: Lease) -> Any:
        async with transaction(self.world.sessions) as session:
            return await service.analysis(session, self.account, lease.attempt_id)

    def long_after(self) -> None:
        """Have every file in the store be old."""
        for path in self.store.path("recordings").rglob("*.wav"):
            os.utime(path, (time.time() - 600,) * 2)

    def files(self) -> Sequence[str]:
        folder = self.store.path("recordings")
        return [path.name for path in folder.rglob("*") if path.is_file()]
