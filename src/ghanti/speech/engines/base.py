"""The port behind which every speech engine stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ghanti.media.g711 import Pcm

SHORTEST_FACTOR = 0.5
LONGEST_FACTOR = 2.0


@dataclass(frozen=True, slots=True)
class EngineVoice:
    """A voice as its engine knows it.

    Attributes:
        engine: the engine's name, such as ``espeak``.
        name: the engine's own name of the voice, such as ``ne+f3``.
        language: whose reading rules apply to the text: ``np`` is Nepali.
    """

    engine: str
    name: str
    language: str


class Engine(Protocol):
    """An engine. Its calls block and may keep global state: use it in the speech process only."""

    @property
    def version(self) -> str:
        """Changes whenever the same text may sound different."""

    def synthesise(self, text: str, voice: EngineVoice, length_factor: float) -> Pcm:
        """Speak a normalised text: int16 at 8 kHz, shape (samples,).

        ``length_factor`` (0.5 to 2) multiplies the duration. The same arguments give the same
        samples.

        Raises:
            SpeechError: the engine refuses the text or the voice.
        """
