"""Where a data folder's server lives, and as whom it runs.

An ordinary user's server lives in the data folder and runs as that user. PostgreSQL refuses to run as root,
so root's server runs as an ordinary user: the owner of the data folder if that is one, else the first of
``ghanti``, ``postgres`` and ``nobody`` that the machine has. Where that user can't reach the data folder,
the server lives under /var/lib/ghanti and a note in the data folder says so; no parent's mode is ever
loosened.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ghanti.database.errors import EmbeddedServerError
from ghanti.folders import own_folder
from ghanti.supervisor.spawn import User, launch_command

SYSTEM_FOLDER = Path("/var/lib/ghanti")
_ORDINARY_USERS = ("ghanti", "postgres", "nobody")
_LONGEST_SOCKET_FOLDER = 107 - len("/.s.PGSQL.5432")  # bytes of sun_path, less its NUL (unix(7))


@dataclass(frozen=True)
class Place:
    """A server's own folder, mode 0700, and the user it drops to (None: the one who runs us)."""

    data: Path
    home: Path
    user: User | None

    @property
    def cluster(self) -> Path:
        return self.home / "cluster"

    @property
    def password_file(self) -> Path:
        return self.home / "password"

    @property
    def socket_folder(self) -> Path:
        """Where the socket is: at home, or in a short runtime folder when that path is too long."""
        at_home = self.home / "socket"
        if len(os.fsencode(at_home)) <= _LONGEST_SOCKET_FOLDER:
            return at_home
        owner = self.user.uid if self.user else os.geteuid()
        return Path("/tmp") / f"ghanti-{owner}-{_key(self.data)}"  # noqa: S108  (mode and owner are checked)

    def owned_folder(self, path: Path) -> None:
        """Make ``path`` a folder of the server's user, mode 0700.

        Raises:
            EmbeddedServerError: it exists and is not that, or cannot be made.
        """
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            own_folder(path, self.user)
        except PermissionError as error:
            raise EmbeddedServerError(str(error)) from None

    def write(self, path: Path, text: str) -> None:
        """Replace the file ``path`` by one of the server's user, mode 0600."""
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if self.user:
                os.fchown(descriptor, self.user.uid, self.user.gid)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)


def find(data: Path) -> Place:
    """The place that ``data`` has, as far as it can be known before a first start."""
    note = _note(data)
    home = Path(note.read_text().strip()) if note.exists() else data / "postgresql"
    if os.geteuid() != 0:
        _refuse_stranger(home)
        return Place(data, home, None)
    return Place(data, home, _owner(home) or _owner(data) or _ordinary_user())


def settle(data: Path, system_folder: Path) -> Place:
    """The place of ``data``, made if need be.

    Raises:
        EmbeddedServerError: the server's user can't reach it, or it is somebody else's.
    """
    place = find(data)
    if place.user and not place.home.exists() and not _note(data).exists() and not reaches(place.user, data):
        place = _move_out(place, system_folder)
    place.owned_folder(place.home)
    if place.user and not reaches(place.user, place.home):
        raise EmbeddedServerError(f"{place.user.name} can't reach {place.home}: check the modes above it")
    return place


def reaches(user: User, folder: Path) -> bool:
    """Whether ``user`` can enter ``folder``; asked by trying."""
    command = launch_command(["test", "-x", str(folder)], user=user)
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def discard(place: Place) -> None:
    """Delete the server's folder, wherever it is."""
    shutil.rmtree(place.socket_folder, ignore_errors=True)
    if place.home.exists():
        shutil.rmtree(place.home)
    _note(place.data).unlink(missing_ok=True)


def _move_out(place: Place, system_folder: Path) -> Place:
    home = system_folder / "clusters" / _key(place.data)
    if home.exists():  # of an earlier data folder at this path; it may be on a disk that isn't mounted now
        home.rename(home.with_name(f"{home.name}.left-{time.time_ns()}"))
    home.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    _note(place.data).write_text(f"{home}\n")
    return Place(place.data, home, place.user)


def _refuse_stranger(home: Path) -> None:
    try:
        owner = home.stat().st_uid
    except FileNotFoundError:
        return
    except PermissionError:
        raise EmbeddedServerError(f"{home} is closed to this user: run as its owner or as root") from None
    if owner != os.geteuid():
        raise EmbeddedServerError(f"{home} belongs to {_name(owner)}: run as {_name(owner)} or as root")


def _owner(folder: Path) -> User | None:
    """The ordinary user who owns ``folder``; initdb wants one that has a name."""
    try:
        found = folder.stat()
        return User(found.st_uid, found.st_gid, pwd.getpwuid(found.st_uid).pw_name) if found.st_uid else None
    except (FileNotFoundError, KeyError):
        return None


def _ordinary_user() -> User:
    for name in _ORDINARY_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(entry.pw_uid, entry.pw_gid, name)
    raise EmbeddedServerError(
        f"PostgreSQL does not run as root; create one of these users: {_ORDINARY_USERS}"
    )


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _note(data: Path) -> Path:
    return data / "postgresql.folder"


def _key(data: Path) -> str:
    return hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
