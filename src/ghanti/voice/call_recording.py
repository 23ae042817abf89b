"""The callee's side of a whole call, written to disk while it goes on.

The file is a whole .wav after each write, so that of a process that is killed what was written stays.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ghanti.media import g711
from ghanti.voice import rtp
from ghanti.voice.plane import MediaPlane
from ghanti.voice.protocol import Codec
from ghanti.voice.recorder import BYTES_PER_MS, Recorder
from ghanti.voice.stream import Stream

logger = logging.getLogger(__name__)

WRITE_SECONDS = 1.0
_LATE_SAMPLES = g711.SAMPLE_RATE // 2
"""How far behind the newest a packet may come and still be written where it belongs."""
_AHEAD_SAMPLES = g711.SAMPLE_RATE
"""How far before the clock a packet may be: callers send at the speed at which they speak."""

_LEAP_SAMPLES = 10 * g711.SAMPLE_RATE
"""A timestamp that goes back further than this belongs to a new stream, not to a late packet."""

# RIFF header of mono 16-bit linear PCM at 8 kHz; the two sizes are those of all that follows.
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_SAMPLE_BYTES = 2


class CallRecorder(Recorder):
    """Lays packets out by the time since the answer: who is silent, and sends nothing, takes time too.

    Positions count from what was taken already, ``taken`` samples after the answer.
    """

    def __init__(self, codec: Codec, max_ms: int, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(codec, max_ms, None)
        self._clock = clock
        self._answered_at = clock()
        self.taken = 0

    def take(self, keep: int = 0) -> g711.Pcm:
        """See :meth:`Recorder.take`."""
        samples = super().take(keep)
        self.taken += len(samples)
        return samples

    def limit_to(self, max_ms: int) -> None:
        """Record so much of the call, what was taken already included."""
        self._limit = max_ms * BYTES_PER_MS - self.taken

    def _listen(self, payload: bytes, end: int) -> None:
        """Nobody asks, and it would cost the media thread more than all else that is done with a packet."""

    def _offset(self, packet: rtp.Packet) -> int:
        now = int((self._clock() - self._answered_at) * g711.SAMPLE_RATE) - self.taken
        newest = max(now, len(self._data))
        if self._base is not None and packet.ssrc == self._ssrc:
            offset = rtp.later(self._base, packet.timestamp)
            if -_LEAP_SAMPLES < offset < newest + _AHEAD_SAMPLES:
                return offset
        self._base, self._ssrc = (packet.timestamp - newest) % (1 << 32), packet.ssrc
        return newest


class CallRecording:
    """One file in the making. Its methods run on the event loop; disk and media thread do the work."""

    def __init__(self, path: Path, plane: MediaPlane, stream: Stream, codec: Codec, max_ms: int) -> None:
        self.path = path
        self._plane = plane
        self._recorder = CallRecorder(codec, max_ms)
        self._samples = 0
        self._file: BinaryIO | None = None
        self._closing = asyncio.Event()
        plane.submit(lambda: stream.record_all(self._recorder))
        self._writing = asyncio.create_task(self._write_all())

    @property
    def ms(self) -> int:
        """How much is on the disk."""
        return self._samples // BYTES_PER_MS

    def limit_to(self, max_ms: int) -> None:
        """Record so much of the call."""
        self._plane.submit(lambda: self._recorder.limit_to(max_ms))

    async def close(self) -> None:
        """Bring what is left to the disk, which may have refused some before: then ``ms`` is what it has."""
        self._closing.set()
        await self._writing

    async def _write_all(self) -> None:
        try:
            closing = False
            while not closing:
                closing = self._closing.is_set()
                samples = await self._taken(0 if closing else _LATE_SAMPLES)
                await asyncio.to_thread(self._append, samples)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), WRITE_SECONDS)
        except OSError as error:
            logger.error("%s is not written any further: %s", self.path.name, error)
        finally:
            if self._file is not None:
                with contextlib.suppress(OSError):
                    self._file.close()

    async def _taken(self, keep: int) -> g711.Pcm:
        loop = asyncio.get_running_loop()
        taken: asyncio.Future[g711.Pcm] = loop.create_future()

        def take() -> None:
            samples = self._recorder.take(keep)
            loop.call_soon_threadsafe(lambda: None if taken.done() else taken.set_result(samples))

        self._plane.submit(take)
        return await taken

    def _append(self, samples: g711.Pcm) -> None:
        if self._file is None:
            self._file = self.path.open("xb")
            self._file.write(_header(0))
        self._file.seek(0, os.SEEK_END)
        self._file.write(samples.astype("<i2").tobytes())
        self._file.flush()
        self._file.seek(0)
        self._file.write(_header((self._samples + len(samples)) * _SAMPLE_BYTES))
        self._file.flush()
        self._samples += len(samples)


def _header(size: int) -> bytes:
    rate = g711.SAMPLE_RATE
    return _HEADER.pack(
        *(b"RIFF", _HEADER.size - 8 + size, b"WAVE"),
        *(b"fmt ", 16, 1, 1, rate, rate * _SAMPLE_BYTES, _SAMPLE_BYTES, 8 * _SAMPLE_BYTES),
        *(b"data", size),
    )
