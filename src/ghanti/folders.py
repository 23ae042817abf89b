"""Folders that nobody else may look into, also where anybody may have made one before us, as in /tmp."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ghanti.supervisor.spawn import User


def own_folder(path: Path, user: User | None = None) -> None:
    """Make ``path`` a folder of ``user`` (None: of the one who runs us), mode 0700; its parent exists.

    Raises:
        PermissionError: it exists and is somebody else's, open to others, or no folder but a link to one.
    """
    owner = user.uid if user else os.geteuid()
    try:
        path.mkdir(mode=0o700)
        if user:
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
            raise PermissionError(f"{path} should be a folder of user {owner}, mode 0700") from None
