"""The server's end of :mod:`ghanti.media.decoder`: one process a file, with limits."""

from __future__ import annotations

import asyncio
import logging
import math
from asyncio.subprocess import Process
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

import orjson

from ghanti.confinement import process as confined
from ghanti.confinement.process import Cause
from ghanti.media.decoding import UndecodableError
from ghanti.settings import Settings
from ghanti.turns import Turns

_log = logging.getLogger(__name__)
_AT_ONCE = 2
"""Files one server process has decoded at a time."""

MEGABYTES = 512
"""Memory of one decoding: 600 s of audio take 70."""

SECONDS = 60
"""Time of one decoding, of the clock and of the processor: 600 s of audio take one or two."""

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was decoded: its length in milliseconds, and the ending that the original's name should have."""

    ms: int
    ending: str


async def decode(
    source: Path, target: Path, account_id: int, settings: Settings, seconds: float = SECONDS
) -> Decoded:
    """Decode ``source``, in one's turn, into ``target``: G.711 µ-law at 8 kHz, without a header.

    Hold no transaction while it runs: others may be decoded first, one of each account at a time.

    Raises:
        UndecodableError: no audio that can be played, too long, or too hard to decode.
    """
    turns = _turns.setdefault(asyncio.get_running_loop(), Turns(_AT_ONCE, each=1))
    async with turns.turn(account_id):
        process = await confined.start(
            "ghanti.media.decoder",
            str(source),
            str(target),
            f"{settings.audio_seconds}",
            str(MEGABYTES),
            str(math.ceil(seconds)),
        )
        try:
            async with asyncio.timeout(seconds):
                return await _answer(process)
        except TimeoutError:
            raise _too_hard() from None
        finally:
            await confined.end(process)


async def _answer(process: Process) -> Decoded:
    answered, complaints = await process.communicate()
    assert process.returncode is not None
    if process.returncode:
        raise _died(process.returncode, complaints)
    answer = orjson.loads(answered)
    if "refused" in answer:
        raise UndecodableError(answer["refused"])
    return Decoded(**answer)


def _died(status: int, complaints: bytes) -> UndecodableError:
    _log.warning(
        "decoding an uploaded file ended with status %d: %s", status, confined.last_words(complaints)
    )
    if confined.cause_of_death(status, complaints) is Cause.DAMAGE:
        return UndecodableError("The file is damaged.")
    return _too_hard()


def _too_hard() -> UndecodableError:
    return UndecodableError("Decoding the file takes too much time or memory.")
