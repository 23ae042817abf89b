"""The server's end of :mod:`ghanti.transcripts.recogniser`: one process a recording, with limits."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from ghanti.confinement import process as confined
from ghanti.transcripts.engine import LANGUAGES, PACKAGE, model_for
from ghanti.transcripts.models import DraftState

_log = logging.getLogger(__name__)

MEGABYTES = 2048
"""Address space of one recogniser; the longest recording takes about 700 of them."""

_LEAST_SECONDS = 60
PATIENCE = 10
"""How many times its processor time a recogniser may take by the clock: it goes behind everything else."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What came of a recording: turns of ``content`` and ``at_ms``, or a reason for having none."""

    state: DraftState
    turns: Sequence[dict[str, Any]] = ()
    reason: str | None = None


def processor_seconds(ms: int) -> int:
    """What a recording of so many milliseconds may take; on a slow machine it takes a tenth of its length."""
    return _LEAST_SECONDS + ms // 1000


def longest_seconds(ms: int) -> int:
    """The same by the clock."""
    return PATIENCE * processor_seconds(ms)


async def recognise(recording: Path, ms: int, language: str, models: Path | None) -> Draft:
    """Hear a recording of so many milliseconds in the language of the voice that the callee heard."""
    model = await asyncio.to_thread(model_for, language, models)
    if model is None:
        return Draft(DraftState.UNSUPPORTED, reason=_no_model(language))
    if not await asyncio.to_thread(recording.is_file):
        return Draft(DraftState.FAILED, reason="The recording is not on this machine.")
    seconds = processor_seconds(ms)
    process = await confined.start(
        "ghanti.transcripts.recogniser", str(recording), str(model), str(MEGABYTES), str(seconds)
    )
    try:
        async with asyncio.timeout(longest_seconds(ms)):
            answered, complaints = await process.communicate()
    except TimeoutError:
        return Draft(DraftState.FAILED, reason="Recognising it took too long.")
    finally:
        await confined.end(process)
    if process.returncode:
        _log.error(
            "the recogniser of %s ended with status %d: %s",
            recording.name,
            process.returncode,
            confined.last_words(complaints),
        )
        return Draft(DraftState.FAILED, reason="The recogniser failed; the log of the server says how.")
    return Draft(DraftState.DONE, turns=orjson.loads(answered)["heard"])


def _no_model(language: str) -> str:
    if not language:
        return "No voice spoke in this call, so the language is not known."
    called = LANGUAGES.get(language, language)
    if called == "en":
        return "There is no recogniser: install ghanti[transcribe], on Linux."
    return (
        f"There is no model for the language {called!r}: put one into the folder"
        f" GHANTI_TRANSCRIBE_MODELS, as base-{called} or tiny-{called}. English alone needs none."
    )


def installed() -> bool:
    """Whether there is a recogniser at all."""
    from importlib.util import find_spec

    return find_spec(PACKAGE) is not None
