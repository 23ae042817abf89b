"""The voices that a new installation offers; the first migration writes the same into the table of voices."""

from __future__ import annotations

from dataclasses import dataclass

from ghanti.speech.engines.base import EngineVoice


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice as users choose it.

    Attributes:
        id: its number on the wire.
        display_name: what people read.
        internal_name: TingTing's name of the voice; two voices may share one.
        premium: whether an account needs leave to use it.
        engine_voice: what speaks.
    """

    id: int
    display_name: str
    internal_name: str
    premium: bool
    engine_voice: EngineVoice

    @property
    def language(self) -> str:
        """TingTing's code of the language: ``np`` is Nepali."""
        return self.engine_voice.language


def _nepali(variant: str) -> EngineVoice:
    return EngineVoice("espeak", f"ne+{variant}", "np")


VOICES = (
    Voice(1, "Rija", "np_rija", False, _nepali("f3")),
    Voice(2, "Rija premium", "np_rija", True, _nepali("f2")),
    Voice(3, "Prashanna", "np_prashanna", False, _nepali("m3")),
    Voice(4, "Binod", "np_binod", False, _nepali("m1")),
    Voice(5, "Shreegya", "np_shreegya", False, _nepali("f4")),
)
DEFAULT_VOICE = VOICES[0]
