"""Audio files of every kind that people upload, made by PyAV from one sound."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float64]

KINDS: dict[str, tuple[str, str, int, str]] = {
    "mp3": ("mp3", "libmp3lame", 44_100, "stereo"),
    "mp3-mono": ("mp3", "libmp3lame", 16_000, "mono"),
    "m4a": ("ipod", "aac", 44_100, "stereo"),
    "vorbis": ("ogg", "vorbis", 44_100, "stereo"),
    "opus": ("ogg", "libopus", 48_000, "mono"),
    "wav-s16-stereo": ("wav", "pcm_s16le", 44_100, "stereo"),
    "wav-s16": ("wav", "pcm_s16le", 8000, "mono"),
    "wav-u8": ("wav", "pcm_u8", 22_050, "mono"),
    "wav-s24": ("wav", "pcm_s24le", 48_000, "stereo"),
    "wav-float": ("wav", "pcm_f32le", 44_100, "stereo"),
    "wav-ulaw": ("wav", "pcm_mulaw", 8000, "mono"),
}
"""Container, encoder, sampling rate in Hz, channels."""


def sound(seconds: float, rate: int = 8000, seed: int = 1) -> Sound:
    """Something as lively as speech, below 3 kHz: the same sound at every rate, full scale 1."""
    chance = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    total = np.zeros(len(time))
    for _ in range(40):
        pitch, phase, beat = chance.uniform(150, 3000), chance.uniform(0, 6.28), chance.uniform(0.5, 4)
        total += np.sin(2 * np.pi * pitch * time + phase) * np.sin(2 * np.pi * beat * time + phase) ** 2
    return total * (0.5 / np.abs(total).max(initial=1e-9))


def as_pcm(signal: Sound) -> npt.NDArray[np.int16]:
    return np.rint(signal * 32767).astype(np.int16)


def audio_file(kind: str, seconds: float = 3.0, *, seed: int = 1, gain: float = 1.0) -> bytes:
    """A file of one of the ``KINDS`` with the sound of ``seed``."""
    rate = KINDS[kind][2]
    return encoded(kind, sound(seconds, rate, seed) * gain)


def encoded(kind: str, signal: Sound) -> bytes:
    """A file of one of the ``KINDS``; the signal is at its rate, on all its channels."""
    container, codec, rate, layout = KINDS[kind]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=rate)
        stream.layout = layout
        stream.codec_context.options = {"strict": "-2"}  # FFmpeg calls its own Vorbis encoder experimental
        for frame in _frames(signal, rate, layout, stream):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def _frames(signal: Sound, rate: int, layout: str, stream: Any) -> list[av.AudioFrame]:
    channels = 2 if layout == "stereo" else 1
    planes = np.repeat(signal.astype(np.float32)[None, :], channels, axis=0)
    whole = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
    whole.rate = rate
    fifo = av.AudioFifo()
    for part in av.AudioResampler(format=stream.format, layout=layout, rate=rate).resample(whole):
        fifo.write(part)
    frames = []
    while (frame := fifo.read(stream.codec_context.frame_size or 1024, partial=True)) is not None:
        frames.append(frame)
    return frames
