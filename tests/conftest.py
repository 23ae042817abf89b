"""What every suite shares: a PostgreSQL, fresh databases, and the rule that nothing is left out silently."""

from __future__ import annotations

import gc
import os
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.url import with_database
from processes import alive

CI = os.environ.get("CI", "").lower() not in ("", "0", "false")

_left_out: Counter[tuple[str, str]] = Counter()
"""How many tests of which suite were left out, and why."""


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """A data folder that an ordinary user reaches, as pytest's own temporary folders are closed to others."""
    with tempfile.TemporaryDirectory(prefix="ghanti-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder) / "data"
        _let_servers_end(Path(folder))


def _let_servers_end(folder: Path) -> None:
    """A server whose host was killed ends by itself, but not at once, and writes until then."""
    deadline = time.monotonic() + 60
    for file in folder.rglob("postmaster.pid"):
        with suppress(OSError, ValueError):
            server = int(file.read_text().split()[0])
            while alive(server) and file.exists():
                assert time.monotonic() < deadline, f"the server {server} in {folder} does not end"
                time.sleep(0.02)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """The one server of the session; what tests write need not survive the machine."""
    with tempfile.TemporaryDirectory(prefix="ghanti-") as folder:
        Path(folder).chmod(0o711)
        hasty = {"fsync": "off", "full_page_writes": "off", "max_connections": "200"}
        system_folder = Path(folder) / "system"
        with EmbeddedPostgres(Path(folder) / "data", settings=hasty, system_folder=system_folder) as server:
            yield server


@pytest.fixture
def create_database(postgres_server: EmbeddedPostgres) -> Iterator[Callable[..., str]]:
    """``create_database(template="template0")`` makes a database for this test and returns its URL."""
    administration = postgres_server.database_url("postgres")
    created: list[str] = []

    def create(template: str = "template0") -> str:
        name = f"test_{secrets.token_hex(6)}"
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        with psycopg.connect(administration, autocommit=True) as connection:
            connection.execute(command.format(sql.Identifier(name), sql.Identifier(template)))
        created.append(name)
        return with_database(administration, name)

    yield create
    with psycopg.connect(administration, autocommit=True) as connection:
        for name in created:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(create_database: Callable[..., str]) -> str:
    """The URL of an empty database of this test's own."""
    return create_database()


def pytest_collection_finish() -> None:
    """What was imported stays: looking through it for garbage again and again takes a sixth of a run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _notice(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    _notice(report)


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        _left_out[_suite(item.nodeid), "deselected"] += 1


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Reports reach the controller by themselves; what a worker of xdist deselected does not."""
    for suite, count in getattr(node, "workeroutput", {}).get("deselected", {}).items():
        _left_out[suite, "deselected"] = max(count, _left_out[suite, "deselected"])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["deselected"] = {suite: n for (suite, why), n in _left_out.items() if why == "deselected"}
        return
    if CI and _left_out and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _left_out:
        return
    verdict = "left out, which fails in CI" if CI else "left out"
    terminalreporter.section(verdict, red=CI, yellow=not CI)
    width = max(len(suite) for suite, _ in _left_out)
    for (suite, why), count in sorted(_left_out.items()):
        terminalreporter.line(f"{count:5d}  {suite:{width}}  {why}")


def _notice(report: pytest.TestReport | pytest.CollectReport) -> None:
    if hasattr(report, "wasxfail"):
        _left_out[_suite(report.nodeid), f"expected to fail: {report.wasxfail or 'no reason given'}"] += 1
    elif report.skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _left_out[_suite(report.nodeid), why.removeprefix("Skipped: ")] += 1


def _suite(nodeid: str) -> str:
    return nodeid.partition("::")[0]
