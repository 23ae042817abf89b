"""Uploaded audio of any kind to what phones hear: G.711 µ-law at 8 kHz, one channel.

Runs in a process of its own (:mod:`ghanti.media.decoder`): the files are strangers', the library is big.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from ghanti.media import loudness
from ghanti.media.containers import CODECS, HEAD_BYTES, MISSING, Container, container_of, is_cut_off
from ghanti.media.g711 import SAMPLE_RATE, pcm_to_ulaw
from ghanti.media.resample import Signal

KINDS = "wav, mp3, ogg, opus or m4a"

_SHORTEST_SECONDS = 0.1
_BAD_PACKETS = 0.1
"""Of all packets; a few are often rubbish behind the end, such as tags."""

# No protocol has this name, so that a file which names another can have none opened.
_OPTIONS = {"protocol_whitelist": "none", "codec_whitelist": ",".join(CODECS)}


class UndecodableError(ValueError):
    """The file holds no audio that can be played; ``message`` says why, as one sentence for its sender."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class DecodedAudio:
    """What phones hear.

    Attributes:
        ulaw: G.711 µ-law at 8 kHz, without a header.
        ending: the ending that the original's name should have, with the dot.
    """

    ulaw: bytes
    ending: str

    @property
    def ms(self) -> int:
        """Its length in milliseconds."""
        return len(self.ulaw) * 1000 // SAMPLE_RATE


def to_ulaw(file: BinaryIO, longest_seconds: float) -> DecodedAudio:
    """Decode an open file. Nothing else is opened, whatever the file asks for.

    Raises:
        UndecodableError: not one of the kinds that are supported, damaged, a video, or too long.
        MemoryError: it needs more memory than there is.
    """
    head, size = file.read(HEAD_BYTES), file.seek(0, io.SEEK_END)
    container = container_of(head)
    if container is None:
        raise UndecodableError(f"The file is no audio of a supported kind; send {KINDS}.")
    if is_cut_off(head, size):
        raise _cut_off()
    file.seek(0)
    try:
        with av.open(file, "r", format=container.demuxer, options=_OPTIONS) as opened:
            signal = _signal(opened, container, longest_seconds)
    except MemoryError:
        raise
    except av.FFmpegError:
        raise UndecodableError("The file is damaged.") from None
    return DecodedAudio(pcm_to_ulaw(loudness.to_pcm(signal)), container.ending)


def _signal(opened: InputContainer, container: Container, longest_seconds: float) -> Signal:
    """The first audio stream at 8 kHz: float32, shape (samples,), full scale 1."""
    if any(not stream.disposition & Disposition.attached_pic for stream in opened.streams.video):
        raise UndecodableError("The file is a video; send its sound alone.")
    if not opened.streams.audio:
        raise UndecodableError("The file holds no audio.")
    stream = opened.streams.audio[0]
    if stream.codec_context.name not in CODECS:
        raise UndecodableError(f"The audio is encoded in a way that is not supported; send {KINDS}.")
    parts: list[Signal] = []
    samples = 0
    for part in _resampled(opened, stream):
        parts.append(part)
        samples += len(part)
        if samples > longest_seconds * SAMPLE_RATE:
            raise UndecodableError(f"The audio is longer than {longest_seconds:g} s.")
    seconds = samples / SAMPLE_RATE
    stated = _stated_seconds(stream) if container.states_length else 0.0
    if seconds < stated * (1 - MISSING):
        raise _cut_off()
    if seconds < _SHORTEST_SECONDS:
        raise UndecodableError("The file holds no audio.")
    return _finite(np.concatenate(parts))


def _resampled(opened: InputContainer, stream: AudioStream) -> Iterator[Signal]:
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    for frame in _frames(opened, stream):
        # Without time stamps, which say nothing about the sound and may be anything.
        frame.pts = None
        try:
            resampled = resampler.resample(frame)
        except ValueError:
            raise UndecodableError("The audio changes its sampling rate on the way.") from None
        for part in resampled:
            yield part.to_ndarray()[0]
    for part in resampler.resample(None):
        yield part.to_ndarray()[0]


def _frames(opened: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    packets = bad = 0
    for packet in opened.demux(stream):
        packets += 1
        try:
            yield from packet.decode()
        except MemoryError:  # PyAV's is an FFmpegError too, but says nothing about the file.
            raise
        except av.FFmpegError:
            bad += 1
    if bad > max(2, packets * _BAD_PACKETS):
        raise UndecodableError("The file is damaged.")


def _stated_seconds(stream: AudioStream) -> float:
    if stream.duration is None or stream.time_base is None:
        return 0.0
    return float(stream.duration * stream.time_base)


def _cut_off() -> UndecodableError:
    return UndecodableError("The file is damaged: its end is missing.")


def _finite(signal: Signal) -> Signal:
    """Files of floating point numbers may hold what is none; 8 is as far beyond full scale as any is loud."""
    return np.clip(np.nan_to_num(signal, posinf=0, neginf=0), -8, 8)
