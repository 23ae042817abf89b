"""Signals as numbers on a descriptor, so that one selector waits for everything."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextmanager
def signal_descriptor() -> Iterator[int]:
    """Yield a non-blocking descriptor that carries a byte, its number, for each signal received.

    Covers SIGCHLD and the signals that ask for an end, except one that is being ignored (nohup).
    The handlers of before come back at exit. Main thread only.
    """
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    handled = [
        n for n in (*ENDING, signal.SIGCHLD) if n == signal.SIGCHLD or signal.getsignal(n) != signal.SIG_IGN
    ]
    former_descriptor = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    former = {number: signal.signal(number, lambda _number, _frame: None) for number in handled}
    try:
        yield reader
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(former_descriptor)
        os.close(reader)
        os.close(writer)


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9; ``signal 40`` where there is no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
