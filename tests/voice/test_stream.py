"""One stream, without the media thread."""

import socket
from typing import Any

import numpy as np

from ghanti.media import g711
from ghanti.voice import rtp, sdp
from ghanti.voice.recorder import Recorder
from ghanti.voice.stream import Stream


def test_a_recording_goes_on_in_the_law_of_a_new_codec() -> None:
    source, level = ("127.0.0.1", 4000), np.full(160, 8000, np.int16)
    laws: dict[Any, Any] = {"PCMU": g711.pcm_to_ulaw, "PCMA": g711.pcm_to_alaw}
    media = sdp.Media(*source, codecs={"PCMU": 0, "PCMA": 8})
    recorder, whole = Recorder("PCMU", 10_000, None), Recorder("PCMU", 10_000, None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        stream = Stream(sock, lambda key: None)
        stream.connect(media, "PCMU", False)
        stream.record(recorder, lambda: None)
        stream.record_all(whole)
        for index, codec in enumerate(laws):
            stream.connect(media, codec, False)
            payload = laws[codec](level * (index + 1))
            # The packet between the two is lost.
            stream.receive(rtp.build(media.codecs[codec], False, index, 320 * index, 1, payload), source, 0.0)
    expected = np.concatenate([level, level * 0, level * 2]).astype(np.int32)
    assert np.abs(recorder.samples() - expected).max() < 500
    assert np.array_equal(whole.samples(), recorder.samples())


def test_the_whole_call_is_recorded_beyond_what_a_step_records() -> None:
    source, payload = ("127.0.0.1", 4000), g711.pcm_to_ulaw(np.full(160, 8000, np.int16))
    step, whole = Recorder("PCMU", 40, None), Recorder("PCMU", 10_000, None)
    full = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        stream = Stream(sock, lambda key: None)
        stream.connect(sdp.Media(*source, codecs={"PCMU": 0}), "PCMU", False)
        stream.record_all(whole)
        for index in range(6):
            if index == 1:
                stream.record(step, lambda: full.append(step.ms))
            stream.receive(rtp.build(0, False, index, 160 * index, 1, payload), source, 0.0)
    assert (full, step.ms, whole.ms) == ([40], 40, 120)
