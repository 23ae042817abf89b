"""The process that hears one recording: ``python -m ghanti.transcripts.recogniser WAV MODEL …``.

It reads the model and the recording, and from then on opens nothing: no file, and no address either. It
answers with one JSON object on its standard output: ``{"heard": [{"content", "at_ms"}]}``.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import orjson

from ghanti.confinement.limits import confine, open_nothing_more
from ghanti.media.g711 import SAMPLE_RATE
from ghanti.media.wav import read_wav
from ghanti.transcripts.engine import Engine

_LEAST_URGENT = 19


def main(arguments: list[str]) -> int:
    """Hear a recording. Arguments: the .wav, the model's folder, limits in megabytes and seconds."""
    wav, model, megabytes, seconds = arguments
    os.nice(_LEAST_URGENT)
    confine(int(megabytes), int(seconds))
    engine = Engine(Path(model))
    # Whatever is loaded only when it is needed.
    engine.hear(np.zeros(SAMPLE_RATE, np.int16))
    samples, rate = read_wav(Path(wav))
    if rate != SAMPLE_RATE:
        raise ValueError(f"{rate} Hz is no recording of a call")
    open_nothing_more()
    heard = engine.hear(samples)
    sys.stdout.buffer.write(orjson.dumps({"heard": [asdict(each) for each in heard]}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
