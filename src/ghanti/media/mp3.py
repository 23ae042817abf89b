"""MP3 of what phones hear, for browsers to play."""

from __future__ import annotations

import lameenc

from ghanti.media.g711 import SAMPLE_RATE, Pcm

_KILOBITS = 32
_QUALITY = 5
"""Of LAME's 0 (best) to 9 (fastest)."""


def mp3_bytes(pcm: Pcm) -> bytes:
    """An MP3 file of one channel at 8 kHz; ``pcm`` is int16, shape (samples,)."""
    encoder = lameenc.Encoder()
    encoder.silence()
    encoder.set_channels(1)
    encoder.set_in_sample_rate(SAMPLE_RATE)
    encoder.set_bit_rate(_KILOBITS)
    encoder.set_quality(_QUALITY)
    return bytes(encoder.encode(pcm.astype("<i2").tobytes()) + encoder.flush())
