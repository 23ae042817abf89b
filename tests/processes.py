"""What became of processes that a test started, and of what it waits for."""

from __future__ import annotations

import os
import selectors
import time
from collections.abc import Callable
from pathlib import Path

END_SECONDS = 30.0


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in ("Z", "X")


def eventually(ask: Callable[[], object]) -> None:
    """Wait until ``ask`` answers with something true; fail at a generous deadline."""
    deadline = time.monotonic() + END_SECONDS
    while not ask():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)


def wait_for_end(pid: int) -> None:
    """Wait until a process that is no child of ours has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            assert selector.select(END_SECONDS), f"process {pid} lives on"
    finally:
        os.close(descriptor)
