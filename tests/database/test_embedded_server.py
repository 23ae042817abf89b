"""The embedded server's ordinary life, and the places it may have to live in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from embedded_hosts import Host, ordinary_user

from ghanti.database import binaries, place
from ghanti.database.embedded import DataFolderInUse, EmbeddedPostgres, EmbeddedServerError
from ghanti.database.url import for_libpq, for_sqlalchemy, redacted, with_database

ROOT = os.geteuid() == 0


@pytest.fixture
def server(made_folder: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(made_folder, system_folder=made_folder.with_name("system")) as server:
        yield server


def _psql(server: EmbeddedPostgres, url: str, user: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(server.program("psql")), "--no-psqlrc", "-Atc", "SELECT current_user", url]
    return subprocess.run(
        command, user=user, capture_output=True, text=True, check=False, cwd="/", env={"PATH": os.defpath}
    )


def test_psql_takes_the_url_from_root_and_from_the_servers_user(server: EmbeddedPostgres) -> None:
    assert _psql(server, server.url).stdout == "ghanti\n"
    if ROOT:
        owner = place.find(server.data_folder).user
        assert owner
        assert _psql(server, server.url, owner.name).stdout == "ghanti\n"
        stranger = "daemon"
        assert _psql(server, server.url, stranger).returncode == 2


def test_the_socket_wants_the_password(server: EmbeddedPostgres) -> None:
    password = server.url.split(":")[2].split("@")[0]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url.replace(password, "guessed"))


def test_utf8_with_the_built_in_locale_and_no_port(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale,"
            " current_setting('listen_addresses'), current_setting('TimeZone')"
            " FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert row == ("UTF8", "b", "C.UTF-8", "", "UTC")


def test_a_second_server_on_the_folder_is_told_who_has_it(server: EmbeddedPostgres) -> None:
    code = (
        "import sys; from pathlib import Path; from ghanti.database.embedded import EmbeddedPostgres;"
        "EmbeddedPostgres(Path(sys.argv[1])).start()"
    )
    second = subprocess.run(
        [sys.executable, "-c", code, str(server.data_folder)], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"DataFolderInUse: {server.data_folder} is in use by process {os.getpid()} (" in second.stderr
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_folder_is_free_after_a_stop(server: EmbeddedPostgres) -> None:
    server.stop()
    with EmbeddedPostgres(server.data_folder) as again:
        assert again.is_ready()
        with pytest.raises(DataFolderInUse):
            EmbeddedPostgres(server.data_folder).acquire()
    assert not again.is_ready()


def test_lock_files_that_name_a_living_stranger_are_no_hindrance(server: EmbeddedPostgres) -> None:
    home = place.find(server.data_folder).home
    server.stop()
    stranger = subprocess.Popen(["sleep", "60"], user=home.stat().st_uid, cwd="/")
    try:
        names = f"{stranger.pid}\n{home / 'cluster'}\n1\n5432\n{home / 'socket'}\n\n0 0\nready\n"
        (home / "cluster" / "postmaster.pid").write_text(names)
        (home / "socket" / ".s.PGSQL.5432.lock").write_text(names)
        server.start()
        assert server.is_ready()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_an_interrupted_initdb_is_done_anew(server: EmbeddedPostgres) -> None:
    server.stop()
    home = place.find(server.data_folder).home
    (home / "cluster" / "PG_VERSION").unlink()
    (home / "cluster").rename(home / "cluster.new")
    server.start()
    assert server.is_ready()
    assert not (home / "cluster.new").exists()


def test_a_path_too_long_for_a_socket(data_folder: Path) -> None:
    deep = data_folder / ("x" * 60) / ("y y" * 20)
    server = EmbeddedPostgres(deep, system_folder=data_folder.with_name("system"))
    deep.mkdir(parents=True)
    with server:
        assert _psql(server, server.url).stdout == "ghanti\n"
        folder = place.find(server.data_folder).socket_folder
        assert folder.parent == Path("/tmp")
        assert folder.stat().st_mode & 0o777 == 0o700
    server.remove()
    assert not folder.exists()


def test_another_major_version_is_refused(server: EmbeddedPostgres) -> None:
    server.stop()
    version = place.find(server.data_folder).cluster / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(EmbeddedServerError, match="made by PostgreSQL 17"):
        server.start()


def test_what_stands_in_postgresql_conf_wins(server: EmbeddedPostgres) -> None:
    server.stop()
    with (place.find(server.data_folder).cluster / "postgresql.conf").open("a") as file:
        file.write("work_mem = '3MB'\n")
    server.start()
    with psycopg.connect(server.url) as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("3MB",)


def test_a_start_that_fails_says_why_and_lets_go(data_folder: Path) -> None:
    server = EmbeddedPostgres(
        data_folder, settings={"shared_buffers": "nonsense"}, system_folder=data_folder.with_name("system")
    )
    with pytest.raises(EmbeddedServerError, match="shared_buffers"):
        server.start()
    EmbeddedPostgres(data_folder).acquire()


def test_no_url_before_a_first_start(data_folder: Path) -> None:
    with pytest.raises(EmbeddedServerError, match="no database in"):
        _ = EmbeddedPostgres(data_folder).url


def test_an_ordinary_user_serves_from_the_own_folder(data_folder: Path) -> None:
    user = ordinary_user()
    data_folder.mkdir(mode=0o700)
    if user:
        os.chown(data_folder, user.uid, user.gid)
    host = Host(data_folder, data_folder.with_name("system"), user=user)
    try:
        with psycopg.connect(host.url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert Path(f"/proc/{host.server_pid}").stat().st_uid == data_folder.stat().st_uid
        assert (data_folder / "postgresql" / "cluster").is_dir()
    finally:
        host.kill()


class TestAsRoot:
    """Only root needs any of this; an ordinary user proves that root's ways are not taken."""

    def test_a_closed_folder_keeps_its_mode_and_the_server_lives_elsewhere(self, data_folder: Path) -> None:
        closed = data_folder.with_name("closed")
        closed.mkdir(mode=0o700)
        system = data_folder.with_name("system")
        server = EmbeddedPostgres(closed / "data", system_folder=system)
        with server:
            home = place.find(server.data_folder).home
            assert closed.stat().st_mode & 0o777 == 0o700
            assert home.is_relative_to(system if ROOT else server.data_folder)
            assert _psql(server, server.url).stdout == "ghanti\n"
        server.remove()
        assert not home.exists()

    def test_programs_that_only_root_reaches_are_copied(
        self, data_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        closed = data_folder.with_name("closed")
        closed.mkdir(mode=0o700)
        programs = binaries.bundled()
        package = programs.parents[1]
        (closed / "site").symlink_to(package.parent)
        monkeypatch.setattr(
            binaries, "bundled", lambda: closed / "site" / programs.relative_to(package.parent)
        )
        system = data_folder.with_name("system")
        with EmbeddedPostgres(data_folder, system_folder=system) as server:
            running = Path(f"/proc/{server.pid}/exe").readlink()
            assert running.is_relative_to(system if ROOT else package)
            with psycopg.connect(server.url) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)


def test_urls() -> None:
    url = "postgresql://ghanti:pass@/ghanti?host=/a/b&port=5432"
    assert with_database(url, "other") == "postgresql://ghanti:pass@/other?host=/a/b&port=5432"
    assert for_sqlalchemy(url) == "postgresql+psycopg://ghanti:pass@/ghanti?host=/a/b&port=5432"
    assert for_libpq(for_sqlalchemy(url)) == url
    assert redacted(url) == "postgresql://ghanti@/ghanti?host=/a/b&port=5432"
    assert with_database("postgresql:///a?host=/x", "b") == "postgresql:///b?host=/x"
    with pytest.raises(ValueError, match="not a PostgreSQL URL"):
        for_sqlalchemy("mysql://u:secret@h/d")
