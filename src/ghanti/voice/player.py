"""Audio to play: raw µ-law 8 kHz files, read and transcoded off the media thread, shared between calls."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ghanti.media import g711
from ghanti.voice import rtp
from ghanti.voice.protocol import Codec
from ghanti.voice.script import BEEP_MS

_BEEP_HZ = 1000
_BEEP_LEVEL = 6000


def _beep() -> bytes:
    time = np.arange(BEEP_MS * g711.SAMPLE_RATE // 1000) / g711.SAMPLE_RATE
    return g711.pcm_to_ulaw((_BEEP_LEVEL * np.sin(2 * np.pi * _BEEP_HZ * time)).astype(np.int16))


BEEP = _beep()
"""The tone after which the callee is to speak."""

# Twenty minutes: G.711 is one byte a sample.
MAX_FILE_BYTES = 20 * 60 * g711.SAMPLE_RATE
_Key = tuple[str, int, int]


class AudioError(Exception):
    """An audio file that is missing, empty, too long or unreadable."""


class AudioCache:
    """A bounded cache by path and modification time: a campaign's message is read once for all its calls."""

    def __init__(self, max_bytes: int = 32 << 20) -> None:
        self._max_bytes = max_bytes
        self._files: OrderedDict[_Key, bytes] = OrderedDict()
        self._lock = threading.Lock()

    async def load(self, path: str, *, keep: bool = True) -> bytes:
        """The file's µ-law bytes; without ``keep`` they are not remembered.

        Raises:
            AudioError: it can't be played.
        """
        return await asyncio.to_thread(self._load, Path(path), keep)

    def _load(self, path: Path, keep: bool) -> bytes:
        try:
            status = path.stat()
            key = (str(path), status.st_mtime_ns, status.st_size)
            with self._lock:
                if key in self._files:
                    self._files.move_to_end(key)
                    return self._files[key]
            if not 0 < status.st_size <= MAX_FILE_BYTES:
                raise AudioError(f"{path} is empty or longer than {MAX_FILE_BYTES} bytes")
            data = path.read_bytes()
        except (OSError, ValueError) as error:
            raise AudioError(f"{path} can't be read: {error}") from error
        if keep:
            self._remember(key, data)
        return data

    def _remember(self, key: _Key, data: bytes) -> None:
        with self._lock:
            self._files[key] = data
            held = sum(map(len, self._files.values()))
            while held > self._max_bytes and len(self._files) > 1:
                held -= len(self._files.popitem(last=False)[1])


class Playback:
    """One audio on its way to the callee, advanced by the media thread; any thread may read its counters."""

    __slots__ = ("_data", "_length", "_position", "finished")

    def __init__(self, ulaw: bytes, codec: Codec, finished: Callable[[], object]) -> None:
        self._length = len(ulaw)
        self._data = ulaw if codec == "PCMU" else ulaw.translate(g711.ULAW_TO_ALAW)
        self._position = 0
        self.finished = finished

    @property
    def total_ms(self) -> int:
        return duration_ms(self._length)

    @property
    def played_ms(self) -> int:
        """How much was sent."""
        return duration_ms(min(self._position, self._length))

    @property
    def over(self) -> bool:
        return self._position >= self._length

    def next(self, silence: bytes) -> bytes:
        """The next 20 ms, the last filled up with silence."""
        chunk = self._data[self._position : self._position + rtp.SAMPLES]
        self._position += rtp.SAMPLES
        return chunk if len(chunk) == rtp.SAMPLES else chunk + silence[len(chunk) :]

    def switch(self, table: bytes) -> None:
        """Go on in the other codec, after the peer changed it in mid-call."""
        self._data = self._data.translate(table)


def duration_ms(length: int) -> int:
    """Milliseconds of so many G.711 bytes."""
    return length * 1000 // g711.SAMPLE_RATE
