"""A server of the demo's own, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from ghanti.database.embedded import EmbeddedPostgres

START_SECONDS = 90
STOP_SECONDS = 40


class DemoError(Exception):
    """The demo cannot go on; the message says what to look at."""


class DemoServer:
    """``ghanti serve`` with simulated phones as a child process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        # The demo's server and commands are its own: nothing of an installation's settings may reach them.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("GHANTI_")}
        self.env["GHANTI_RING_SECONDS"] = "8"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def log(self) -> Path:
        return self.folder / "serve.log"

    def start(self) -> None:
        """Begin afresh. Raises DataFolderInUse when a demo still runs, DemoError for a folder not ours."""
        self._clear()
        command = [sys.executable, "-m", "ghanti.cli", "serve", "--data", str(self.folder)]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self.port), "--carrier", "simulated"],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _clear(self) -> None:
        if self.folder.exists() and any(self.folder.iterdir()) and not self.log.exists():
            raise DemoError(f"{self.folder} holds something else; the demo would delete it")
        EmbeddedPostgres(self.folder).remove()
        try:
            if self.folder.exists():
                shutil.rmtree(self.folder)
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise DemoError(f"{self.folder} cannot be cleared: {error}") from error

    def wait_ready(self) -> None:
        """Return once the whole chain is ready. Raises DemoError with the end of the log."""
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/healthz", timeout=2).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        said = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
        raise DemoError(f"the server did not become ready; the end of {self.log}:\n{said}")

    def stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
