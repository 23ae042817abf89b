"""The speech process: ``python -m ghanti.speech.process MEDIA_FOLDER``.

Engines keep global state and may crash on hostile text, so they live in a process of their own. It
reads batches from its standard input, one JSON array of requests a line, and answers each request
in turn with one JSON object a line: ``{"key", "path", "ms"}`` or ``{"error"}``. Before the first it
writes ``{"ready": true}``. It ends at the end of its input and, on Linux, dies with its parent at once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import orjson

from ghanti.media.store import MediaStore
from ghanti.speech.cache import AudioCache
from ghanti.speech.engines.base import Engine, EngineVoice
from ghanti.speech.engines.espeak import Espeak
from ghanti.speech.errors import SpeechError
from ghanti.supervisor.launch import die_with


def serve(cache: AudioCache, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the end of the requests."""
    _write(answers, {"ready": True})
    for line in requests:
        for request in orjson.loads(line):
            _write(answers, _answer(cache, request))


def _answer(cache: AudioCache, request: Mapping[str, str | float | None]) -> Mapping[str, str | int]:
    voice = EngineVoice(str(request["engine"]), str(request["name"]), str(request["language"]))
    keep_as = request.get("keep_as")
    try:
        rendered = cache.render(
            str(request["text"]),
            voice,
            float(request["length_factor"] or 0),
            None if keep_as is None else str(keep_as),
        )
    except SpeechError as error:
        return {"error": str(error)}
    except Exception as error:
        # Whatever one text does to an engine or a disk, the others of its batch are still answered.
        return {"error": f"{type(error).__name__}: {error}"}
    return {"key": rendered.key, "path": str(rendered.path), "ms": rendered.ms}


def _write(answers: BinaryIO, value: Mapping[str, str | int | bool]) -> None:
    answers.write(orjson.dumps(value) + b"\n")
    answers.flush()


def main(arguments: list[str], engines: Mapping[str, Engine] | None = None) -> None:
    """Serve on the standard streams; ``engines`` replaces the bundled ones."""
    if sys.platform == "linux":  # Elsewhere it ends with its input, after the text that it is at.
        die_with(os.getppid(), signal.SIGKILL)
    # Interrupts of the terminal reach the whole group; the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    # What a library prints must not end up among the answers.
    os.dup2(2, 1)
    cache = AudioCache(MediaStore(Path(arguments[0])), engines or {"espeak": Espeak()})
    serve(cache, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main(sys.argv[1:])
