"""Uploaded audio to what phones hear: 28 s of stereo at 44.1 kHz, of every kind that is accepted.

Anchor: PyAV alone decodes and resamples the same files, all its samples thrown away. ``ours`` is the same in
this process with loudness and G.711; ``upload`` the whole way of a file into the media store, through a
process of its own that is started for it. Beside them, MP3 of the same length encoded for previews.

All are milliseconds of CPU time, children's included, which other programs on the machine disturb least.
Runs alternate; every run and the medians are written to bench/results.json under "audio".

FLOOR: our decoding takes at most twice the anchor; else this exits 1.
"""

from __future__ import annotations

import asyncio
import io
import json
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

import av
from _figures import ROOT, record

from ghanti.media.containers import container_of
from ghanti.media.decoding import to_ulaw
from ghanti.media.g711 import SAMPLE_RATE, ulaw_to_pcm
from ghanti.media.mp3 import mp3_bytes
from ghanti.media.store import MediaStore
from ghanti.media.uploads import keep_audio
from ghanti.settings import Settings

sys.path.insert(0, str(ROOT / "tests"))
from audio_files import audio_file

FLOOR = 2.0
SECONDS = 28
RUNS = 5
KINDS = ("mp3", "m4a", "vorbis", "opus", "wav-s16-stereo")


def bare(data: bytes) -> None:
    container = container_of(data[:64])
    assert container is not None
    with av.open(io.BytesIO(data), "r", format=container.demuxer) as opened:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        for frame in opened.decode(audio=0):
            resampler.resample(frame)


def ours(data: bytes) -> None:
    to_ulaw(io.BytesIO(data), 600)


def upload(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(keep_audio(MediaStore(Path(folder)), io.BytesIO(data), 1, Settings()))


def milliseconds(what: Callable[[bytes], object], data: bytes) -> float:
    begun = _cpu_seconds()
    what(data)
    return (_cpu_seconds() - begun) * 1000


def _cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main() -> None:
    av.logging.set_level(av.logging.PANIC)
    files = {kind: audio_file(kind, SECONDS) for kind in KINDS}
    runs = []
    for _ in range(RUNS):
        for kind, data in files.items():
            timed = {what.__name__: round(milliseconds(what, data), 1) for what in (bare, ours, upload)}
            runs.append({"kind": kind, **timed})
    pcm = ulaw_to_pcm(to_ulaw(io.BytesIO(files["mp3"]), 600).ulaw)
    encoded = [milliseconds(lambda _: mp3_bytes(pcm), b"") for _ in range(RUNS)]
    medians = {
        kind: {
            name: round(median(float(run[name]) for run in runs if run["kind"] == kind), 1)
            for name in ("bare", "ours", "upload")
        }
        for kind in KINDS
    }
    ratio = max(figures["ours"] / figures["bare"] for figures in medians.values())
    figures = {
        "seconds_of_audio": SECONDS,
        "cpu_milliseconds": medians,
        "mp3_encoding_cpu_ms": round(median(encoded), 1),
        "worst_ratio": round(ratio, 2),
        "floor": FLOOR,
    }
    record("audio", runs, figures)
    print(json.dumps(figures, indent=2))
    if ratio > FLOOR:
        sys.exit(f"{ratio:.2f} times bare PyAV, beyond the floor of {FLOOR}")


if __name__ == "__main__":
    main()
