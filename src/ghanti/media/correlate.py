"""Was it this message? A far end's recording compared with what was rendered for it.

Messages of one campaign share most of their words, so the correlation of whole signals says little:
where a long common passage lines up, it is high for anybody's message. The measure here asks instead
whether *every* part is there, in its place:

1. The lag of either sign at which the whole signals fit best comes from one FFT cross-correlation.
2. The expected message is cut into half-overlapping windows of 0.3 s. Silent ones, and ones
   that the recording doesn't wholly cover, don't count: a recording may begin late or end early.
3. Each window's normalised correlation is taken at that lag. Where another lag within 60 ms fits
   almost perfectly, the far end's jitter buffer slipped there, and the rest is compared at that lag.
4. The score is the mean of the worst quarter of the windows.

The right message gives more than 0.9 after G.711 (0.98 and more for an ordinary length), another one of
the same voice and template less than 0.5, even if only one name of it differs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ghanti.media.g711 import SAMPLE_RATE, Pcm

_WINDOW = SAMPLE_RATE * 300 // 1000
_HOP = _WINDOW // 2
_SLIP = SAMPLE_RATE * 60 // 1000
_SAME = 0.95
_QUIET = 0.25

_Signal = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Match:
    """How well a recording fits an expected message.

    Attributes:
        score: mean normalised correlation of the worst quarter of the windows, -1 to 1; 0 when no
            window could be compared.
        lag: samples at 8 kHz by which the recording is behind (positive) or ahead (negative).
        windows: how many windows were compared.
    """

    score: float
    lag: int
    windows: int


def similarity(heard: Pcm, expected: Pcm) -> float:
    """The score of :func:`compare`: above 0.9 for the same message, below 0.5 for another."""
    return compare(heard, expected).score


def compare(heard: Pcm, expected: Pcm) -> Match:
    """Compare two int16 recordings at 8 kHz, each of shape (samples,) and any length."""
    recording, message = _centred(heard), _centred(expected)
    if not recording.any() or not message.any():
        return Match(0.0, 0, 0)
    first_lag = lag = _best_lag(recording, message)
    loudness = np.sqrt(np.mean(message**2))
    scores = []
    for start in range(0, len(message) - _WINDOW + 1, _HOP):
        window = message[start : start + _WINDOW]
        if np.sqrt(np.mean(window**2)) < _QUIET * loudness:
            continue
        if start + lag < 0 or start + lag + _WINDOW > len(recording):
            continue
        score, lag = _window_score(recording, window, start, lag)
        scores.append(score)
    worst = sorted(scores)[: max(1, len(scores) // 4)]
    return Match(float(np.mean(worst)) if worst else 0.0, first_lag, len(scores))


def _centred(pcm: Pcm) -> _Signal:
    signal = pcm.astype(np.float64)
    return signal - signal.mean() if len(signal) else signal


def _best_lag(recording: _Signal, message: _Signal) -> int:
    size = 1 << (len(recording) + len(message) - 1).bit_length()
    spectrum = np.fft.rfft(recording, size) * np.conj(np.fft.rfft(message, size))
    lag = int(np.argmax(np.fft.irfft(spectrum, size)))
    return lag if lag < len(recording) else lag - size


def _window_score(recording: _Signal, window: _Signal, start: int, lag: int) -> tuple[float, int]:
    """A window's score, and the lag at which the next should be compared."""
    here = _correlations(recording[start + lag : start + lag + _WINDOW], window)[0]
    if here >= _SAME:
        return float(here), lag
    before = min(_SLIP, start + lag)
    scores = _correlations(recording[start + lag - before : start + lag + _WINDOW + _SLIP], window)
    best = int(np.argmax(scores))
    if scores[best] >= _SAME:
        return float(scores[best]), lag + best - before
    return float(here), lag


def _correlations(stretch: _Signal, window: _Signal) -> _Signal:
    """The normalised correlation of a window with every place of a stretch, shape (places,)."""
    energy = np.concatenate(([0.0], np.cumsum(stretch**2)))
    energy = np.maximum(energy[_WINDOW:] - energy[:-_WINDOW], 1.0) * np.sum(window**2)
    scores: _Signal = np.correlate(stretch, window, "valid") / np.sqrt(energy)
    return scores
