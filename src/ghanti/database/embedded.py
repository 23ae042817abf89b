"""A PostgreSQL of our own: a child process on a Unix socket, in the data folder.

See docs/decisions/001-embedded-postgresql.md for why, and for the traps that this avoids.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from ghanti.database import binaries, cluster, leftovers, place
from ghanti.database.errors import DataFolderInUse, EmbeddedServerError
from ghanti.database.locks import FolderLock
from ghanti.database.readiness import accepts_connections
from ghanti.database.url import socket_url
from ghanti.supervisor.output import open_log
from ghanti.supervisor.role import Role
from ghanti.supervisor.spawn import launch_command

__all__ = ["DataFolderInUse", "EmbeddedPostgres", "EmbeddedServerError"]

START_SECONDS = 60.0
STOP_SECONDS = 20.0
_POLL_SECONDS = 0.01


class EmbeddedPostgres:
    """The server of one data folder.

    Either give ``role()`` to a supervisor, which restarts it when it is killed, or ``start()`` and ``stop()``
    it oneself (or use it as a context manager). Both take the data folder's lock first.

    Args:
        data_folder: Created if need be. The server's own files are in ``postgresql/`` inside it, or where
            ``postgresql.folder`` says.
        settings: PostgreSQL settings over ghanti's defaults.
        system_folder: Where root's server and a copy of its programs go when an ordinary user can't
            reach them.
    """

    def __init__(
        self,
        data_folder: Path,
        *,
        settings: Mapping[str, str] | None = None,
        system_folder: Path = place.SYSTEM_FOLDER,
    ) -> None:
        self.data_folder = data_folder.resolve()
        self._settings = dict(settings or {})
        self._system_folder = system_folder
        self._locks: list[FolderLock] = []
        self._server: subprocess.Popen[bytes] | None = None

    # What others need to know

    @property
    def url(self) -> str:
        """The URL of the database, password included; psql accepts it from root and from the server's user.

        Raises:
            EmbeddedServerError: the server was never started here, or belongs to somebody else.
        """
        return self.database_url(cluster.DATABASE)

    def database_url(self, name: str) -> str:
        """The URL of another database of this server."""
        found = place.find(self.data_folder)
        try:
            password = found.password_file.read_text().strip()
        except FileNotFoundError:
            raise EmbeddedServerError(
                f"no database in {self.data_folder} yet: start ghanti there once"
            ) from None
        return socket_url(found.socket_folder, cluster.PORT, cluster.USER, password, name)

    def program(self, name: str) -> Path:
        """The path of a bundled client program: ``psql``, ``pg_dump`` or ``pg_restore``."""
        return binaries.bundled() / name

    def is_ready(self) -> bool:
        """Whether it takes connections now."""
        folder = place.find(self.data_folder).socket_folder
        return accepts_connections(folder, cluster.PORT, cluster.USER, cluster.DATABASE)

    # Under a supervisor

    def acquire(self) -> None:
        """Take the data folder, so that no second server is started on it.

        Raises:
            DataFolderInUse: somebody has it; the message says who.
        """
        self._make_data_folder()
        self._lock(self.data_folder)

    def release(self) -> None:
        """Give the data folder back."""
        for lock in self._locks:
            lock.release()
        self._locks.clear()

    def role(self) -> Role:
        """The server as a role called ``postgresql``, made and recovered as need be.

        Call it on the main thread of the process that will supervise.

        Raises:
            DataFolderInUse: somebody has the data folder.
            EmbeddedServerError: the server can't be made.
        """
        self.acquire()
        settled, programs = self._settle()
        return Role(
            name="postgresql",
            argv=cluster.server_command(settled, programs),
            env=cluster.ENVIRONMENT,
            clean_env=True,
            ready=self.is_ready,
            before=lambda: self._clear(settled),
            user=settled.user,
            stop_signal=signal.SIGINT,  # fast: disconnects clients, writes everything
            quit_signal=signal.SIGQUIT,  # immediate: the next start recovers
            death_signal=signal.SIGINT,
            grace=STOP_SECONDS,
        )

    # On one's own

    def start(self) -> None:
        """Start it and wait until it takes connections; on the main thread.

        It ends when this process ends, however that comes about. Its output goes to ``log/postgresql.log``.

        Raises:
            DataFolderInUse: somebody has the data folder.
            EmbeddedServerError: it does not start; the message holds the end of its log.
        """
        try:
            self._run(self.role())
        except BaseException:
            self.stop()
            raise

    def _run(self, role: Role) -> None:
        assert role.before is not None
        role.before()
        log = self.data_folder / "log" / "postgresql.log"
        descriptor = open_log(log)
        try:
            self._server = subprocess.Popen(
                launch_command(role.argv, user=role.user, death_signal=role.death_signal),
                env=dict(role.env),
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                process_group=0,
            )
        finally:
            os.close(descriptor)
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self._server.poll() is not None or time.monotonic() > deadline:
                said = "\n".join(log.read_text(errors="replace").splitlines()[-8:])
                raise EmbeddedServerError(f"PostgreSQL does not start:\n{said}")
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Stop it, everything written, and give the data folder back."""
        if self._server is not None:
            for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                self._server.send_signal(number)
                try:
                    self._server.wait(STOP_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._server = None
        self.release()

    @property
    def pid(self) -> int | None:
        """The server's pid while it runs by ``start()``."""
        return self._server.pid if self._server else None

    def remove(self) -> None:
        """Delete the database for good, wherever it lives.

        Raises:
            DataFolderInUse: somebody runs it.
        """
        if self.data_folder.exists():
            self.acquire()
            place.discard(place.find(self.data_folder))
            self.release()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _make_data_folder(self) -> None:
        # Root's server runs as another user, who must be able to pass through.
        self.data_folder.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)

    def _lock(self, folder: Path) -> None:
        lock = FolderLock(folder)
        lock.acquire()
        self._locks.append(lock)

    def _settle(self) -> tuple[place.Place, Path]:
        settled = place.settle(self.data_folder, self._system_folder)
        if not settled.home.is_relative_to(self.data_folder):
            self._lock(settled.home)  # a copy of the data folder names the same server
        programs = binaries.for_user(settled.user, self._system_folder)
        leftovers.clear(settled.home / "cluster.new", settled.socket_folder)
        cluster.create(settled, programs)
        cluster.write_settings(settled, self._settings)
        return settled, programs

    def _clear(self, settled: place.Place) -> None:
        settled.owned_folder(settled.socket_folder)
        leftovers.clear(settled.cluster, settled.socket_folder)
