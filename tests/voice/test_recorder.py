"""Recording."""

from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ghanti.media import g711
from ghanti.voice.recorder import Recorder
from ghanti.voice.rtp import Packet
from recordings import read_wav

LOUD = g711.pcm_to_ulaw(np.full(160, 8000, np.int16))


def packet(timestamp: int, payload: bytes, ssrc: int = 1) -> Packet:
    return Packet(0, False, 0, timestamp % (1 << 32), ssrc, payload)


@given(st.data(), st.integers(0, 0xFFFFFFFF))
def test_order_and_doubles_do_not_matter(data: st.DataObject, start: int) -> None:
    """Any order that begins with the first packet gives the same recording."""
    sent = [packet(start + 160 * i, bytes([i + 1]) * 160) for i in range(8)]
    rest = data.draw(st.permutations(sent + sent[2:5]))
    straight, shuffled = Recorder("PCMU", 10_000, None), Recorder("PCMU", 10_000, None)
    for one in sent:
        straight.add(one)
    for one in [sent[0], *rest]:
        shuffled.add(one)
    assert shuffled.ms == straight.ms == 160
    assert np.array_equal(shuffled.samples(), straight.samples())


def test_a_lost_packet_is_silence(tmp_path: Path) -> None:
    recorder = Recorder("PCMU", 10_000, None)
    for index in (0, 2):
        recorder.add(packet(160 * index, LOUD))
    recorder.save(tmp_path / "r.wav")
    samples = read_wav(tmp_path / "r.wav")
    assert len(samples) == 480
    assert not samples[160:320].any()
    assert abs(int(samples[0]) - 8000) < 300
    assert [path.name for path in tmp_path.iterdir()] == ["r.wav"]


def test_alaw_is_decoded(tmp_path: Path) -> None:
    recorder = Recorder("PCMA", 10_000, None)
    recorder.add(packet(0, g711.pcm_to_alaw(np.full(160, -8000, np.int16))))
    recorder.save(tmp_path / "r.wav")
    assert abs(int(read_wav(tmp_path / "r.wav")[0]) + 8000) < 300


def test_it_is_full_at_its_limit() -> None:
    recorder = Recorder("PCMU", 50, None)
    for index in range(3):
        assert not recorder.full
        recorder.add(packet(160 * index, LOUD))
    assert recorder.full
    assert recorder.ms == 50


def test_it_is_full_after_silence() -> None:
    quiet = bytes([g711.ULAW_SILENCE]) * 160
    recorder = Recorder("PCMU", 10_000, 200)
    recorder.add(packet(0, LOUD))
    for index in range(1, 10):
        recorder.add(packet(160 * index, quiet))
        assert not recorder.full
    recorder.add(packet(1600, quiet))
    assert recorder.full


def test_how_far_sound_was_heard() -> None:
    quiet = g711.pcm_to_ulaw(np.full(160, 20, np.int16))
    recorder = Recorder("PCMU", 10_000, None)
    for index, payload in enumerate([quiet, quiet, LOUD, LOUD, quiet]):
        recorder.add(packet(160 * index, payload))
    assert (recorder.ms, recorder.heard_ms) == (100, 80)


def test_a_stream_that_starts_anew_goes_on_behind() -> None:
    recorder = Recorder("PCMU", 10_000, None)
    recorder.add(packet(0, LOUD))
    recorder.add(packet(3_000_000_000, LOUD))
    recorder.add(packet(7, LOUD, ssrc=2))
    recorder.add(packet(167, LOUD, ssrc=2))
    assert recorder.ms == 80


@given(
    st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.binary(max_size=400), st.integers(0, 2)), max_size=30)
)
def test_hostile_packets_never_outgrow_it(packets: list[tuple[int, bytes, int]]) -> None:
    recorder = Recorder("PCMU", 300, 100)
    for timestamp, payload, ssrc in packets:
        recorder.add(packet(timestamp, payload, ssrc))
    assert recorder.ms <= 300
