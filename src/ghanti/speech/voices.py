"""The voices that a new installation offers; migrations write the same into the table of voices."""

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
        """TingTing's code of the language: ``np`` is Nepali, ``en`` English, ``hi`` Hindi."""
        return self.engine_voice.language


def _nepali(variant: str) -> EngineVoice:
    return EngineVoice("espeak", f"ne+{variant}", "np")


def _english(variant: str) -> EngineVoice:
    # British, which schools of Nepal and India teach; espeak-ng has no English of their own.
    return EngineVoice("espeak", f"en+{variant}", "en")


def _hindi(variant: str) -> EngineVoice:
    return EngineVoice("espeak", f"hi+{variant}", "hi")


VOICES = (
    Voice(1, "Rija", "np_rija", False, _nepali("f3")),
    Voice(2, "Rija premium", "np_rija", True, _nepali("f2")),
    Voice(3, "Prashanna", "np_prashanna", False, _nepali("m3")),
    Voice(4, "Binod", "np_binod", False, _nepali("m1")),
    Voice(5, "Shreegya", "np_shreegya", False, _nepali("f4")),
    Voice(6, "Maya", "en_maya", False, _english("f3")),
    Voice(7, "Arjun", "en_arjun", False, _english("m2")),
    Voice(8, "Ananya", "hi_ananya", False, _hindi("f2")),
    Voice(9, "Rohan", "hi_rohan", False, _hindi("m2")),
)
DEFAULT_VOICE = VOICES[0]
