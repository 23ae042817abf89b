"""Recordings of calls as the tests read them: not by the code that is to be proved."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt


def read_wav(path: str | Path) -> npt.NDArray[np.float64]:
    """The samples of a recorded call: one channel of 16 bits at 8 kHz."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
