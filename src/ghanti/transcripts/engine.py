"""Speech to text with Moonshine: English with the model of its package, else with one that is given.

Runs in a process of its own (:mod:`ghanti.transcripts.recogniser`), where alone the library is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from ghanti.media.g711 import SAMPLE_RATE, Pcm

PACKAGE: Final = "moonshine_voice"
LANGUAGES: Final[Mapping[str, str]] = MappingProxyType({"np": "ne"})
"""Languages of voices whose codes are not those by which models are called."""

_SIZES: Final = ("base", "tiny")
"""Kinds of models, the better first; a model's folder is called after its kind and language."""
_FULL_SCALE: Final = 32768
_PIECE_SAMPLES: Final = 300 * SAMPLE_RATE
"""Heard at a time: memory grows with it, by about a megabyte a second."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What somebody said in one go, beginning ``at_ms`` after the recording's begin."""

    content: str
    at_ms: int


def model_for(language: str, models: Path | None) -> Path | None:
    """The folder of the model for a voice's language, such as ``tiny-en``; None where there is none."""
    language = LANGUAGES.get(language, language)
    own = [] if models is None else [models / f"{size}-{language}" for size in _SIZES]
    for folder in (*own, *_of_package(language)):
        if folder.is_dir():
            return folder
    return None


def _of_package(language: str) -> list[Path]:
    found = find_spec(PACKAGE)
    if found is None or found.origin is None:
        return []
    return [Path(found.origin).parent / "assets" / f"tiny-{language}"]


class Engine:
    """A loaded model. Loading takes a second, hearing about a tenth of the speech's time on one core."""

    def __init__(self, model: Path) -> None:
        from moonshine_voice.moonshine_api import ModelArch
        from moonshine_voice.transcriber import Transcriber

        size = model.name.partition("-")[0]
        self._transcriber = Transcriber(model, {"base": ModelArch.BASE, "tiny": ModelArch.TINY}[size])

    def hear(self, samples: Pcm) -> list[Heard]:
        """What is said in int16 samples of 8 kHz, shape (samples,); silence is nothing."""
        return [
            heard
            for start in range(0, len(samples), _PIECE_SAMPLES)
            for heard in self._hear(samples[start : start + _PIECE_SAMPLES], start * 1000 // SAMPLE_RATE)
        ]

    def _hear(self, samples: Pcm, begins_ms: int) -> list[Heard]:
        audio = (samples.astype(np.float32) / _FULL_SCALE).tolist()
        lines = self._transcriber.transcribe_without_streaming(audio, SAMPLE_RATE).lines
        return [
            Heard(line.text.strip(), begins_ms + round(line.start_time * 1000))
            for line in lines
            if line.text.strip()
        ]
