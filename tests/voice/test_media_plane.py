"""The media thread over real sockets: playing, key presses, sources, hold, codec changes."""

from __future__ import annotations

import asyncio
import os
import queue
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ghanti.media import g711
from ghanti.voice import rtp, sdp
from ghanti.voice.plane import MediaPlane
from ghanti.voice.player import AudioCache, AudioError, Playback
from ghanti.voice.recorder import Recorder
from ghanti.voice.stream import Stream

DEADLINE = 20.0
AUDIO = bytes(range(1, 255)) * 4


class Peer:
    """A callee's socket."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(DEADLINE)
        self.sock.bind((address, 0))
        self.port: int = self.sock.getsockname()[1]

    def media(self, **changes: object) -> sdp.Media:
        fields: dict[str, object] = {"host": "127.0.0.1", "port": self.port, "telephone_event": 101}
        codecs = {"PCMU": 0, "PCMA": 8}
        return sdp.Media(**(fields | {"codecs": codecs} | changes))  # type: ignore[arg-type]

    def next(self) -> rtp.Packet:
        packet = rtp.parse(self.sock.recv(2048))
        assert packet is not None
        return packet

    def until(self, payload: bytes) -> rtp.Packet:
        while (packet := self.next()).payload != payload:
            pass
        return packet

    def press(self, stream: Stream, digit: int) -> None:
        self.send(stream, rtp.build(101, True, 1, digit * 4000, 9, bytes([digit, 10, 0, 160])))

    def send(self, stream: Stream, datagram: bytes) -> None:
        self.sock.sendto(datagram, ("127.0.0.1", stream.port))


@pytest.fixture
def plane() -> Iterator[MediaPlane]:
    plane = MediaPlane("127.0.0.1")
    plane.start()
    yield plane
    plane.stop()


@pytest.fixture
def peers() -> Iterator[list[Peer]]:
    peers = [Peer(), Peer()]
    yield peers
    for peer in peers:
        peer.sock.close()


@pytest.fixture
def keys() -> queue.Queue[str]:
    return queue.Queue()


@pytest.fixture
def stream(plane: MediaPlane, keys: queue.Queue[str]) -> Stream:
    return plane.open(keys.put)


def connect(plane: MediaPlane, stream: Stream, media: sdp.Media, symmetric: bool = False) -> None:
    plane.submit(lambda: stream.connect(media, "PCMU", symmetric))


def test_an_audio_is_sent_whole_between_silence(plane: MediaPlane, stream: Stream, peers: list[Peer]) -> None:
    done: queue.Queue[bool] = queue.Queue()
    playback = Playback(AUDIO, "PCMU", lambda: done.put(True))
    connect(plane, stream, peers[0].media())
    plane.submit(lambda: stream.play(playback))
    assert done.get(timeout=DEADLINE)
    heard = b"".join(peers[0].next().payload for _ in range(10)).strip(bytes([g711.ULAW_SILENCE]))
    assert heard == AUDIO
    assert playback.played_ms == playback.total_ms == 127


def test_a_stopped_audio_stays_counted(plane: MediaPlane, stream: Stream, peers: list[Peer]) -> None:
    playback = Playback(AUDIO * 100, "PCMU", lambda: None)
    connect(plane, stream, peers[0].media())
    plane.submit(lambda: stream.play(playback))
    peers[0].until(AUDIO[:160])
    plane.submit(lambda: stream.stop_playing(playback))
    peers[0].until(bytes([g711.ULAW_SILENCE]) * 160)
    assert 20 <= playback.played_ms < playback.total_ms
    counted = playback.played_ms
    peers[0].next()
    assert playback.played_ms == counted


def test_hold_pauses_and_resumes_where_it_was(plane: MediaPlane, stream: Stream, peers: list[Peer]) -> None:
    playback = Playback(AUDIO * 100, "PCMU", lambda: None)
    connect(plane, stream, peers[0].media())
    plane.submit(lambda: stream.play(playback))
    before = peers[0].until(AUDIO[:160])
    held = queue.SimpleQueue[int]()
    connect(plane, stream, peers[0].media(direction="sendonly"))
    plane.submit(lambda: held.put(playback.played_ms))
    paused_at = held.get(timeout=DEADLINE)
    # Another stream's packets tell that ticks go by.
    clock = plane.open(lambda key: None)
    connect(plane, clock, peers[1].media())
    for _ in range(5):
        peers[1].next()
    assert playback.played_ms == paused_at
    connect(plane, stream, peers[0].media())
    packets = [before]
    while not packets[-1].marker or len(packets) == 1:
        packets.append(peers[0].next())
    resumed, last = packets[-1], packets[-2]
    assert resumed.sequence == (last.sequence + 1) % (1 << 16)
    assert rtp.later(last.timestamp, resumed.timestamp) > 160
    position = paused_at * 8
    assert resumed.payload == (AUDIO * 100)[position : position + 160]


def test_a_codec_change_goes_on_in_the_other_law(
    plane: MediaPlane, stream: Stream, peers: list[Peer]
) -> None:
    playback = Playback(AUDIO * 100, "PCMU", lambda: None)
    connect(plane, stream, peers[0].media())
    plane.submit(lambda: stream.play(playback))
    peers[0].until(AUDIO[:160])
    plane.submit(lambda: stream.connect(peers[0].media(), "PCMA", False))
    while (packet := peers[0].next()).payload_type == 0:
        pass
    assert packet.payload_type == 8
    position = (AUDIO * 100).translate(g711.ULAW_TO_ALAW).find(packet.payload)
    assert position >= 160


def test_keys_of_the_first_source_only(
    plane: MediaPlane, stream: Stream, peers: list[Peer], keys: queue.Queue[str]
) -> None:
    callee, stranger = peers
    connect(plane, stream, callee.media())
    callee.next()
    callee.press(stream, 1)
    assert keys.get(timeout=DEADLINE) == "1"
    stranger.press(stream, 2)
    callee.press(stream, 3)
    assert keys.get(timeout=DEADLINE) == "3"


def test_the_signalled_source_takes_over(
    plane: MediaPlane, stream: Stream, peers: list[Peer], keys: queue.Queue[str]
) -> None:
    callee, stranger = peers
    connect(plane, stream, callee.media())
    callee.next()
    stranger.press(stream, 2)
    assert keys.get(timeout=DEADLINE) == "2"
    callee.press(stream, 3)
    assert keys.get(timeout=DEADLINE) == "3"
    stranger.press(stream, 4)
    callee.press(stream, 5)
    assert keys.get(timeout=DEADLINE) == "5"


def test_symmetric_rtp_follows_the_source(
    plane: MediaPlane, stream: Stream, peers: list[Peer], keys: queue.Queue[str]
) -> None:
    signalled, actual = peers
    connect(plane, stream, signalled.media(), symmetric=True)
    signalled.next()
    actual.press(stream, 7)
    assert keys.get(timeout=DEADLINE) == "7"
    assert actual.next().payload_type == 0


def test_nothing_is_heard_before_the_answer(
    plane: MediaPlane, stream: Stream, peers: list[Peer], keys: queue.Queue[str]
) -> None:
    peers[0].press(stream, 1)
    # A connected stream's packet shows that the datagram before was read and dropped.
    witness: queue.Queue[str] = queue.Queue()
    other = plane.open(witness.put)
    connect(plane, other, peers[1].media())
    peers[1].next()
    peers[1].press(other, 2)
    assert witness.get(timeout=DEADLINE) == "2"
    connect(plane, stream, peers[0].media())
    peers[0].next()
    peers[0].press(stream, 3)
    assert keys.get(timeout=DEADLINE) == "3"


def test_junk_does_not_end_the_thread(
    plane: MediaPlane, stream: Stream, peers: list[Peer], keys: queue.Queue[str]
) -> None:
    connect(plane, stream, peers[0].media())
    peers[0].next()
    for length in (0, 1, 11, 12, 500):
        peers[0].send(stream, os.urandom(length))
    for first in (0x80, 0x90, 0xA0, 0xBF):
        peers[0].send(stream, bytes([first, 101]) + os.urandom(11))
    while not keys.empty():
        keys.get()
    peers[0].press(stream, 9)
    pressed = keys.get(timeout=DEADLINE)
    while pressed != "9":
        pressed = keys.get(timeout=DEADLINE)


def test_a_full_recording_tells(plane: MediaPlane, stream: Stream, peers: list[Peer]) -> None:
    full: queue.Queue[bool] = queue.Queue()
    recorder = Recorder("PCMU", 40, None)
    connect(plane, stream, peers[0].media())
    plane.submit(lambda: stream.record(recorder, lambda: full.put(True)))
    peers[0].next()
    for index in range(3):
        peers[0].send(stream, rtp.build(0, False, index, index * 160, 1, AUDIO[:160]))
    assert full.get(timeout=DEADLINE)
    assert recorder.ms == 40


def test_a_closed_stream_frees_its_port(plane: MediaPlane, stream: Stream) -> None:
    closed: queue.Queue[bool] = queue.Queue()
    plane.close(stream)
    plane.close(stream)
    plane.submit(lambda: closed.put(True))
    assert closed.get(timeout=DEADLINE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
        again.bind(("127.0.0.1", stream.port))


def test_a_range_without_a_free_port(peers: list[Peer]) -> None:
    plane = MediaPlane("127.0.0.1", range(peers[0].port, peers[0].port + 1))
    plane.start()
    with pytest.raises(OSError, match="no port"):
        plane.open(lambda key: None)
    plane.stop()


async def test_audio_is_read_again_once_it_changed(tmp_path: Path) -> None:
    cache, path = AudioCache(max_bytes=1000), tmp_path / "a.ulaw"
    path.write_bytes(b"one" * 100)
    first = await cache.load(str(path))
    assert await cache.load(str(path)) is first
    path.write_bytes(b"other" * 100)
    assert await cache.load(str(path)) == b"other" * 100


async def test_what_is_not_to_be_kept_is_read_each_time(tmp_path: Path) -> None:
    cache, path = AudioCache(max_bytes=1000), tmp_path / "a.ulaw"
    path.write_bytes(b"code" * 100)
    once = await cache.load(str(path), keep=False)
    assert await cache.load(str(path)) is not once


async def test_the_cache_is_bounded(tmp_path: Path) -> None:
    cache = AudioCache(max_bytes=1000)
    paths = [tmp_path / f"{number}.ulaw" for number in range(4)]
    for path in paths:
        path.write_bytes(bytes(400))
    loaded = [await cache.load(str(path)) for path in paths]
    assert await cache.load(str(paths[3])) is loaded[3]
    assert await cache.load(str(paths[0])) is not loaded[0]


async def test_files_that_cannot_be_played(tmp_path: Path) -> None:
    cache = AudioCache()
    (tmp_path / "empty").touch()
    for path in (tmp_path / "none", tmp_path / "empty", tmp_path, "nul\0"):
        with pytest.raises(AudioError):
            await asyncio.wait_for(cache.load(str(path)), DEADLINE)
