"""Kill -9 of the server, of its parent, of both."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from embedded_hosts import Host, connects

from ghanti.supervisor.status import status_file
from processes import alive, eventually


@pytest.fixture
def host(made_folder: Path) -> Iterator[Host]:
    host = Host(made_folder, made_folder.with_name("system"))
    yield host
    if alive(host.pid):
        host.kill()
    eventually(lambda: not alive(host.server_pid))


def test_the_server_ends_when_its_parent_is_killed(host: Host) -> None:
    host.kill()
    eventually(lambda: not alive(host.server_pid))
    assert not connects(host.url)


def test_every_acknowledged_row_survives_kill_of_the_whole_tree(host: Host, made_folder: Path) -> None:
    with psycopg.connect(host.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id int PRIMARY KEY)")
    acknowledged = _insert_until_killed(host)
    again = Host(made_folder, made_folder.with_name("system"))
    try:
        with psycopg.connect(again.url) as connection:
            rows = {row[0] for row in connection.execute("SELECT id FROM kept")}
        assert len(acknowledged) >= 200
        assert rows >= set(acknowledged)
    finally:
        again.kill()


def test_a_busy_child_that_outlives_the_server_does_not_keep_the_next_one_out(
    host: Host, made_folder: Path
) -> None:
    with closing(psycopg.connect(host.url)) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row
        os.kill(row[0], signal.SIGSTOP)  # as stuck as can be
        _kill_tree(host)
        assert alive(row[0])
        again = Host(made_folder, made_folder.with_name("system"))
        assert not alive(row[0])
        assert connects(again.url)
        again.kill()


def test_the_supervisor_restarts_a_killed_server_and_connections_resume(made_folder: Path) -> None:
    host = Host(made_folder, made_folder.with_name("system"), supervised=True)
    try:
        first = _server_pid(made_folder)
        assert first is not None
        os.kill(first, signal.SIGKILL)
        eventually(lambda: _server_pid(made_folder) not in (first, None) and connects(host.url))
        assert json.loads(status_file(made_folder).read_text())["roles"]["postgresql"]["restarts"] == 1
        second = _server_pid(made_folder)
        assert second is not None
        assert host.stop() == 0
        assert not alive(second)
    finally:
        if alive(host.pid):
            host.kill()


def _server_pid(made_folder: Path) -> int | None:
    """The server's process; none while it is restarted."""
    return json.loads(status_file(made_folder).read_text())["roles"]["postgresql"]["pid"]


def _kill_tree(host: Host) -> None:
    os.kill(host.server_pid, signal.SIGSTOP)  # so that it can't stop cleanly between the two
    host.kill()
    os.kill(host.server_pid, signal.SIGKILL)


def _insert_until_killed(host: Host) -> list[int]:
    """Insert until the connection breaks, as all is killed after 200 rows. Returns what was acknowledged."""
    acknowledged: list[int] = []
    enough = threading.Event()

    def insert() -> None:
        with psycopg.connect(host.url, autocommit=True) as connection:
            for number in range(10**9):
                try:
                    connection.execute("INSERT INTO kept VALUES (%s)", [number])
                except psycopg.OperationalError:
                    return
                acknowledged.append(number)
                if number == 200:
                    enough.set()

    writer = threading.Thread(target=insert)
    writer.start()
    assert enough.wait(30)
    _kill_tree(host)
    writer.join(30)
    assert not writer.is_alive()
    return acknowledged
