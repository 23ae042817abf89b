"""The process that decodes one uploaded file: ``python -m ghanti.media.decoder SOURCE TARGET …``.

It opens the two files and from then on nothing else, so that no file can have another one read or any
address asked. It answers with one JSON object on its standard output: ``{"ms", "ending"}``, or
``{"refused"}`` with the reason.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import av
import av.subtitles.stream
import numpy as np
import orjson

from ghanti.confinement.limits import confine, open_nothing_more
from ghanti.media.decoding import UndecodableError, to_ulaw
from ghanti.media.wav import wav_bytes


def main(arguments: list[str]) -> int:
    """Decode a file. Arguments: source, target, longest audio in seconds, limits in megabytes and seconds."""
    source, target, longest, megabytes, seconds = arguments
    confine(int(megabytes), int(seconds))
    av.logging.set_level(av.logging.PANIC)
    _load_everything()
    answer: dict[str, object]
    with Path(source).open("rb") as file, Path(target).open("wb") as ulaw:
        open_nothing_more()
        try:
            decoded = to_ulaw(file, float(longest))
        except UndecodableError as error:
            answer = {"refused": error.message}
        else:
            ulaw.write(decoded.ulaw)
            answer = {"ms": decoded.ms, "ending": decoded.ending}
    sys.stdout.buffer.write(orjson.dumps(answer))
    return 0


def _load_everything() -> None:
    """Have imported by then whatever is imported only when a file needs it, as PyAV's subtitles are."""
    to_ulaw(io.BytesIO(wav_bytes(np.zeros(8000, np.int16), 16_000)), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
