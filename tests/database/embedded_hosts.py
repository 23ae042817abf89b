"""Processes that host an embedded server, so that tests can kill them."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import psycopg

from ghanti.database.place import reaches
from ghanti.supervisor.spawn import User
from processes import END_SECONDS

_ALONE = """
import sys
from pathlib import Path
from ghanti.database.embedded import EmbeddedPostgres
data, system = map(Path, sys.argv[1:])
server = EmbeddedPostgres(data, system_folder=system)
server.start()
print(server.url, server.pid, flush=True)
sys.stdin.read()
server.stop()
"""

_SUPERVISED = """
import sys
from pathlib import Path
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.supervisor.supervisor import Supervisor
data, system = map(Path, sys.argv[1:])
server = EmbeddedPostgres(data, system_folder=system)
def announce():
    print(server.url, 0, flush=True)
sys.exit(Supervisor([server.role()], server.data_folder, on_ready=announce).run())
"""


class Host:
    """A Python process with an embedded server under it; ``url`` once that is ready."""

    def __init__(
        self, data: Path, system: Path, *, supervised: bool = False, user: User | None = None
    ) -> None:
        source = Path(__file__).parents[2] / "src"
        path = f"{source}{os.pathsep}{sysconfig.get_path('purelib')}"
        self._process = subprocess.Popen(
            [_python(user), "-c", _SUPERVISED if supervised else _ALONE, str(data), str(system)],
            env={"PATH": os.defpath, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if supervised else subprocess.PIPE,
            text=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=() if user else None,
            cwd="/",
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, self._said()
        self.url, pid = line.split()
        self.server_pid = int(pid)
        self.pid = self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._close()

    def stop(self) -> int:
        self._process.terminate()
        self._close()
        return self._process.returncode

    def _close(self) -> None:
        self._process.communicate(timeout=END_SECONDS)

    def _said(self) -> str:
        return self._process.stderr.read() if self._process.stderr else "see its log"


def ordinary_user() -> User | None:
    """Someone to run as when the tests run as root."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return User(entry.pw_uid, entry.pw_gid, entry.pw_name)


def _python(user: User | None) -> str:
    """This Python, or the system's where ``user`` can't reach this one."""
    if user is None or reaches(user, Path(sys.executable).resolve()):
        return sys.executable
    found = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    assert found, f"{user.name} needs a Python outside {sys.base_prefix}"
    return found


def connects(url: str) -> bool:
    try:
        with psycopg.connect(url) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False
