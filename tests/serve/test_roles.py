"""The worker processes by themselves."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from serving import STOP_SECONDS, clean_environment, wait_until


def _handles(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return bool(caught >> (number - 1) & 1)


@pytest.mark.parametrize("role", ["dialler", "sms", "speech"])
def test_a_role_that_waits_for_its_database_obeys_sigterm(role: str, tmp_path: Path) -> None:
    environment = {
        **clean_environment(),
        "GHANTI_DATABASE_URL": "postgresql://ghanti@127.0.0.1:1/ghanti",
        "GHANTI_DATA": str(tmp_path),
    }
    with subprocess.Popen([sys.executable, "-m", "ghanti.roles", role], env=environment) as process:
        try:
            wait_until(lambda: _handles(process.pid, signal.SIGTERM), "it listens to signals")
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_SECONDS) == 0
        finally:
            process.kill()


def test_an_unknown_role_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ghanti.roles", "cook"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "usage: python -m ghanti.roles dialler|sms|speech|transcribe\n"
