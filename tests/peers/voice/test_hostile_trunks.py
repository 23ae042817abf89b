"""Trunks that answer late, twice or never, scripted here by hand over a bare socket."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Self

import pytest
from voice_peers import DEADLINE, Ear, Voice, message, write_message

Address = tuple[str, int]


class Trunk(asyncio.DatagramProtocol):
    """Keeps the requests that come and answers only what a test says."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._arrived = asyncio.Event()
        self._caller: Address | None = None

    @classmethod
    async def open(cls) -> Self:
        loop = asyncio.get_running_loop()
        trunk = cls()
        trunk.transport, _ = await loop.create_datagram_endpoint(lambda: trunk, local_addr=("127.0.0.1", 0))
        trunk.port = trunk.transport.get_extra_info("sockname")[1]
        return trunk

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._caller = addr
        self.requests.append(data.decode())
        self._arrived.set()

    def all(self, method: str, call: object = "") -> list[str]:
        wanted = [request for request in self.requests if request.startswith(f"{method} ")]
        return [request for request in wanted if str(call) in request]

    async def next(self, method: str, call: object = "") -> str:
        """The first request of this method, of one call or of any, once it is there."""
        async with asyncio.timeout(DEADLINE):
            while not (found := self.all(method, call)):
                self._arrived.clear()
                await self._arrived.wait()
        return found[0]

    def answer(self, request: str, status: str, body: str = "") -> None:
        kept = re.findall(
            r"^(?:Via|From|Call-ID|CSeq|Record-Route): .*$", request, re.MULTILINE | re.IGNORECASE
        )
        (to,) = re.findall(r"^To: .*$", request, re.MULTILINE | re.IGNORECASE)
        to = to.strip() if "tag=" in to else f"{to.strip()};tag=hostile"
        lines = [f"SIP/2.0 {status}", *(line.strip() for line in kept), to]
        lines.append(f"Contact: <sip:x@127.0.0.1:{self.port};transport=UDP>")
        if body:
            lines.append("Content-Type: application/sdp")
        text = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body])
        self.transport.sendto(text.encode(), self._caller)


def described(port: int) -> str:
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    return "\r\n".join([*lines, f"m=audio {port} RTP/AVP 0", ""])


@pytest.fixture
async def trunk() -> AsyncIterator[Trunk]:
    trunk = await Trunk.open()
    yield trunk
    trunk.transport.close()


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    ear = await Ear.open()
    yield ear
    ear.transport.close()


@pytest.fixture
def audio(tmp_path: Path) -> dict[str, str]:
    return {"message": write_message(tmp_path / "a.ulaw", message(0.5))}


async def test_nothing_follows_the_end_of_a_call(voice: Voice, trunk: Trunk, audio: dict[str, str]) -> None:
    """A trunk that was silent for too long rings and answers after all."""
    late = await voice.dial(trunk.port, audio=audio, ring_seconds=1)
    invite = await trunk.next("INVITE", late)
    assert (await voice.ended(late)).reason == "silent"
    trunk.answer(invite, "180 Ringing")
    trunk.answer(await trunk.next("CANCEL", late), "200 OK")
    trunk.answer(invite, "200 OK", described(trunk.port))
    bye = await trunk.next("BYE", late)
    trunk.answer(bye, "200 OK")
    after = await voice.dial(trunk.port, audio=audio)
    trunk.answer(await trunk.next("INVITE", after), "486 Busy Here")
    assert (await voice.ended(after)).reason == "busy"
    assert voice.kinds(late) == ["sent", "ended"]
    assert len(trunk.all("INVITE", late)) <= 2  # one, and timer A's while the trunk was silent


async def test_a_recording_that_the_disk_refuses_ends_no_call(
    own_voice: Voice, trunk: Trunk, ear: Ear
) -> None:
    voice = own_voice
    shutil.rmtree(voice.recordings)
    script = {
        "v": 1,
        "steps": [
            {"do": "record", "name": "r1", "max_ms": 400},
            {"do": "listen", "name": "q1", "timeout_ms": 100},
            {"do": "end"},
        ],
    }
    attempt = await voice.dial(trunk.port, script=script)
    trunk.answer(await trunk.next("INVITE"), "200 OK", described(ear.port))
    assert (await voice.until(attempt, "answer")).state == "pending"
    await ear.say(message(0.5))
    trunk.answer(await trunk.next("BYE"), "200 OK")
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.detail, ended.answers) == ("completed", "not recorded: r1", {"q1": ""})
    answers = [(event.name, event.state) for event in voice.events if event.event == "answer"]
    assert answers == [("r1", "pending"), ("r1", "lost"), ("q1", "given")]
