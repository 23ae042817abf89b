"""Starting a program so that it never outlives the process that started it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_LAUNCHER = Path(__file__).with_name("launch.py")


class User(NamedTuple):
    """An ordinary user to drop to; only root may."""

    uid: int
    gid: int
    name: str


def launch_command(
    argv: Sequence[str], *, user: User | None = None, death_signal: signal.Signals = signal.SIGKILL
) -> list[str]:
    """The command that runs ``argv`` as ``user`` and sends it ``death_signal`` when this process ends.

    PR_SET_PDEATHSIG fires when the *thread* that forked ends, so start the command from the main thread.

    Raises:
        RuntimeError: called on another thread.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("start processes from the main thread: they end with the thread that forked them")
    identity = f"{user.uid}:{user.gid}" if user else "-"
    launcher = [sys.executable, "-I", "-S", str(_LAUNCHER)]
    program = shutil.which(argv[0]) or argv[0]
    return [*launcher, str(os.getpid()), str(int(death_signal)), identity, program, *argv[1:]]


def spawn(command: Sequence[str], env: Mapping[str, str]) -> tuple[int, int]:
    """Start ``command`` in a process group of its own, its output on a pipe.

    A group of its own keeps a terminal's Ctrl-C from reaching children before their turn.

    Returns:
        The pid and the non-blocking reading end of a pipe that carries stdout and stderr.
    """
    reader, writer = os.pipe()
    try:
        pid = os.posix_spawn(
            command[0],
            list(command),
            dict(env),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, writer, 1),
                (os.POSIX_SPAWN_DUP2, writer, 2),
            ],
            setpgroup=0,
            setsigmask=[],
        )
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    os.set_blocking(reader, False)
    return pid, reader
