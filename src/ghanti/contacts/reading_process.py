"""The server's end of :mod:`ghanti.contacts.reader`: one process a file, with limits."""

from __future__ import annotations

import asyncio
import logging
import math
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from weakref import WeakKeyDictionary

import orjson

from ghanti.confinement import process as confined
from ghanti.confinement.process import Cause
from ghanti.contacts import frames
from ghanti.contacts.errors import ImportRefused
from ghanti.contacts.frames import Kind
from ghanti.contacts.reading import Summary
from ghanti.settings import Settings
from ghanti.turns import Turns

_log = logging.getLogger(__name__)
_AT_ONCE = 2
"""Files one server process reads at a time; each may take as much memory as the settings allow."""

_BATCH_BYTES = 2 << 20
_BATCHES_AHEAD = 2
"""Batches read while others are being written; then the reading waits."""

_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()

Batches = asyncio.Queue[bytes | None]
"""Lines of COPY's text format; None after the last."""


def turn(account_id: int) -> AbstractAsyncContextManager[None]:
    """One's turn to read a file, one of each account at a time.

    Begin no transaction before it, since others may take minutes.
    """
    return _turns.setdefault(asyncio.get_running_loop(), Turns(_AT_ONCE, each=1)).turn(account_id)


async def read(
    path: Path, filename: str, settings: Settings, write: Callable[[bytes], Awaitable[None]]
) -> Summary:
    """Read an uploaded file in a process of its own. Call it in one's ``turn``.

    Args:
        write: takes the contacts as lines of COPY's text format, some thousands at a time, while
            the next are read.

    Raises:
        ImportRefused: no list of contacts, too big, or too hard to read. Some rows may have been
            written.
    """
    _check_size(path, settings)
    batches = Batches(_BATCHES_AHEAD)
    reading = asyncio.create_task(_read(path, filename, settings, batches))
    try:
        while (batch := await batches.get()) is not None:
            await write(batch)
        return await reading
    finally:
        reading.cancel()
        # Its end marker needs room, and nobody takes batches any more.
        while not batches.empty():
            batches.get_nowait()
        await asyncio.wait([reading])


async def _read(path: Path, filename: str, settings: Settings, batches: Batches) -> Summary:
    try:
        process = await _start(path, filename, settings)
        try:
            return await _follow(process, settings, batches)
        finally:
            await confined.end(process)
    finally:
        await batches.put(None)


def _check_size(path: Path, settings: Settings) -> None:
    size = path.stat().st_size
    if size == 0:
        raise ImportRefused("The file is empty.")
    if size > settings.upload_megabytes << 20:
        raise ImportRefused(f"The file is larger than {settings.upload_megabytes} MB.")


async def _start(path: Path, filename: str, settings: Settings) -> Process:
    ending = Path(filename).suffix.lower()
    return await confined.start(
        "ghanti.contacts.reader",
        str(path),
        ending if ending[1:].isalnum() else "",
        settings.home_country,
        str(settings.import_megabytes),
        str(math.ceil(settings.import_seconds)),
    )


async def _follow(process: Process, settings: Settings, batches: Batches) -> Summary:
    batch = bytearray()
    clock = asyncio.get_running_loop().time
    left = settings.import_seconds
    while True:
        asked = clock()
        try:
            async with asyncio.timeout(left):
                kind, payload = await _next(process, settings)
        except TimeoutError as error:
            raise _too_slow(settings) from error
        left -= clock() - asked
        match kind:
            case Kind.ROWS:
                batch += payload
                if len(batch) >= _BATCH_BYTES:
                    await batches.put(bytes(batch))
                    batch.clear()
            case Kind.SUMMARY:
                if batch:
                    await batches.put(bytes(batch))
                return Summary(**orjson.loads(payload))
            case Kind.REFUSAL:
                raise ImportRefused(**orjson.loads(payload))


async def _next(process: Process, settings: Settings) -> tuple[Kind, bytes]:
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        return await frames.read(process.stdout)
    except (asyncio.IncompleteReadError, frames.FrameError) as error:
        raise _died(await process.wait(), await process.stderr.read(), settings) from error


def _died(status: int, complaints: bytes, settings: Settings) -> ImportRefused:
    _log.warning("reading an uploaded file ended with status %d: %s", status, confined.last_words(complaints))
    match confined.cause_of_death(status, complaints):
        case Cause.TIME:
            return _too_slow(settings)
        case Cause.MEMORY:
            return ImportRefused(
                f"Reading the file takes more than {settings.import_megabytes} MB of memory. Look for a cell "
                "far away from the others, or for very long texts."
            )
        case Cause.DAMAGE:
            return ImportRefused("The file is damaged.")


def _too_slow(settings: Settings) -> ImportRefused:
    return ImportRefused(f"Reading the file takes longer than {settings.import_seconds:g} s.")
