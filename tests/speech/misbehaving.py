"""A speech process whose engine crashes, hangs or fails at certain words, and else is espeak-ng."""

import ctypes
import sys
import threading

from ghanti.media.g711 import Pcm
from ghanti.speech.engines.base import EngineVoice
from ghanti.speech.engines.espeak import Espeak
from ghanti.speech.process import main


class Misbehaving:
    def __init__(self) -> None:
        self._espeak = Espeak()
        self.version = self._espeak.version

    def synthesise(self, text: str, voice: EngineVoice, length_factor: float) -> Pcm:
        if "crash" in text:
            ctypes.string_at(0)
        if "hang" in text:
            threading.Event().wait()
        if "fail" in text:
            raise OSError("no space left")
        if "print" in text:
            print("a library says something")
        return self._espeak.synthesise(text, voice, length_factor)


main(sys.argv[1:], {"espeak": Misbehaving()})
