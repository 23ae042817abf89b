"""What a killed server leaves behind: processes that hold its memory, and files that name a dead pid.

PostgreSQL itself refuses to start when ``postmaster.pid`` or a socket's lock names *any* living process of
its user, which after a restart of the machine or of a container may well be a stranger. Call ``clear`` only
under the data folder's lock: then every process found here is an orphan.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from ghanti.database.errors import EmbeddedServerError

STOPPING_SECONDS = 5.0
KILLED_SECONDS = 10.0
_POLL_SECONDS = 0.01
_SEES_PROCESSES = Path("/proc/self/cwd").exists()


def clear(cluster: Path, socket_folder: Path) -> None:
    """End every process that still works in ``cluster`` and remove stale lock files.

    A server whose parent was killed is already stopping by itself, cleanly, and is given some seconds;
    children that outlived their server are of no more use to anyone.

    Raises:
        EmbeddedServerError: one of them does not end.
    """
    if _recorded_pid(cluster) in _processes_in(cluster):
        _await_end(cluster, STOPPING_SECONDS)
    for pid in _processes_in(cluster):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # crash recovery loses nothing that was acknowledged
    if not _await_end(cluster, KILLED_SECONDS):
        raise EmbeddedServerError(f"processes of an earlier server in {cluster} do not end")
    if _SEES_PROCESSES:  # elsewhere PostgreSQL's own check has to do
        (cluster / "postmaster.pid").unlink(missing_ok=True)
    for stale in socket_folder.glob(".s.PGSQL.*"):
        stale.unlink(missing_ok=True)


def _await_end(cluster: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _processes_in(cluster):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _recorded_pid(cluster: Path) -> int | None:
    try:
        return int((cluster / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def _processes_in(cluster: Path) -> list[int]:
    """PostgreSQL's living processes with ``cluster`` as their working folder, as all of a server's have."""
    if not _SEES_PROCESSES:
        return []
    target = cluster.resolve()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # it ended meanwhile, or is another user's
                program = Path(str((entry / "exe").readlink()).removesuffix(" (deleted)")).name
                if program == "postgres" and (entry / "cwd").readlink() == target:
                    found.append(int(entry.name))
    return found
