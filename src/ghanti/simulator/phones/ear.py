"""What one answered phone hears, into a WAV file, and what it says: a soft tone, or a recording."""

from __future__ import annotations

import itertools
import re
import wave
from pathlib import Path
from typing import BinaryIO

import numpy as np
from baresip import AudioNotActive, AudioRestarted
from baresip.audio import CallAudio

SAMPLE_RATE = 8000
TONE_HERTZ = 400
_TONE_PEAK = 1000
_READ = 16_384
_WRITE = 8_000

_second = np.arange(SAMPLE_RATE) / SAMPLE_RATE
# Whole periods in a second, so that it repeats without a click.
TONE = (_TONE_PEAK * np.sin(2 * np.pi * TONE_HERTZ * _second)).astype("<i2").tobytes()


def open_recording(folder: Path, number: str) -> tuple[Path, BinaryIO]:
    """Create the next free ``<number>-<n>.wav``, n from 1."""
    name = re.sub(r"[^0-9A-Za-z+*#_-]", "_", number)[:64] or "_"
    for n in itertools.count(1):
        path = folder / f"{name}-{n}.wav"
        try:
            return path, path.open("xb")
        except FileExistsError:
            continue
    raise AssertionError("unreachable")


def read_voice(path: Path) -> bytes:
    """The samples of a WAV file.

    Raises:
        ValueError: it is not of 8 kHz, mono and 16 bits, or it is empty.
    """
    with wave.open(str(path), "rb") as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (SAMPLE_RATE, 1, 2):
            raise ValueError(f"{path} is not of 8 kHz, mono and 16 bits")
        samples = file.readframes(file.getnframes())
    if not samples:
        raise ValueError(f"{path} is empty")
    return samples


class Ear:
    """Moves one call's audio: 8 kHz, mono, 16 bits both ways.

    Args:
        audio: the call's streams.
        file: where the WAV goes; closed by `close`.
        says: samples that it says from the answer on, again and again.
    """

    def __init__(self, audio: CallAudio, file: BinaryIO, says: bytes = TONE) -> None:
        self._audio, self._file, self._says = audio, file, says
        self._wav = wave.Wave_write(file)
        self._wav.setnchannels(1)
        self._wav.setsampwidth(2)
        self._wav.setframerate(SAMPLE_RATE)
        self._spoken = 0

    def tick(self) -> None:
        """Write what was heard since the last tick, and speak as far ahead as the stack's buffer takes."""
        try:
            self._wav.writeframesraw(self._audio.read(_READ))
            start = self._spoken % len(self._says)
            self._spoken += self._audio.write(self._says[start : start + _WRITE])
        except (AudioNotActive, AudioRestarted):
            return

    def close(self) -> None:
        self.tick()
        self._wav.close()
        self._file.close()
