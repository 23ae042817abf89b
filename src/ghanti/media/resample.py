"""Down-sampling to the telephone's 8 kHz."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import numpy as np
import numpy.typing as npt

from ghanti.media.g711 import SAMPLE_RATE

Signal = npt.NDArray[np.float32]

# G.712 wants speech up to 3.4 kHz kept; what lies above 4 kHz would fold back.
_CUT_HZ = 3700
_TRANSITION_HZ = 600
_STOP_DB = 60
_PHASES_A_BLOCK = 20


def to_telephone(signal: Signal, rate: int) -> Signal:
    """Resample float32 samples, shape (samples,), from ``rate`` Hz (above 8,000) to 8 kHz.

    A polyphase filter: every output sample is the inner product of a stretch of the input and one
    phase of a Kaiser low-pass. Linear phase; the delay is compensated.
    """
    up, down = SAMPLE_RATE // gcd(rate, SAMPLE_RATE), rate // gcd(rate, SAMPLE_RATE)
    phases = _phases(rate)
    reach = phases.shape[1]
    count = len(signal) * up // down
    periods = -(-count // up)
    padded = np.zeros((periods + 1) * down + reach + down, np.float32)
    padded[reach // 2 : reach // 2 + len(signal)] = signal
    output = np.empty((periods, up), np.float32)
    for first in range(0, up, _PHASES_A_BLOCK):
        kernel, start = _block(rate, first)
        frames = np.lib.stride_tricks.sliding_window_view(padded[start:], kernel.shape[0])[::down]
        output[:, first : first + kernel.shape[1]] = frames[:periods] @ kernel
    return output.reshape(-1)[:count]


@lru_cache(maxsize=4)
def _phases(rate: int) -> Signal:
    """One row of taps for each of the output positions of a period."""
    up, down = SAMPLE_RATE // gcd(rate, SAMPLE_RATE), rate // gcd(rate, SAMPLE_RATE)
    # Kaiser's estimate of the length for an attenuation and a transition width.
    half = int(np.ceil((_STOP_DB - 8) / (2.285 * 2 * np.pi * _TRANSITION_HZ / rate) / 2))
    beta = 0.1102 * (_STOP_DB - 8.7)
    rows = []
    for phase in range(up):
        offset = (phase * down % up) / up
        distance = np.arange(-half, half + 1) - offset
        window = np.i0(beta * np.sqrt(np.clip(1 - (distance / (half + 1)) ** 2, 0, 1))) / np.i0(beta)
        taps = 2 * _CUT_HZ / rate * np.sinc(2 * _CUT_HZ / rate * distance) * window
        rows.append(taps / taps.sum())
    return np.array(rows, np.float32)


@lru_cache(maxsize=64)
def _block(rate: int, first: int) -> tuple[Signal, int]:
    """Neighbouring phases as one matrix (input samples, phases), and where its input begins.

    One matrix product for twenty phases reads the input once, and stays small enough to be
    mostly taps rather than zeros.
    """
    up, down = SAMPLE_RATE // gcd(rate, SAMPLE_RATE), rate // gcd(rate, SAMPLE_RATE)
    phases = _phases(rate)
    reach = phases.shape[1]
    chosen = range(first, min(first + _PHASES_A_BLOCK, up))
    start = chosen[0] * down // up
    kernel = np.zeros((chosen[-1] * down // up - start + reach, len(chosen)), np.float32)
    for column, phase in enumerate(chosen):
        row = phase * down // up - start
        kernel[row : row + reach, column] = phases[phase]
    return kernel, start
