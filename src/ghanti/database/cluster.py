"""A cluster's files: made once, whole or not at all; its settings rewritten at every start."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ghanti.database.binaries import MAJOR
from ghanti.database.errors import EmbeddedServerError
from ghanti.database.place import Place
from ghanti.supervisor.spawn import launch_command

USER = "ghanti"
DATABASE = "ghanti"
PORT = 5432
"""Part of the socket's name only; no port is opened."""

ENVIRONMENT: Mapping[str, str] = {"LC_ALL": "C", "PATH": os.defpath}
"""All that PostgreSQL's programs get: none of the caller's PG… variables."""

_SMALL_SHARED_MEMORY = 256 * 2**20  # Docker gives /dev/shm 64 MB

# For one small server that PostgreSQL shares with everything else ghanti runs.
SETTINGS: Mapping[str, str] = {
    "max_connections": "100",
    "shared_buffers": "96MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "random_page_cost": "1.1",
    "io_method": "sync",  # three I/O workers' memory is worth more here than their help
    "max_parallel_workers": "2",
    "jit": "off",
    "synchronous_commit": "on",  # "sending" is promised to be on disk before a phone rings
    "max_wal_size": "512MB",
    "min_wal_size": "80MB",
    "autovacuum_naptime": "15s",  # queue tables churn
    "client_connection_check_interval": "2s",  # a killed client's query lets go of its locks
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %d ",
    "log_error_verbosity": "terse",  # DETAIL lines hold phone numbers
    "lc_messages": "C",
    "default_text_search_config": "pg_catalog.simple",
}

_POSTGRESQL_CONF = """\
# The included file is ghanti's and is rewritten at every start; what stands below it wins.
include '../ghanti.conf'
"""


def create(place: Place, programs: Path) -> None:
    """Make the cluster if there is none: UTF-8, the built-in C.UTF-8 locale, passwords by SCRAM.

    It is made beside its place and renamed, so one that was interrupted is made anew.

    Raises:
        EmbeddedServerError: initdb failed, or the cluster is of another major version.
    """
    if place.cluster.exists():
        _check_version(place.cluster)
        return
    if place.user is None:
        _check_name()
    if not place.password_file.exists():
        place.write(place.password_file, secrets.token_urlsafe(24) + "\n")
    fresh = place.home / "cluster.new"
    if fresh.exists():
        shutil.rmtree(fresh)
    options = (
        f"--username={USER}",
        f"--pwfile={place.password_file}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--no-instructions",
    )
    _run(place, [str(programs / "initdb"), f"--pgdata={fresh}", *options])
    place.write(fresh / "postgresql.conf", _POSTGRESQL_CONF)
    write_settings(place, {})
    single = [str(programs / "postgres"), "--single", "-D", str(fresh), "postgres"]
    _run(place, single, f"CREATE DATABASE {DATABASE}\n")
    fresh.rename(place.cluster)


def write_settings(place: Place, own: Mapping[str, str]) -> None:
    """Write ``ghanti.conf``: ``SETTINGS``, then ``own`` over them."""
    settings = {**SETTINGS, "dynamic_shared_memory_type": _dynamic_shared_memory(), **own}
    lines = [f"{name} = '{_quoted(value)}'\n" for name, value in settings.items()]
    place.write(place.home / "ghanti.conf", "".join(lines))


def server_command(place: Place, programs: Path) -> list[str]:
    """The server's command line: a Unix socket for its owner and root, and no port."""
    must = {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{place.socket_folder}"',
        "unix_socket_permissions": "0700",
        "logging_collector": "off",  # whoever starts it keeps its output
    }
    arguments = [part for name, value in must.items() for part in ("-c", f"{name}={value}")]
    return [str(programs / "postgres"), "-D", str(place.cluster), *arguments]


def _dynamic_shared_memory() -> str:
    if sys.platform != "linux":
        return "posix"
    try:
        found = os.statvfs("/dev/shm")  # noqa: S108  (asked for its size)
    except OSError:
        return "mmap"
    return "posix" if found.f_frsize * found.f_blocks >= _SMALL_SHARED_MEMORY else "mmap"


def _check_version(cluster: Path) -> None:
    version = (cluster / "PG_VERSION").read_text().strip()
    if version != str(MAJOR):
        raise EmbeddedServerError(
            f"{cluster} was made by PostgreSQL {version} and this ghanti brings {MAJOR}:"
            " dump it with the ghanti that made it, and restore it here"
        )


def _check_name() -> None:
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise EmbeddedServerError(
            f"initdb needs user {os.geteuid()} to have a name:"
            " add it to /etc/passwd (in Docker: of the image)"
        ) from None


def _run(place: Place, argv: Sequence[str], text: str = "") -> None:
    done = subprocess.run(
        launch_command(argv, user=place.user),
        input=text,
        env=dict(ENVIRONMENT),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise EmbeddedServerError(f"{Path(argv[0]).name} failed: {(done.stderr or done.stdout).strip()}")


def _quoted(value: str) -> str:
    return value.replace("'", "''")
