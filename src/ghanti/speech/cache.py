"""Rendered messages: each text of a voice is synthesised once and kept as G.711 µ-law."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ghanti.media.g711 import SAMPLE_RATE, Pcm, pcm_to_ulaw
from ghanti.media.store import MediaStore
from ghanti.speech.engines.base import Engine, EngineVoice
from ghanti.speech.errors import SpeechError
from ghanti.speech.text import normalise

FORMAT = "ulaw8000"

# Shorter than any syllable: a file of that size was cut off by a power failure.
_SHORTEST = SAMPLE_RATE // 10
_SILENCE = 300
# Seldom enough that voice processes, which know a file by its time, read it once for many calls.
_TOUCHED = 60.0


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to be played.

    Attributes:
        key: SHA-256, in hexadecimal, of all that decides how it sounds; empty for audio kept apart.
        path: its file of G.711 µ-law at 8 kHz, without header.
        ms: its length in milliseconds.
    """

    key: str
    path: Path
    ms: int


def media_key(key: str) -> str:
    """Where a rendered message lies in the media store."""
    return f"audio/{key[:2]}/{key}.ulaw"


class AudioCache:
    """Renders texts and remembers them in a media store. Used in the speech process only.

    What is used again is touched, so that its age tells how long nobody asked for it.
    """

    def __init__(self, store: MediaStore, engines: Mapping[str, Engine]) -> None:
        self._store = store
        self._engines = engines

    def render(
        self, text: str, voice: EngineVoice, length_factor: float, keep_as: str | None = None
    ) -> Rendered:
        """The file of a filled message; synthesised unless it is there already.

        Two processes that render the same message write the same bytes, each under a name of its
        own first, so neither disturbs the other. With ``keep_as``, a media key, the audio is kept there
        and nowhere else, for the caller alone to find and to delete.

        Raises:
            SpeechError: nothing in the text can be spoken, or the engine failed.
        """
        engine = self._engines.get(voice.engine)
        if engine is None:
            raise SpeechError(f"no speech engine {voice.engine!r}")
        words = normalise(text, voice.language)
        if not any(character.isalpha() for character in words):
            raise SpeechError("the text holds nothing that can be spoken")
        if keep_as is not None:
            samples = _synthesised(engine, words, voice, length_factor)
            path = self._store.put(keep_as, pcm_to_ulaw(samples))
            return Rendered("", path, len(samples) * 1000 // SAMPLE_RATE)
        key = _key(engine, voice, words, length_factor)
        # Touched before it is promised: it may be old, and a clean-up about to take it (``discarding.py``).
        size = (self._store.size(media_key(key)) or 0) if self._store.touch(media_key(key), _TOUCHED) else 0
        if size < _SHORTEST:
            samples = _synthesised(engine, words, voice, length_factor)
            size = len(samples)
            self._store.put(media_key(key), pcm_to_ulaw(samples))
        return Rendered(key, self._store.path(media_key(key)), size * 1000 // SAMPLE_RATE)


def _key(engine: Engine, voice: EngineVoice, words: str, length_factor: float) -> str:
    parts = (voice.engine, engine.version, voice.name, f"{length_factor:.2f}", FORMAT, words)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _synthesised(engine: Engine, words: str, voice: EngineVoice, length_factor: float) -> Pcm:
    samples = engine.synthesise(words, voice, length_factor)
    if len(samples) < _SHORTEST or np.abs(samples.astype(np.int32)).max() < _SILENCE:
        raise SpeechError("the text was rendered to silence")
    return samples
