import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ghanti.media.correlate import similarity
from ghanti.speech.engines.base import EngineVoice
from ghanti.speech.engines.espeak import Espeak
from ghanti.speech.errors import SpeechError
from ghanti.speech.voices import DEFAULT_VOICE, VOICES, Voice

TEXT = "नमस्ते राम बहादुर, तपाईंको पचास हजार रुपैयाँ बक्यौता छ। कृपया समयमै बुझाउनुहोस्। धन्यवाद।"
TEXTS = {
    "np": TEXT,
    "en": "Dear Ram Bahadur, fifty thousand rupees are due on the tenth of July. Please pay soon. Thank you.",
    "hi": "नमस्ते राम बहादुर, आपका पचास हज़ार रुपये बकाया है। कृपया समय पर भुगतान करें। धन्यवाद।",
}
RIJA = DEFAULT_VOICE.engine_voice

IN_ANOTHER_PROCESS = """
import hashlib, sys
from ghanti.speech.engines.espeak import Espeak
from ghanti.speech.voices import DEFAULT_VOICE
samples = Espeak().synthesise(sys.argv[1], DEFAULT_VOICE.engine_voice, 1.0)
print(hashlib.sha256(samples.tobytes()).hexdigest())
"""


def test_speaks_at_the_telephone_rate(espeak: Espeak) -> None:
    samples = espeak.synthesise(TEXT, RIJA, 1.0)
    assert samples.dtype == np.int16
    assert 6 < len(samples) / 8000 < 11
    assert 20_000 < np.abs(samples.astype(np.int32)).max() < 32_000


def test_the_same_text_gives_the_same_bytes_whatever_came_before(espeak: Espeak) -> None:
    first = espeak.synthesise(TEXT, RIJA, 1.0)
    for voice in VOICES:
        espeak.synthesise("बीचमा अर्को कुरा", voice.engine_voice, 1.3)
        np.testing.assert_array_equal(espeak.synthesise(TEXT, RIJA, 1.0), first)
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, TEXT]
    other = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert other == hashlib.sha256(first.tobytes()).hexdigest()


def test_threads_do_not_mix_their_texts(espeak: Espeak) -> None:
    texts = [f"नमस्ते {name}" for name in ("राम", "श्याम", "सीता", "गीता")]
    alone = [espeak.synthesise(text, RIJA, 1.0) for text in texts]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda text: espeak.synthesise(text, RIJA, 1.0), texts * 5))
    for index, samples in enumerate(together):
        np.testing.assert_array_equal(samples, alone[index % 4])


def test_every_voice_is_another(espeak: Espeak) -> None:
    spoken = [espeak.synthesise(TEXTS[voice.language], voice.engine_voice, 1.0) for voice in VOICES]
    for index, one in enumerate(spoken):
        for other in spoken[index + 1 :]:
            assert similarity(one, other) < 0.5


def test_women_speak_higher_than_men(espeak: Espeak) -> None:
    def pitch(voice: Voice) -> float:
        """The strongest period of 50 to 400 Hz in the autocorrelation, in Hz."""
        samples = espeak.synthesise(TEXTS[voice.language], voice.engine_voice, 1.0).astype(np.float64)
        power = np.abs(np.fft.rfft(samples, 2 * len(samples))) ** 2
        periods = np.fft.irfft(power)[20:160]
        return 8000 / (20 + int(np.argmax(periods)))

    women = [pitch(VOICES[index]) for index in (0, 1, 4, 5, 7)]
    men = [pitch(VOICES[index]) for index in (2, 3, 6, 8)]
    assert min(women) > max(men)


@pytest.mark.parametrize("factor", [0.5, 0.75, 0.8, 1.2, 1.5, 2.0])
@pytest.mark.parametrize("voice", VOICES, ids=lambda voice: str(voice.id))
def test_the_length_factor_multiplies_the_duration(espeak: Espeak, voice, factor: float) -> None:
    text = TEXTS[voice.language]
    plain = len(espeak.synthesise(text, voice.engine_voice, 1.0))
    assert len(espeak.synthesise(text, voice.engine_voice, factor)) / plain == pytest.approx(factor, rel=0.07)


@pytest.mark.parametrize("factor", [0.49, 2.01, float("nan"), -1])
def test_other_length_factors_are_refused(espeak: Espeak, factor: float) -> None:
    with pytest.raises(SpeechError, match="length factor"):
        espeak.synthesise(TEXT, RIJA, factor)


@pytest.mark.parametrize("name", ["xx", "ne+nobody", "../../etc/passwd", ""])
def test_unknown_voices_are_refused(espeak: Espeak, name: str) -> None:
    with pytest.raises(SpeechError, match="voice"):
        espeak.synthesise(TEXT, EngineVoice("espeak", name, "np"), 1.0)
    assert len(espeak.synthesise(TEXT, RIJA, 1.0)) > 8000


def test_markup_is_no_command(espeak: Espeak) -> None:
    plain = espeak.synthesise("राम", RIJA, 1.0)
    assert len(espeak.synthesise("<break time='60s'/> राम [[_:9000]]", RIJA, 1.0)) < len(plain) + 8 * 8000
    assert len(espeak.synthesise("राम\0सीता", RIJA, 1.0)) > len(plain)


def test_the_version_names_the_library(espeak: Espeak) -> None:
    assert espeak.version.startswith("espeak-ng 1.")
