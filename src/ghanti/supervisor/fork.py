"""Starting a role as a fork of the supervisor: what it imported before is neither imported nor stored again.

A fork keeps whatever its parent has open and handles, so that is undone first. Linux only, where
the kernel ends the fork with its parent; elsewhere a role's command is started (``spawn.py``).
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NoReturn

from ghanti.supervisor.launch import die_with
from ghanti.supervisor.signals import ENDING

AVAILABLE = sys.platform == "linux"

_PR_SET_NAME = 15  # linux/prctl.h
_SIGNALS = (*ENDING, signal.SIGCHLD)
_MOST_DESCRIPTORS = 1 << 20


def fork(
    entry: Callable[[], object], env: Mapping[str, str], name: str, death_signal: signal.Signals
) -> tuple[int, int]:
    """Run ``entry`` in a child with a process group of its own, its output on a pipe.

    ``env`` is added to the environment; ``name`` is what ps shows with -o comm. Returning ends the child
    with 0; SystemExit and exceptions end it as they would end an interpreter. Main thread only, and of a
    process that has no other: locks that another thread holds would stay locked in the child.

    Returns:
        The pid and the non-blocking reading end of a pipe that carries stdout and stderr.
    """
    reader, writer = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # A signal between the fork and the child's first steps would end up in the parent's wake-up pipe.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            _live(entry, env, name, death_signal, parent, writer)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
        os.close(writer)
    with suppress(OSError):
        os.setpgid(pid, pid)
    os.set_blocking(reader, False)
    return pid, reader


def _live(
    entry: Callable[[], object],
    env: Mapping[str, str],
    name: str,
    death_signal: signal.Signals,
    parent: int,
    output: int,
) -> NoReturn:
    """The child's whole life. It leaves by _exit: the parent's clean-up is not its own."""
    code = 1
    try:
        _settle(name, death_signal, parent, output)
        os.environ.update(env)
        entry()
        code = 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else int(ending.code is not None)
        if isinstance(ending.code, str):
            sys.stderr.write(f"{ending.code}\n")
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _settle(name: str, death_signal: signal.Signals, parent: int, output: int) -> None:
    os.setpgid(0, 0)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.set_wakeup_fd(-1)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, place in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, place)
    # The data folder's lock among them: only the supervisor holds it.
    os.closerange(3, _MOST_DESCRIPTORS)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)
    die_with(parent, int(death_signal))
