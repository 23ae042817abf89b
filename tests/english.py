"""English as phones of the tests speak it."""

from __future__ import annotations

import numpy as np

from ghanti.media import g711
from ghanti.media.g711 import SAMPLE_RATE, Pcm
from ghanti.media.wav import wav_bytes
from ghanti.speech.engines.base import EngineVoice
from ghanti.speech.engines.espeak import Espeak

SENTENCE = "I want to buy a new car"
_VOICE = EngineVoice("espeak", "en+m2", "en")
_LOUDNESS = 0.5


def samples(text: str = SENTENCE) -> Pcm:
    """A sentence as it comes over the telephone."""
    spoken = Espeak().synthesise(text, _VOICE, 1.1) * _LOUDNESS
    return g711.ulaw_to_pcm(g711.pcm_to_ulaw(spoken.astype(np.int16)))


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


def phone(text: str = SENTENCE) -> bytes:
    """A .wav of a sentence between pauses, which a phone says over and over.

    On a busy machine a phone stutters, so that not each time all of it is understood.
    """
    return wav_bytes(np.concatenate([silence(0.3), samples(text), silence(0.5)]))
