"""Where audio, recordings and uploads lie: a folder, addressed by keys such as ``audio/3f/….ulaw``."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

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

    def size(self, key: str) -> int | None:
        """Bytes of a file; None when there is none."""
        path = self.path(key)
        try:
            return path.stat().st_size if path.is_file() else None
        except FileNotFoundError:
            return None

    def exists(self, key: str) -> bool:
        return self.size(key) is not None

    def delete(self, key: str) -> bool:
        """Remove a file; False when there was none."""
        try:
            self.path(key).unlink()
        except FileNotFoundError:
            return False
        return True
