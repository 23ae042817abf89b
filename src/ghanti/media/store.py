"""Where audio, recordings and uploads lie: a folder, addressed by keys such as ``audio/3f/….ulaw``."""

from __future__ import annotations

import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_SCRATCH = ".scratch"
"""Begins with a dot, so that no key names what is in it."""

_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")


class BadKeyError(ValueError):
    """A media key that is absolute, climbs, or holds other characters than keys may have."""


class MediaStore:
    """Files under one folder.

    A key is one or more segments of ASCII letters, digits, ``_``, ``-`` and ``.`` joined by ``/``;
    no segment begins with a dot. Every method raises :class:`BadKeyError` for anything else. All methods
    are safe from several processes at once; they block for the length of a disk access.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, key: str) -> Path:
        """The file of a key, whether or not it exists."""
        if not all(_SEGMENT.fullmatch(segment) for segment in key.split("/")):
            raise BadKeyError(f"not a media key: {key[:80]!r}")
        return self.folder / key

    def put(self, key: str, data: bytes) -> Path:
        """Write a file whole: readers see the old content or the new, never a part of it.

        Not synced to the disk: a power cut may leave an empty file behind.
        """
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return path

    def put_file(self, key: str, source: Path) -> Path:
        """Move a file in, whole as ``put`` does. From ``scratch`` it is a mere rename: no byte is read.

        Raises:
            OSError: it lies on another disk.
        """
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        source.chmod(0o600)
        source.replace(path)
        return path

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder on the store's own disk for files that are being made; it goes with what is left in it."""
        folder = self.folder / _SCRATCH
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as name:
            yield Path(name)

    def size(self, key: str) -> int | None:
        """Bytes of a file; None when there is none."""
        path = self.path(key)
        try:
            return path.stat().st_size if path.is_file() else None
        except FileNotFoundError:
            return None

    def exists(self, key: str) -> bool:
        return self.size(key) is not None

    def touch(self, key: str, every: float = 0.0) -> bool:
        """Have a file count as written just now, so that no clean-up takes it; False when there is none.

        One that was touched within ``every`` seconds is left as it is.
        """
        path = self.path(key)
        try:
            if time.time() - path.stat().st_mtime >= every:
                os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def delete(self, key: str) -> bool:
        """Remove a file; False when there was none."""
        try:
            self.path(key).unlink()
        except FileNotFoundError:
            return False
        return True

    def discard_older(self, prefix: str, seconds: float) -> int:
        """Remove the files under a folder of keys that were written longer ago; answers how many went."""
        return _discard(self.path(prefix), seconds)

    def discard_beyond(self, prefix: str, size: int) -> int:
        """Remove the oldest files under a folder of keys until at most ``size`` bytes are left in it.

        Answers how many went.
        """
        files = []
        for path in self.path(prefix).rglob("*"):
            with suppress(FileNotFoundError):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    files.append((status.st_mtime, status.st_size, path))
        left, removed = sum(length for _, length, _ in files), 0
        for _, length, path in sorted(files):
            if left <= size:
                break
            path.unlink(missing_ok=True)
            left -= length
            removed += 1
        return removed

    def discard_scratch(self, seconds: float) -> int:
        """Remove what processes that were killed left behind."""
        return _discard(self.folder / _SCRATCH, seconds)


def _discard(folder: Path, seconds: float) -> int:
    """Remove old files, and folders that are empty and old."""
    before = time.time() - seconds
    removed = 0
    for path in sorted(folder.rglob("*"), reverse=True):
        # Another process may have been first.
        with suppress(FileNotFoundError):
            if path.lstat().st_mtime >= before:
                continue
            if path.is_dir():
                with suppress(OSError):
                    path.rmdir()
                continue
            path.unlink()
            removed += 1
    return removed
