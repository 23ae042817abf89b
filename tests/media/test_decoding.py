"""Every kind of audio file to what phones hear."""

from __future__ import annotations

import io

import numpy as np
import pytest

from audio_files import KINDS, Sound, as_pcm, audio_file, encoded, sound
from ghanti.media.correlate import similarity
from ghanti.media.decoding import DecodedAudio, UndecodableError, to_ulaw
from ghanti.media.g711 import Pcm, ulaw_to_pcm
from ghanti.media.wav import wav_bytes

LONGEST = 60.0
ENDINGS = {"mp3": ".mp3", "m4a": ".m4a", "vorbis": ".ogg", "opus": ".ogg", "wav": ".wav"}


def decode(data: bytes, longest: float = LONGEST) -> DecodedAudio:
    return to_ulaw(io.BytesIO(data), longest)


def heard(data: bytes) -> Pcm:
    return ulaw_to_pcm(decode(data).ulaw)


def rms(pcm: Pcm) -> float:
    """Root mean square, of full scale."""
    return float(np.sqrt(np.mean((pcm / 32768) ** 2)))


@pytest.mark.parametrize("kind", KINDS)
def test_it_sounds_like_the_original(kind: str) -> None:
    decoded = decode(audio_file(kind, 3))
    assert similarity(ulaw_to_pcm(decoded.ulaw), as_pcm(sound(3))) > 0.9
    assert similarity(ulaw_to_pcm(decoded.ulaw), as_pcm(sound(3, seed=2))) < 0.5
    assert abs(decoded.ms - 3000) < 100
    assert decoded.ending == ENDINGS[kind.partition("-")[0]]


@pytest.mark.parametrize("gain", [0.05, 0.3, 1.0, 1.9])
def test_quiet_and_loud_recordings_are_heard_alike(gain: float) -> None:
    pcm = heard(audio_file("wav-float", 3, gain=gain))
    assert 0.07 < rms(pcm) < 0.16
    assert np.abs(pcm).max() < 32_000


def test_floating_point_beyond_full_scale_is_not_clipped() -> None:
    pcm = heard(encoded("wav-float", sound(3, 44_100) * 6))
    assert similarity(pcm, as_pcm(sound(3))) > 0.98


def test_a_lone_click_makes_the_rest_quieter_rather_than_be_clipped() -> None:
    signal = sound(3, 44_100) * 0.1
    signal[60_000:60_050] = 0.99
    pcm = heard(encoded("wav-float", signal))
    assert np.abs(pcm).max() <= 32_768 * 10 ** (-1 / 20) * 1.03
    assert similarity(pcm[:8000], as_pcm(sound(3))[:8000]) > 0.95


@pytest.mark.parametrize("level", [0.0, 0.0002])
def test_silence_and_faint_noise_are_not_made_louder(level: float) -> None:
    noise: Sound = np.random.default_rng(3).normal(0, 1, 44_100) * level
    assert rms(heard(encoded("wav-float", noise))) < 0.001


def test_what_is_no_number_is_silence() -> None:
    signal = sound(1, 44_100)
    signal[1000:2000] = np.nan
    signal[3000] = np.inf
    assert len(heard(encoded("wav-float", signal))) == 8000


def test_frequencies_above_the_telephones_do_not_fold_back() -> None:
    time = np.arange(88_200) / 44_100
    whistle = 0.2 * np.sin(2 * np.pi * 5000 * time)
    hum = 0.2 * np.sin(2 * np.pi * 1000 * time)
    spectrum = np.abs(np.fft.rfft(heard(encoded("wav-float", whistle + hum))[4000:12_000]))
    assert spectrum[2500:].max() < spectrum[1000] / 100


def test_the_longest_length_is_a_limit() -> None:
    assert decode(audio_file("mp3", 2), 3).ms > 1900
    with pytest.raises(UndecodableError, match=r"The audio is longer than 1 s\."):
        decode(audio_file("mp3", 2), 1)


def test_a_header_of_any_length_streams_too() -> None:
    """Programs that write to a pipe can't know the length when they write the header."""
    wav = bytearray(wav_bytes(as_pcm(sound(1))))
    wav[4:8] = wav[40:44] = b"\xff\xff\xff\xff"
    assert decode(bytes(wav)).ms == 1000


def test_a_cover_picture_does_no_harm() -> None:
    picture = _png()
    frame = b"\x00image/png\x00\x03\x00" + picture
    apic = b"APIC" + len(frame).to_bytes(4, "big") + b"\x00\x00" + frame
    size = len(apic)
    head = b"ID3\x03\x00\x00" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    bare = audio_file("mp3", 2)
    bare = bare[10 + int.from_bytes(bare[6:10], "big") :]
    pcm = heard(head + apic + bare)
    assert similarity(pcm, as_pcm(sound(2))) > 0.95


def _png() -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="image2pipe") as output:
        stream = output.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "rgb24"
        output.mux(stream.encode(av.VideoFrame(16, 16, "rgb24")))
        output.mux(stream.encode(None))
    return buffer.getvalue()
