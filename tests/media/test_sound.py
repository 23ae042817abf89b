"""G.711, WAV files and down-sampling."""

from pathlib import Path

import numpy as np
import pytest

from ghanti.media.g711 import (
    ALAW_TO_ULAW,
    ULAW_TO_ALAW,
    alaw_to_pcm,
    pcm_to_alaw,
    pcm_to_ulaw,
    ulaw_to_pcm,
)
from ghanti.media.resample import to_telephone
from ghanti.media.wav import read_wav, wav_bytes


@pytest.mark.parametrize(("encode", "decode"), [(pcm_to_ulaw, ulaw_to_pcm), (pcm_to_alaw, alaw_to_pcm)])
def test_companding_keeps_speech_levels(encode, decode) -> None:
    levels = np.arange(-32000, 32000, 7, dtype=np.int16)
    error = np.abs(decode(encode(levels)).astype(np.int32) - levels)
    assert (error <= np.maximum(np.abs(levels.astype(np.int32)) / 16, 8)).all()


def test_companding_has_the_codes_of_the_recommendation() -> None:
    assert pcm_to_ulaw(np.array([0, 32635, -32635], np.int16)) == b"\xff\x80\x00"
    assert pcm_to_alaw(np.array([8, -8, 32256, -32256], np.int16)) == b"\xd5\x55\xaa\x2a"


def test_codes_translate_without_leaving_their_level() -> None:
    codes = bytes(range(256))
    there = codes.translate(ULAW_TO_ALAW)
    error = np.abs(alaw_to_pcm(there).astype(np.int32) - ulaw_to_pcm(codes))
    assert (error <= np.maximum(np.abs(ulaw_to_pcm(codes).astype(np.int32)) / 16, 8)).all()
    # The telephone network relies on it: a second translation loses nothing more than the first.
    assert there.translate(ALAW_TO_ULAW).translate(ULAW_TO_ALAW) == there


def test_wav_round_trip(tmp_path: Path) -> None:
    pcm = np.arange(-800, 800, dtype=np.int16)
    path = tmp_path / "call.wav"
    path.write_bytes(wav_bytes(pcm))
    read, rate = read_wav(path)
    assert rate == 8000
    np.testing.assert_array_equal(read, pcm)
    assert read_wav(wav_bytes(ulaw_to_pcm(b"\xff" * 160)))[0].tolist() == [0] * 160


@pytest.mark.parametrize("data", [b"", b"RIFF", b"not a wav file at all, whatever its name says"])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a WAV file"):
        read_wav(data)


def test_stereo_is_refused() -> None:
    stereo = bytearray(wav_bytes(np.zeros(8, np.int16)))
    stereo[22] = 2
    with pytest.raises(ValueError, match="2 channels"):
        read_wav(bytes(stereo))


@pytest.mark.parametrize("rate", [16000, 22050, 24000, 44100])
def test_the_telephone_band_passes_and_the_rest_does_not_fold_back(rate: int) -> None:
    seconds = np.arange(2 * rate) / rate

    def level(hertz: int) -> float:
        tone = np.sin(2 * np.pi * hertz * seconds).astype(np.float32)
        middle = to_telephone(tone, rate)[1000:-1000]
        return float(20 * np.log10(np.sqrt(2 * np.mean(middle**2)) + 1e-9))

    assert all(abs(level(hertz)) < 0.1 for hertz in (200, 1000, 3000, 3400))
    assert all(level(hertz) < -55 for hertz in (4100, 5000, 7000))


@pytest.mark.parametrize("rate", [16000, 22050])
def test_resampling_keeps_time(rate: int) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(3 * rate) / rate).astype(np.float32)
    output = to_telephone(tone, rate)
    assert len(output) == 24000
    expected = np.sin(2 * np.pi * 1000 * np.arange(24000) / 8000)
    assert np.abs(output - expected)[200:-200].max() < 1e-3


@pytest.mark.parametrize("length", [0, 1, 2, 440, 441, 442])
def test_short_signals(length: int) -> None:
    assert len(to_telephone(np.ones(length, np.float32), 22050)) == length * 160 // 441
