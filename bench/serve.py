"""How soon `ghanti serve` is ready, and what it takes when idle.

Ready: seconds from the start of the command to the first 200 of /healthz, on a data folder that has a
database and with files in the page cache; one start before them warms both up. Median of three. Idle: three
seconds after the last of them was ready, per process and in all, PSS (pages that processes share are divided
among them: what the machine really lost) and RSS (shared pages counted again for every process), in MiB,
and percent of one core over ten seconds. The bundled phones and SMSC are part of it.

Anchor: seconds of `python -c "import fastapi, sqlalchemy"`, just before each start. Everything goes to
bench/results.json under "serve".

FLOOR: ready within 5 s, or within 7 anchors where the machine is busy with other things (5 s are 7 anchors
where an anchor takes 0.7 s), and at most 500 MiB PSS in all; else this exits 1.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from statistics import median
from typing import Any

from _figures import cpu_seconds, record

FLOOR_SECONDS = 5.0
FLOOR_ANCHORS = 7.0
FLOOR_MIB = 500
RUNS = 3
SETTLE_SECONDS = 3
CPU_SECONDS = 10
PATIENCE_SECONDS = 120


class Server:
    """One start of the server on ``data``."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        command = [sys.executable, "-m", "ghanti.cli", "serve", "--data", str(data)]
        env = {name: value for name, value in os.environ.items() if not name.startswith("GHANTI_")}
        self._log = data.with_name("serve.log")
        begun = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, "--port", str(self._port)], env=env, stdout=log, stderr=log, start_new_session=True
            )
        try:
            self._wait(begun)
        except BaseException:
            self.stop()
            raise
        self.seconds = time.monotonic() - begun

    def _wait(self, begun: float) -> None:
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() - begun > PATIENCE_SECONDS:
                sys.exit(f"not ready:\n{self._log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def processes(self) -> dict[int, str]:
        """Every process of it with the role that it belongs to."""
        roles = json.loads((self.data / "run" / "supervisor.json").read_text())["roles"]
        found = {self._process.pid: "supervisor"}
        for name, role in roles.items():
            if role["pid"]:
                found |= dict.fromkeys([role["pid"], *descendants(role["pid"])], name)
        return found

    def stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)


def descendants(pid: int) -> list[int]:
    children = [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return children + [below for child in children for below in descendants(child)]


def memory(pid: int) -> tuple[float, float]:
    """PSS and RSS in MiB (proc_pid_smaps(5))."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    kib = {line.split()[0]: int(line.split()[1]) for line in lines}
    return kib["Pss:"] / 1024, kib["Rss:"] / 1024


def anchor() -> float:
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "import fastapi, sqlalchemy"], check=True)
    return time.monotonic() - begun


def idle(server: Server) -> dict[str, Any]:
    time.sleep(SETTLE_SECONDS)
    processes = server.processes()
    roles: dict[str, list[float]] = {}
    for pid, name in processes.items():
        pss, rss = memory(pid)
        sums = roles.setdefault(name, [0, 0.0, 0.0])
        sums[0] += 1
        sums[1] += pss
        sums[2] += rss
    before = sum(map(cpu_seconds, processes))
    time.sleep(CPU_SECONDS)
    used = sum(map(cpu_seconds, processes)) - before
    return {
        "cpu_percent_idle": round(100 * used / CPU_SECONDS, 1),
        "pss_mib": round(sum(sums[1] for sums in roles.values())),
        "rss_mib": round(sum(sums[2] for sums in roles.values())),
        "roles": {
            name: {"processes": int(count), "pss_mib": round(pss, 1), "rss_mib": round(rss, 1)}
            for name, (count, pss, rss) in sorted(roles.items())
        },
    }


def main() -> None:
    anchors, starts = [], []
    with tempfile.TemporaryDirectory(prefix="ghanti-bench-") as folder:
        Path(folder).chmod(0o711)  # root's database runs as another user
        data = Path(folder) / "data"
        Server(data).stop()
        anchor()
        for run in range(RUNS):
            anchors.append(anchor())
            server = Server(data)
            starts.append(server.seconds)
            taken = idle(server) if run == RUNS - 1 else {}
            server.stop()
    ratio = median(start / beside for start, beside in zip(starts, anchors, strict=True))
    runs = [
        {"ready_seconds": round(start, 2), "anchor_seconds": round(beside, 2)}
        for start, beside in zip(starts, anchors, strict=True)
    ]
    figures = {
        "load": round(os.getloadavg()[0], 1),
        "ready_seconds": round(median(starts), 2),
        "anchor_seconds": round(median(anchors), 2),
        "ratio": round(ratio, 2),
        "floor": {"seconds": FLOOR_SECONDS, "anchors": FLOOR_ANCHORS, "pss_mib": FLOOR_MIB},
        **taken,
    }
    record("serve", runs, figures)
    print(json.dumps(figures, indent=2))
    if median(starts) > FLOOR_SECONDS and ratio > FLOOR_ANCHORS:
        sys.exit(f"ready after {median(starts):.1f} s, {ratio:.1f} anchors")
    if taken["pss_mib"] > FLOOR_MIB:
        sys.exit(f"{taken['pss_mib']} MiB, above {FLOOR_MIB}")


if __name__ == "__main__":
    main()
