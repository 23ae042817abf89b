"""Become another program that ends when the supervisor ends; run as a script, before anything else.

``python -I -S launch.py PARENT SIGNAL UID:GID|- PROGRAM ARGUMENT…``

Between fork and exec Python may do next to nothing safely, so this small program is what the
supervisor starts: it drops to an ordinary user, asks the kernel for SIGNAL at the parent's end and
then *becomes* PROGRAM. The order matters: Linux forgets PR_SET_PDEATHSIG when a process changes its
user (prctl(2)). Elsewhere there is no such call, so it stays, watches the parent and passes signals on.

It imports nothing of ghanti: it must start in milliseconds. PROGRAM is a path, and nothing is imported once
the user has changed: that user may not be able to read this Python.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1  # linux/prctl.h
PARENT_GONE = 125
NOT_FOUND = 127
WATCH_SECONDS = 0.2
PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP)


def drop_to(user: str) -> None:
    """Give up root for ``uid:gid``, with no other group."""
    uid, gid = (int(part) for part in user.split(":"))
    os.chdir("/")  # the folder we were started in may be closed to that user
    os.setgroups([gid])
    os.setgid(gid)
    os.setuid(uid)


def die_with(parent: int, number: int) -> None:
    """Ask for signal ``number`` at the end of ``parent``, which may have ended before we asked."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit(PARENT_GONE)


def watch(parent: int, number: int, argv: Sequence[str]) -> int:
    """Run ``argv`` beside us; returns its exit code, or 128 + the signal that ended it."""
    # A signal that comes before there is somebody to pass it on to waits.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    child = os.posix_spawn(argv[0], list(argv), os.environ, setsigmask=before)

    def pass_on(received: int, _frame: object) -> None:
        os.kill(child, received)

    def follow() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_SECONDS)
        os.kill(child, number)

    for passed in PASSED_ON:
        signal.signal(passed, pass_on)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    threading.Thread(target=follow, daemon=True).start()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def main(arguments: Sequence[str], *, kernel_watches: bool) -> int:
    parent, number, user, *argv = arguments
    if user != "-":
        drop_to(user)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec would pass that on
    try:
        if not kernel_watches:
            return watch(int(parent), int(number), argv)
        die_with(int(parent), int(number))
        os.execv(argv[0], argv)  # noqa: S606  (an argument list, no shell)
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201
        return NOT_FOUND


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], kernel_watches=sys.platform == "linux"))
