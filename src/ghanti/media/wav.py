"""WAV files of one channel and 16 bits, the form in which people listen to calls."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np

from ghanti.media.g711 import SAMPLE_RATE, Pcm


def wav_bytes(pcm: Pcm, rate: int = SAMPLE_RATE) -> bytes:
    """A WAV file of one channel; ``pcm`` is int16, shape (samples,), ``rate`` in Hz."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype("<i2").tobytes())
    return buffer.getvalue()


def read_wav(source: Path | bytes) -> tuple[Pcm, int]:
    """Samples (int16, shape (samples,)) and rate in Hz of a WAV file.

    Raises:
        ValueError: not a WAV file, or not one channel of 16-bit linear PCM.
    """
    data = source if isinstance(source, bytes) else source.read_bytes()
    try:
        with wave.open(io.BytesIO(data), "rb") as file:
            if file.getnchannels() != 1 or file.getsampwidth() != 2:
                raise ValueError(f"{file.getnchannels()} channels of {file.getsampwidth()} bytes a sample")
            frames = file.readframes(file.getnframes())
            return np.frombuffer(frames[: len(frames) & ~1], "<i2").astype(np.int16), file.getframerate()
    except (wave.Error, EOFError) as error:
        raise ValueError(f"not a WAV file: {error}") from error
