"""What benchmarks share: a process' CPU time, and where figures go.

Each script has its own entry in bench/results.json, replaced by each of its runs.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench/results.json"


def record(name: str, runs: Sequence[object], figures: Mapping[str, object]) -> None:
    """Keep every run and what was made of them, with the commit and the machine they were measured on."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[name] = {"commit": _commit(), "machine": _machine(), "runs": runs, **figures}
    fresh = RESULTS.with_suffix(".new")
    fresh.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    fresh.replace(RESULTS)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process since it began (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _commit() -> str:
    """The checked-out commit; empty where there is no git."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
