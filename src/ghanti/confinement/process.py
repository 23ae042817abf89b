"""The outside of a confined process: starting it, ending it, and what it died of."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from enum import Enum, auto

_MEMORY_ERROR = re.compile(r"[\w.]*MemoryError")
_OUT_OF_MEMORY = (signal.SIGABRT, signal.SIGSEGV, signal.SIGKILL, signal.SIGBUS)


class Cause(Enum):
    """What a confined process died of."""

    TIME = auto()
    MEMORY = auto()
    DAMAGE = auto()
    """Neither: the file is not what the reading library takes it for."""


async def start(module: str, *arguments: str) -> Process:
    """A process that runs ``python -m module``. It sees none of our environment, which may hold secrets."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        module,
        *arguments,
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        # One thread of linear algebra: each takes address space of which there is little.
        env={"LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"},
    )


async def end(process: Process) -> None:
    """Leave no process and no pipe behind; what a full pipe still holds is thrown away."""
    if process.returncode is None:
        process.kill()
    await process.communicate()


def last_words(complaints: bytes) -> str:
    """The last line of what a process wrote to its standard error, at most 500 characters of it."""
    return complaints.decode(errors="replace").strip().rpartition("\n")[2][:500]


def cause_of_death(status: int, complaints: bytes) -> Cause:
    """Why it ended without an answer, by its return code and what it wrote to its standard error."""
    if -status == signal.SIGXCPU:
        return Cause.TIME
    if -status in _OUT_OF_MEMORY or _MEMORY_ERROR.match(last_words(complaints)):
        return Cause.MEMORY
    return Cause.DAMAGE
