"""espeak-ng in this process, through its synchronous C interface (speak_lib.h)."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

import espeakng_loader
import numpy as np

from ghanti.media.g711 import Pcm
from ghanti.media.resample import to_telephone
from ghanti.speech.engines.base import LONGEST_FACTOR, SHORTEST_FACTOR, EngineVoice
from ghanti.speech.errors import SpeechError

# Constants of speak_lib.h.
_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_POSITION_CHARACTER = 1
_CHARACTERS_UTF8 = 1
_PARAMETER_RATE = 1
_BUFFER_MS = 2000

# Words a minute for a length factor, measured on Nepali sentences: durations don't follow 1 / rate.
_FACTORS = (0.500, 0.554, 0.590, 0.642, 0.704, 0.781, 0.876, 1.0, 1.080, 1.158, 1.257, 1.378, 1.515, 1.675)
_RATES = (320, 280, 260, 240, 220, 200, 180, 160, 150, 140, 130, 120, 110, 100)
_SLOW_FACTORS, _SLOW_RATES = (1.764, 1.873, 1.990, 2.005), (95, 90, 85, 80)

_PEAK = 0.8 * 32767
# Part of the cache key: raise it when the path from espeak's samples to ours changes.
_TREATMENT = 1

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """The engine that is always there. One synthesis at a time, whatever the number of threads."""

    # The library's state is global to the process, so the lock is too.
    _lock = threading.Lock()

    def __init__(self) -> None:
        with self._lock, _library() as (library, _):
            library.espeak_Info.restype = ctypes.c_char_p
            self._version = f"espeak-ng {library.espeak_Info(None).decode()}/{_TREATMENT}"

    @property
    def version(self) -> str:
        return self._version

    def synthesise(self, text: str, voice: EngineVoice, length_factor: float) -> Pcm:
        """See :meth:`ghanti.speech.engines.base.Engine.synthesise`."""
        samples, rate = self.speak(text, voice.name, length_factor)
        return _limited(to_telephone(samples.astype(np.float32), rate))

    def speak(self, text: str, voice: str, length_factor: float = 1.0) -> tuple[Pcm, int]:
        """The library's own samples, and their rate in Hz (22,050 for most voices)."""
        if not SHORTEST_FACTOR <= length_factor <= LONGEST_FACTOR:
            raise SpeechError(f"length factor {length_factor} is not between 0.5 and 2")
        chunks: list[bytes] = []

        def collect(samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
            if samples and count > 0:
                chunks.append(ctypes.string_at(samples, 2 * count))
            return 0

        callback = _Callback(collect)
        words_a_minute = _words_a_minute(length_factor)
        file = _voice_file(voice)
        with self._lock, _library() as (library, rate):
            library.espeak_SetSynthCallback(callback)
            if library.espeak_SetVoiceByName(file.encode()):
                raise SpeechError(f"espeak-ng can't load voice {voice!r}")
            library.espeak_SetParameter(_PARAMETER_RATE, words_a_minute, 0)
            data = text.replace("\0", " ").encode()
            if library.espeak_Synth(
                data, len(data) + 1, 0, _POSITION_CHARACTER, 0, _CHARACTERS_UTF8, None, None
            ):
                raise SpeechError("espeak-ng refused the text")
        return np.frombuffer(b"".join(chunks), np.int16), rate


@lru_cache
def _voice_file(voice: str) -> str:
    """The voice by its file (``inc/ne+f3``); by its mere name the library would open all its files."""
    data = Path(espeakng_loader.get_data_path())
    language, plus, variant = voice.partition("+")
    files = [file for file in (data / "lang").rglob("*") if file.is_file() and file.name == language]
    if not files or (plus and variant not in {file.name for file in (data / "voices" / "!v").iterdir()}):
        raise SpeechError(f"espeak-ng has no voice {voice!r}")
    return files[0].relative_to(data / "lang").as_posix() + plus + variant


@contextmanager
def _library() -> Iterator[tuple[ctypes.CDLL, int]]:
    """The library as freshly loaded, and its rate in Hz.

    Its wave generator keeps the positions of its flutter and noise from text to text and offers no
    way to reset them, so a text would sound a little different each time. Unloading the library
    resets everything, at the price of one or two milliseconds.
    """
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        data = espeakng_loader.get_data_path().encode()
        rate = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, _BUFFER_MS, data, _DONT_EXIT)
        if rate <= 0:
            raise SpeechError(f"espeak-ng did not start (code {rate})")
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        yield library, rate
        library.espeak_Terminate()
    finally:
        unload = ctypes.CDLL(None).dlclose
        unload.argtypes = [ctypes.c_void_p]
        unload(library._handle)


def _words_a_minute(length_factor: float) -> int:
    return round(float(np.interp(length_factor, _FACTORS + _SLOW_FACTORS, _RATES + _SLOW_RATES)))


def _limited(signal: np.ndarray[tuple[int], np.dtype[np.float32]]) -> Pcm:
    """Scaled to one common peak: voices differ in loudness, and the filter overshoots full scale."""
    peak = float(np.abs(signal).max(initial=0.0))
    if peak == 0:
        return np.zeros(len(signal), np.int16)
    scaled: Pcm = np.rint(signal * (_PEAK / peak)).astype(np.int16)
    return scaled
