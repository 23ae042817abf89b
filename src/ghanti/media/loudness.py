"""How loud uploaded audio is played: as speech on a phone should be, whatever it was recorded with."""

from __future__ import annotations

import numpy as np

from ghanti.media.g711 import SAMPLE_RATE, Pcm
from ghanti.media.resample import Signal

_TARGET = 10 ** (-19 / 20)
"""Level of what is not silence, of full scale: where telephone networks want speech (ITU-T G.169)."""

_PEAK = 10 ** (-1 / 20)
_MOST = 10 ** (20 / 20)
_LEAST = 10 ** (-60 / 20)
"""Below this all is noise, which is not made louder."""

_FRAME = SAMPLE_RATE // 50
_PAUSE = 10 ** (-30 / 20)
"""A frame this far below the loudest is a pause."""


def to_pcm(signal: Signal) -> Pcm:
    """16-bit samples of float32 ones at 8 kHz, shape (samples,), full scale 1.

    One gain for all: the dynamics stay as they are, and nothing is clipped.
    """
    level, peak = _level(signal), float(np.abs(signal).max(initial=0))
    gain = min(_TARGET / level, _MOST) if level > _LEAST else 1.0
    if peak * gain > _PEAK:
        gain = _PEAK / peak
    pcm: Pcm = np.rint(signal * (gain * 32767)).astype(np.int16)
    return pcm


def _level(signal: Signal) -> float:
    """Root mean square of the frames that are no pauses."""
    whole = signal[: len(signal) // _FRAME * _FRAME].reshape(-1, _FRAME)
    if not len(whole):
        return 0.0
    levels = np.sqrt(np.mean(whole**2, axis=1))
    active = levels[levels >= levels.max() * _PAUSE]
    return float(np.sqrt(np.mean(active**2)))
