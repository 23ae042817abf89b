"""A served instance: ``ghanti serve`` with simulated phones as a process of its own, to use and to kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ghanti.database.embedded import EmbeddedPostgres
from processes import alive

START_SECONDS = 90.0
STOP_SECONDS = 60.0
PATIENCE_SECONDS = 90.0
_POLL_SECONDS = 0.05

EMAIL, PASSWORD = "ward@example.com", "correct horse"
CREDITS = 10_000

# Short waits, so that campaigns are over soon; long enough that a busy machine takes no worker for dead.
_ENVIRONMENT = {
    "GHANTI_RING_SECONDS": "5",
    "GHANTI_TAKEOVER_SECONDS": "4",
    "GHANTI_LEASE_SECONDS": "5",
    "GHANTI_DRAIN_SECONDS": "20",
}


def wait_until(what: Callable[[], Any], told: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """Ask until the answer is true; answers it. Fails, saying what was waited for, at the deadline."""
    deadline = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain until {told}"
        time.sleep(_POLL_SECONDS)
    return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """This process' environment without settings of ghanti."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GHANTI_")}


def run_ghanti(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of ghanti to its end; ``options`` are those of ``subprocess.run``."""
    return subprocess.run(
        [sys.executable, "-m", "ghanti.cli", *arguments],
        **{"env": clean_environment(), "timeout": PATIENCE_SECONDS, **options},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )


class Served:
    """One data folder and the server on it.

    Args:
        folder: The data folder; the server's own user must be able to reach it.
        environment: Settings over those of the tests.
        launcher: A command that runs the rest of its arguments, before the server's own.
        options: More arguments of ``ghanti serve``.
        trust: What to verify the server's certificate with, when it is told to serve https.
    """

    def __init__(
        self,
        folder: Path,
        *,
        environment: dict[str, str] | None = None,
        launcher: Sequence[str] = (),
        options: Sequence[str] = (),
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.data = folder
        self.port = free_port()
        self.account_id = 0
        self.token = ""
        self.number_id = 0
        self._environment = {**clean_environment(), **_ENVIRONMENT, **(environment or {})}
        self._launcher = list(launcher)
        self._options = list(options)
        self._trust = trust
        self._process: subprocess.Popen[bytes] | None = None

    # Running

    @property
    def url(self) -> str:
        return f"{'http' if self._trust is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def verify(self) -> ssl.SSLContext | bool:
        """How httpx is to verify the server's certificate."""
        return True if self._trust is None else self._trust

    @property
    def output(self) -> Path:
        """What the server said on its terminal."""
        return self.data.with_name(f"{self.data.name}.log")

    def start(self) -> None:
        """Begin to serve; see ``wait_ready``."""
        command = [*self._launcher, sys.executable, "-m", "ghanti.cli", "serve", "--data", str(self.data)]
        command += self._options
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--port", str(self.port), "--carrier", "simulated"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"the server ended with {code}:\n{self.said()}"
        try:
            return (
                httpx.get(f"{self.url}/healthz", timeout=5, verify=self.verify).status_code == httpx.codes.OK
            )
        except httpx.TransportError:
            return False

    def wait_ready(self) -> None:
        wait_until(self.is_ready, f"the server is ready; it said:\n{self.said()}", START_SECONDS)

    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> int:
        """Ask for an orderly end; answers the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self) -> int:
        assert self._process is not None
        return self._process.wait(STOP_SECONDS)

    def close(self) -> None:
        """End whatever is left of it."""
        if self.runs():
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.kill_everything()

    # Its processes

    def status(self) -> dict[str, Any]:
        """The supervisor's status file: pids and states of the roles."""
        status: dict[str, Any] = json.loads((self.data / "run" / "supervisor.json").read_text())
        return status

    def role(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.status()["roles"][name]
        return found

    def kill(self, role: str) -> float:
        """kill -9 a role; answers the moment (Unix time) at which it was gone."""
        pid = self.role(role)["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.role(role)["pid"] != pid, f"the supervisor notices the end of {role}")
        return time.time()

    def wait_back(self, role: str) -> None:
        """Until a role that was killed is ready again, and the whole chain with it."""
        wait_until(lambda: self.role(role)["state"] == "ready", f"{role} is back")
        self.wait_ready()

    def kill_everything(self) -> float:
        """kill -9 the supervisor and all that descends from it; answers when (Unix time)."""
        assert self._process is not None
        family = [self._process.pid, *descendants(self._process.pid)]
        for pid in family:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it went with one that was killed before it
        self._process.wait(STOP_SECONDS)
        wait_until(lambda: not any(map(alive, family)), "all processes are gone")
        return time.time()

    # Using it

    def ghanti(self, *arguments: str) -> dict[str, Any]:
        """A command of ghanti on this data folder; answers the JSON that it prints."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run_ghanti(*arguments, "--data", str(self.data))

    def make_account(self) -> None:
        """An account with credits and a caller number."""
        credits = str(CREDITS)
        made = self.ghanti(
            *("account", "create", EMAIL, "--password", PASSWORD),
            *("--phone-credits", credits, "--sms-credits", credits),
        )
        self.account_id, self.token = made["account_id"], made["api_token"]
        added = self.ghanti("number", "add", "+97715970425", "--account", str(self.account_id))
        self.number_id = added["id"]

    def client(self) -> httpx.Client:
        """A client that speaks for the account."""
        return httpx.Client(
            base_url=f"{self.url}/api/v1/",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
            verify=self.verify,
        )

    def connect(self) -> psycopg.Connection[Any]:
        """A connection to its database."""
        return psycopg.connect(EmbeddedPostgres(self.data).url, autocommit=True)

    def phone_log(self) -> list[dict[str, Any]]:
        """What the simulated phones saw (docs/simulator.md)."""
        return _json_lines(self.data / "simulator" / "phones.jsonl")

    def texts(self) -> list[dict[str, Any]]:
        """What the simulated SMSC took."""
        return _json_lines(self.data / "simulator" / "messages.jsonl")

    def said(self, lines: int = 15) -> str:
        """The end of every log, for the report of a failure."""
        logs = [self.output, *sorted((self.data / "log").glob("*.log"))]
        return "\n".join(f"--- {log.name}\n{_tail(log, lines)}" for log in logs if log.exists())


_SHARED: pytest.StashKey[Served] = pytest.StashKey()


def _shared_server(config: pytest.Config) -> Served:
    """The one server of the session, ready, with an account; started anew if a test left it dead."""
    if _SHARED not in config.stash:
        folder = tempfile.TemporaryDirectory(prefix="ghanti-served-")
        Path(folder.name).chmod(0o711)
        config.add_cleanup(folder.cleanup)
        served = Served(Path(folder.name) / "data")
        config.add_cleanup(served.close)
        config.stash[_SHARED] = served
    served = config.stash[_SHARED]
    if not served.runs():
        served.start()
    served.wait_ready()
    if not served.token:
        served.make_account()
    return served


@pytest.fixture
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The shared server. What its processes said goes into the report of a test that fails."""
    failed_before = request.session.testsfailed
    server = _shared_server(request.config)
    yield server
    if request.session.testsfailed > failed_before:
        request.node.add_report_section("teardown", "server logs", server.said())


def descendants(pid: int) -> list[int]:
    """Children of a process, their children, and so on."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, task.read_text().split()):
            found += [child, *descendants(child)]
    return found


def _json_lines(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    # A line that is being written has no end yet.
    whole = path.read_text(encoding="utf-8").rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def _tail(path: Path, lines: int) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
