import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ghanti.media.g711 import Pcm, pcm_to_ulaw
from ghanti.media.store import MediaStore
from ghanti.speech.cache import AudioCache, media_key
from ghanti.speech.engines.base import EngineVoice
from ghanti.speech.engines.espeak import Espeak
from ghanti.speech.errors import SpeechError
from ghanti.speech.voices import VOICES

RIJA = VOICES[0].engine_voice


class Counting:
    """espeak-ng that counts what it is asked for, or speaks what it is told to."""

    def __init__(self, espeak: Espeak) -> None:
        self._espeak = espeak
        self.version = espeak.version
        self.texts: list[str] = []
        self.instead: Pcm | None = None

    def synthesise(self, text: str, voice: EngineVoice, length_factor: float) -> Pcm:
        self.texts.append(text)
        if self.instead is not None:
            return self.instead
        return self._espeak.synthesise(text, voice, length_factor)


@pytest.fixture
def engine(espeak: Espeak) -> Counting:
    return Counting(espeak)


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "media")


@pytest.fixture
def cache(store: MediaStore, engine: Counting) -> AudioCache:
    return AudioCache(store, {"espeak": engine})


def test_renders_to_a_file_of_ulaw(cache: AudioCache, store: MediaStore, espeak: Espeak) -> None:
    rendered = cache.render("नमस्ते राम, रु ५००", RIJA, 1.0)
    samples = espeak.synthesise("नमस्ते राम, पाँच सय रुपैयाँ", RIJA, 1.0)
    assert rendered.path == store.folder / "audio" / rendered.key[:2] / f"{rendered.key}.ulaw"
    assert rendered.path == store.path(media_key(rendered.key))
    assert rendered.path.read_bytes() == pcm_to_ulaw(samples)
    assert rendered.ms == len(samples) // 8


def test_what_is_used_again_is_as_good_as_new(cache: AudioCache, engine: Counting) -> None:
    rendered = cache.render("रु ५००", RIJA, 1.0)
    os.utime(rendered.path, (0, 0))
    assert cache.render("रु ५००", RIJA, 1.0) == rendered
    assert rendered.path.stat().st_mtime > 1e9
    touched = rendered.path.stat().st_mtime_ns
    cache.render("रु ५००", RIJA, 1.0)
    assert rendered.path.stat().st_mtime_ns == touched
    assert len(engine.texts) == 1


def test_the_same_words_are_rendered_once(cache: AudioCache, engine: Counting) -> None:
    first = cache.render("रु ५००", RIJA, 1.0)
    assert cache.render(" Rs. 500/- ", RIJA, 1.0) == first
    assert engine.texts == ["पाँच सय रुपैयाँ"]


def test_all_that_is_heard_is_in_the_key(cache: AudioCache, engine: Counting) -> None:
    keys = [
        cache.render("राम", RIJA, 1.0).key,
        cache.render("श्याम", RIJA, 1.0).key,
        cache.render("राम", VOICES[1].engine_voice, 1.0).key,
        cache.render("राम", RIJA, 1.01).key,
    ]
    engine.version = "another"
    keys.append(cache.render("राम", RIJA, 1.0).key)
    assert len(set(keys)) == 5


@pytest.mark.parametrize("left", [b"", b"\xff" * 100], ids=["empty", "cut off"])
def test_a_broken_file_is_rendered_again(cache: AudioCache, left: bytes) -> None:
    rendered = cache.render("राम", RIJA, 1.0)
    whole = rendered.path.read_bytes()
    rendered.path.write_bytes(left)
    assert cache.render("राम", RIJA, 1.0) == rendered
    assert rendered.path.read_bytes() == whole


@pytest.mark.parametrize("text", ["", "  ", "🎉", "...!?", "{}", "\u200d"])
def test_a_text_without_words_is_an_error(cache: AudioCache, engine: Counting, text: str) -> None:
    with pytest.raises(SpeechError, match="nothing that can be spoken"):
        cache.render(text, RIJA, 1.0)
    assert not engine.texts


@pytest.mark.parametrize("length", [0, 400, 80_000])
def test_silence_is_an_error_and_is_not_kept(
    cache: AudioCache, store: MediaStore, engine: Counting, length: int
) -> None:
    engine.instead = np.full(length, 3, np.int16)
    with pytest.raises(SpeechError, match="silence"):
        cache.render("राम", RIJA, 1.0)
    assert not store.folder.exists()


def test_an_unknown_engine_is_an_error(cache: AudioCache) -> None:
    with pytest.raises(SpeechError, match="no speech engine"):
        cache.render("राम", EngineVoice("kokoro", "hf_alpha", "np"), 1.0)


def test_renders_of_one_message_at_once(store: MediaStore, espeak: Espeak) -> None:
    caches = [AudioCache(store, {"espeak": espeak}) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        rendered = list(threads.map(lambda cache: cache.render("नमस्ते राम", RIJA, 1.0), caches))
    assert len(set(rendered)) == 1
    assert rendered[0].path.stat().st_size == rendered[0].ms * 8 + rendered[0].path.stat().st_size % 8
    assert [path.name for path in rendered[0].path.parent.iterdir()] == [rendered[0].path.name]


def test_what_is_kept_apart_is_found_nowhere_else(
    cache: AudioCache, engine: Counting, store: MediaStore
) -> None:
    apart = [cache.render("रु ५००", RIJA, 1.0, f"secret/{name}.ulaw") for name in ("a", "b")]
    assert [rendered.path for rendered in apart] == [store.path("secret/a.ulaw"), store.path("secret/b.ulaw")]
    assert {rendered.key for rendered in apart} == {""}
    assert sorted(path.name for path in store.folder.rglob("*.ulaw")) == ["a.ulaw", "b.ulaw"]
    assert apart[0].path.read_bytes() == cache.render("रु ५००", RIJA, 1.0).path.read_bytes()
    assert len(engine.texts) == 3
