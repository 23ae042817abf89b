"""The recording of a whole call: laid out by the clock, and whole on the disk at any time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ghanti.media import g711
from ghanti.voice import call_recording, rtp, sdp
from ghanti.voice.call_recording import CallRecorder, CallRecording
from ghanti.voice.plane import MediaPlane
from ghanti.voice.rtp import Packet
from recordings import read_wav

LOUD = g711.pcm_to_ulaw(np.full(160, 8000, np.int16))
DEADLINE = 30.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def packet(timestamp: int, ssrc: int = 1) -> Packet:
    return Packet(0, False, 0, timestamp % (1 << 32), ssrc, LOUD)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recorder(clock: Clock) -> CallRecorder:
    return CallRecorder("PCMU", 60_000, clock)


def _loud_ms(samples: g711.Pcm) -> list[int]:
    """Where loud packets begin, in milliseconds."""
    return [i * 20 for i in range(len(samples) // 160) if samples[i * 160 : (i + 1) * 160].any()]


def test_time_before_the_first_packet_counts(clock: Clock, recorder: CallRecorder) -> None:
    clock.now += 2
    recorder.add(packet(5_000_000))
    assert _loud_ms(recorder.take()) == [2000]


def test_silence_in_which_nothing_was_sent_counts(clock: Clock, recorder: CallRecorder) -> None:
    recorder.add(packet(0))
    clock.now += 30
    recorder.add(packet(30 * 8000))
    assert _loud_ms(recorder.take()) == [0, 30_000]


def test_what_was_taken_is_continued(clock: Clock, recorder: CallRecorder) -> None:
    for index in range(10):
        recorder.add(packet(160 * index))
    first = recorder.take(800)
    # One that comes late and is still kept, one that was taken already.
    recorder.add(packet(160 * 8))
    recorder.add(packet(160))
    clock.now += 0.2
    recorder.add(packet(160 * 10))
    assert (len(first), recorder.taken) == (800, 800)
    assert _loud_ms(np.concatenate([first, recorder.take()])) == [20 * index for index in range(11)]


@pytest.mark.parametrize(("timestamp", "ssrc"), [(3_000_000_000, 1), (160, 2), (-3_000_000, 1)])
def test_a_new_stream_goes_on_at_the_clock(
    clock: Clock, recorder: CallRecorder, timestamp: int, ssrc: int
) -> None:
    recorder.add(packet(0))
    clock.now += 4
    recorder.add(packet(timestamp, ssrc))
    recorder.add(packet(timestamp + 160, ssrc))
    assert _loud_ms(recorder.take()) == [0, 4000, 4020]


def test_timestamps_cannot_make_it_longer_than_the_call(clock: Clock, recorder: CallRecorder) -> None:
    for index in range(100):
        recorder.add(packet(index * 50_000))
    assert recorder.ms < 4000


def test_it_ends_at_its_limit_what_was_taken_included(clock: Clock) -> None:
    recorder = CallRecorder("PCMU", 100, clock)
    recorder.add(packet(0))
    taken = len(recorder.take())
    recorder.limit_to(60)
    for index in range(1, 10):
        recorder.add(packet(160 * index))
    assert taken + len(recorder.take()) == 60 * 8


@pytest.fixture
def plane() -> Iterator[MediaPlane]:
    plane = MediaPlane("127.0.0.1")
    plane.start()
    yield plane
    plane.stop()


async def test_the_file_is_whole_after_each_write(
    plane: MediaPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_recording, "WRITE_SECONDS", 0.05)
    path = tmp_path / "call.wav"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as callee:
        callee.bind(("127.0.0.1", 0))
        callee.setblocking(False)
        stream = plane.open(lambda key: None)
        media = sdp.parse(sdp.describe("127.0.0.1", callee.getsockname()[1], ["PCMU"], session=1))
        plane.submit(lambda: stream.connect(media, "PCMU", False))
        recording = CallRecording(path, plane, stream, "PCMU", 60_000)
        async with asyncio.timeout(DEADLINE):
            for index in range(60):
                datagram = rtp.build(0, False, index, 160 * index, 7, LOUD)
                callee.sendto(datagram, ("127.0.0.1", stream.port))
                await asyncio.sleep(0.02)
            while not recording.ms:  # noqa: ASYNC110 - a file has no event
                await asyncio.sleep(0.02)
            meanwhile = len(read_wav(path))
            await recording.close()
        plane.close(stream)
    heard = read_wav(path)
    assert 0 < meanwhile < len(heard)
    assert recording.ms == len(heard) // 8
    assert np.abs(heard[-160:]).min() > 7000


async def test_a_disk_that_refuses_does_not_matter_to_the_call(plane: MediaPlane, tmp_path: Path) -> None:
    stream = plane.open(lambda key: None)
    recording = CallRecording(tmp_path / "none" / "call.wav", plane, stream, "PCMU", 60_000)
    await asyncio.wait_for(recording.close(), DEADLINE)
    plane.close(stream)
    assert recording.ms == 0
