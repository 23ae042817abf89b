"""One server for one data folder."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from ghanti.database.errors import DataFolderInUse


class FolderLock:
    """An exclusive lock on a folder, held by this process until it ends, however it ends.

    It is a flock(2) on ``<folder>/ghanti.lock``: the kernel frees it with the process, so it is never stale,
    and no child inherits it through exec. The file stays and says who held it last.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "ghanti.lock"
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock; does nothing if we hold it already.

        Raises:
            DataFolderInUse: another process holds it; the message names it.
        """
        if self._descriptor is not None:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _describe(os.pread(descriptor, 4096, 0))
            os.close(descriptor)
            message = f"{self._folder} is in use by {holder}; stop that first, or choose another data folder"
            raise DataFolderInUse(message) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, _introduction(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _introduction() -> bytes:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return json.dumps({"pid": os.getpid(), "command": " ".join(sys.argv)[:500], "since": since}).encode()


def _describe(introduction: bytes) -> str:
    try:
        holder = json.loads(introduction)
        return f"process {holder['pid']} ({holder['command']}) since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
