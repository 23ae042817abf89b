"""What the socket promises: one call a leg, every event until it is acked, whoever dies."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
import uuid
from pathlib import Path

import pytest
from voice_peers import DEADLINE, PLAY, Phones, Voice, Voices, message, write_message

from ghanti.voice.client import VoiceClient, VoiceGoneError

pytestmark = pytest.mark.peers


@pytest.fixture
def voice(own_voice: Voice) -> Voice:
    return own_voice


# A dialler in miniature: dials, prints each event, acks none but the first, and waits to be killed.
DIALLER = """
import asyncio, json, sys
from pathlib import Path
from ghanti.voice.client import VoiceClient
from ghanti.voice.protocol import Dial

async def main():
    client = await VoiceClient.connect(Path(sys.argv[1]))
    await client.dial(Dial.model_validate(json.loads(sys.argv[2])))
    async for event in client.events():
        print(event.seq, event.event, flush=True)
        if event.seq == 1:
            await client.ack(1)

asyncio.run(main())
"""


async def test_a_killed_dialler_finds_its_call_and_events_again(
    voice: Voice, phone: Phones, tmp_path: Path
) -> None:
    callee = await phone("answer")
    attempt = uuid.uuid4()
    order = {
        "attempt": str(attempt),
        "leg": 1,
        "call_id": str(attempt),
        "send_by": time.time() + 10,
        "to": "+9779841000000",
        "from": "+97715970425",
        "trunk": {"host": "127.0.0.1", "port": callee.port},
        "script": PLAY,
        "audio": {"message": write_message(tmp_path / "a.ulaw", message(4.0))},
    }
    dialler = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DIALLER, voice.socket, json.dumps(order), stdout=asyncio.subprocess.PIPE
    )
    assert dialler.stdout is not None
    told = []
    async with asyncio.timeout(DEADLINE):
        while not told or told[-1][1] != "answered":
            told.append((await dialler.stdout.readline()).decode().split())
    dialler.send_signal(signal.SIGKILL)
    await dialler.wait()

    await voice.reconnect()
    assert voice.client.welcome.calls == [attempt]
    await voice.dial(callee.port, attempt=attempt, audio=order["audio"])
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.played_ms) == ("completed", 4000)
    sequence = [event.seq for event in voice.events]
    assert sequence == sorted(set(sequence))
    assert [kind for kind in voice.kinds(attempt) if kind != "played"] == ["ringing", "answered", "ended"]
    # One call reached the phone: SIPp was told to expect one, and ended after it.
    assert await callee.succeeded()
    await voice.reconnect()
    assert voice.client.welcome.calls == []


async def test_a_second_dialler_replaces_the_first(voice: Voice) -> None:
    first = voice.client
    voice.client = await VoiceClient.connect(voice.socket)
    with pytest.raises(VoiceGoneError):
        await anext(first.events())
    await first.close()
    attempt = await voice.dial(9, send_by=0, script={"v": 1, "steps": [{"do": "end"}]})
    assert (await voice.ended(attempt)).reason == "too_late"


async def test_what_cannot_be_dialled_is_not_sent(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("answer")
    good = write_message(tmp_path / "a.ulaw", message(1.0))
    (tmp_path / "empty.ulaw").touch()
    for changes, reason in (
        ({"send_by": time.time() - 1, "audio": {"message": good}}, "too_late"),
        ({"audio": {"message": str(tmp_path / "none.ulaw")}}, "audio"),
        ({"audio": {"message": str(tmp_path / "empty.ulaw")}}, "audio"),
        ({"audio": {"message": "/dev/null\0"}}, "audio"),
        ({"audio": {}}, "audio"),
        ({"audio": {"message": good}, "trunk": {"host": "nowhere.invalid"}}, "unresolvable"),
    ):
        ended = await voice.ended(await voice.dial(callee.port, **changes))
        assert (ended.reason, ended.not_sent) == (reason, True)
        assert voice.kinds(ended.attempt) == ["ended"]
    assert callee.process.returncode is None


async def test_a_leg_declared_void_is_never_placed(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("answer")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    attempt = uuid.uuid4()
    await voice.client.void(attempt)
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.not_sent) == ("void", True)
    await voice.dial(callee.port, attempt=attempt, audio=audio)
    placed = await voice.dial(callee.port, audio=audio)
    await voice.client.void(placed)
    assert (await voice.ended(placed)).reason == "completed"
    assert voice.kinds(attempt) == ["ended"]
    # SIPp was told to expect one call, and had it.
    assert await callee.succeeded()


async def test_a_malformed_dial_ends_unsent(voice: Voice) -> None:
    attempt = uuid.uuid4()
    reader, writer = await asyncio.open_unix_connection(voice.socket)
    dial = {"type": "dial", "attempt": str(attempt), "leg": 1, "to": "0\r\nX: y"}
    for frame in ({"type": "hello", "v": 2}, dial, dial):
        writer.write(json.dumps(frame).encode() + b"\n")
    writer.write(b"\xff\xfe nonsense\n")
    async with asyncio.timeout(DEADLINE):
        frames = [json.loads(await reader.readline()) for _ in range(3)]
    writer.close()
    assert [frame["type"] for frame in frames] == ["hello", "event", "error"] or [
        frame["type"] for frame in frames
    ] == ["hello", "error", "event"]
    (event,) = [frame for frame in frames if frame["type"] == "event"]
    assert (event["attempt"], event["reason"], event["not_sent"]) == (str(attempt), "malformed", True)


async def test_capacity_is_a_limit(start_voice: Voices, phone: Phones, tmp_path: Path) -> None:
    voice = await start_voice("--capacity", "1")
    callee = await phone("answer")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(2.0))}
    first = await voice.dial(callee.port, audio=audio)
    second = await voice.ended(await voice.dial(callee.port, audio=audio))
    assert (second.reason, second.not_sent) == ("capacity", True)
    assert (await voice.ended(first)).reason == "completed"


async def test_sigterm_lets_calls_end(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("answer")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(2.0))}
    attempt = await voice.dial(callee.port, audio=audio)
    await voice.until(attempt, "answered")
    voice.process.terminate()
    await voice.says("draining")
    refused = await voice.dial(callee.port, audio=audio)
    ends = {}
    while len(ends) < 2:
        ended = await voice.next_end()
        ends[ended.attempt] = ended.reason
    assert ends == {attempt: "completed", refused: "draining"}
    async with asyncio.timeout(DEADLINE):
        assert await voice.process.wait() == 0
    assert not voice.socket.exists()


async def test_sigterm_twice_hangs_up(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("answer")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(60.0))}
    attempt = await voice.dial(callee.port, audio=audio)
    await voice.until(attempt, "played")
    voice.process.terminate()
    await voice.says("draining")
    refused = await voice.dial(callee.port, audio=audio)
    assert (await voice.ended(refused)).reason == "draining"
    voice.process.terminate()
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.hungup_by) == ("shutdown", "us")
    assert await callee.succeeded()


async def test_one_socket_has_one_voice_process(voice: Voice, start_voice: Voices) -> None:
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ghanti.voice", "--socket", voice.socket, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(DEADLINE):
        _, told = await second.communicate()
    assert second.returncode == 3
    assert b"another voice process serves" in told
    # The first still answers, and after its violent end the path is free again.
    await (await VoiceClient.connect(voice.socket)).close()
    voice.process.kill()
    await voice.process.wait()
    assert voice.socket.exists()
    await voice.client.close()
    await start_voice()
    assert voice.socket.stat().st_mode & 0o777 == 0o600


async def test_a_peer_that_vanishes_is_hung_up(start_voice: Voices, phone: Phones, tmp_path: Path) -> None:
    voice = await start_voice("--rtp-timeout", "1")
    callee = await phone("answer")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(60.0))}
    ended = await voice.ended(await voice.dial(callee.port, audio=audio))
    assert (ended.reason, ended.hungup_by) == ("rtp_timeout", "network")
    assert await callee.succeeded()


async def test_rtp_ports_stay_in_their_range(start_voice: Voices, phone: Phones, tmp_path: Path) -> None:
    voice = await start_voice("--rtp-ports", "39000-39019")
    callee = await phone("answer")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(0.5))}
    assert (await voice.ended(await voice.dial(callee.port, audio=audio))).reason == "completed"
    assert {source[1] in range(39000, 39020) for _, _, source in callee.ear.packets} == {True}
