"""The report of 1,000,000 contacts with outcomes, downloaded over HTTP from one API process.

Seconds from the request to the last byte and to the first row, and how far the process' resident memory
grew (MiB, polled ten times a second; never less than in the first download, which makes it grow most).
Anchor: `COPY contacts TO STDOUT` by bare psycopg in the same run, just before. One download before them all
warms the database's cache. Medians of three, in bench/results.json under "report".

TARGET: 5 s, the first row within 0.2 s, 50 MiB; a missed target is reported first. FLOOR: 9 anchors, the
first row within a tenth of one, 50 MiB; else this exits 1.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from _figures import record

from ghanti.accounts.service import create_account
from ghanti.database import migrate
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import create_session_factory, opened, transaction

CONTACTS = 1_000_000
RUNS = 3
TARGET_SECONDS, TARGET_FIRST, MOST_MIB = 5.0, 0.2, 50
FLOOR_ANCHORS, FLOOR_FIRST_ANCHORS = 9.0, 0.1

FILL = """
INSERT INTO campaigns (account_id, id, name, services, message) OVERRIDING SYSTEM VALUE
VALUES (1, 1, 'bench', 'PHONE', 'x');
INSERT INTO contacts (account_id, campaign_id, number, number_sent, carrier, variables)
SELECT 1, 1, '+977' || 9840000000 + n, 9840000000 + n, (ARRAY['NTC', 'Ncell', 'Smart'])[1 + n % 3],
       json_build_object('name', 'राम बहादुर ' || n, 'amount', n % 5000 + 0.5, 'ward', n % 33)
  FROM generate_series(1, {contacts}) n;
INSERT INTO plans (account_id, owner_kind, owner_id, call_content, ring_seconds)
VALUES (1, 'campaign', 1, '{{}}', 30);
INSERT INTO targets (account_id, plan_id, contact_id, channel, number, carrier, state, outcome, attempt_id,
                     attempts, credits, ready, final_at)
SELECT 1, p.id, c.id, 'call', c.number, c.carrier, 'final',
       (ARRAY['completed', 'hungup', 'busy'])[1 + c.id % 3],
       gen_random_uuid(), 1, 1, true, now()
  FROM contacts c, plans p ORDER BY c.id;
INSERT INTO attempts (account_id, id, plan_id, target_id, contact_id, channel, number, state, outcome,
                      session_id, lease_until, held, charged, sent_at, ringing_at, answered_at, ended_at,
                      duration_ms, played_ms, total_ms)
SELECT 1, attempt_id, plan_id, id, contact_id, channel, number, 'ended', outcome, gen_random_uuid(), now(),
       2, 1, now(), now(),
       CASE WHEN outcome <> 'busy' THEN now() END, now() + interval '20 s', 19000, 9000, 12800
  FROM targets ORDER BY id;
"""


def fill(url: str) -> str:
    """The first account of an empty database, with a campaign that is over; answers its token."""

    async def account() -> str:
        async with opened(url) as engine, transaction(create_session_factory(engine)) as session:
            return (await create_account(session, "bench@example.com", "correct horse", 0, 0)).api_token

    token = asyncio.run(account())
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FILL.format(contacts=CONTACTS))
        connection.execute("VACUUM ANALYZE")
    return token


def bare_copy(url: str) -> float:
    begun = time.perf_counter()
    with (
        psycopg.connect(url) as connection,
        connection.cursor() as cursor,
        cursor.copy("COPY contacts TO STDOUT (FORMAT csv)") as copy,
    ):
        rows = sum(1 for _ in copy)
    assert rows == CONTACTS
    return time.perf_counter() - begun


class Memory:
    """How far a process' resident memory grows while a block runs, in MiB."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._ended = threading.Event()
        self._before = self._most = self._now()
        self._thread = threading.Thread(target=self._watch)

    def _now(self) -> float:
        line = next(line for line in self._status.read_text().splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self._most = max(self._most, self._now())

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def growth(self) -> float:
        return self._most - self._before


def download(port: int, pid: int, token: str) -> dict[str, float]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/download/report/1/", headers={"Authorization": f"Bearer {token}"}
    )
    lines = size = 0
    with Memory(pid) as memory:
        begun = time.perf_counter()
        with urllib.request.urlopen(request, timeout=300) as answer:
            # The names of the columns are known at once: the first row comes after them.
            header = answer.readline()
            lines, size = 1, len(answer.readline())
            first = time.perf_counter() - begun
            while part := answer.read1(256 * 1024):
                lines += part.count(b"\n")
                size += len(part)
        taken = time.perf_counter() - begun
    assert header.startswith(b"\xef\xbb\xbfnumber,name,amount,ward,status,"), header
    assert lines == CONTACTS, lines
    return {
        "seconds": round(taken, 2),
        "first_row_seconds": round(first, 3),
        "growth_mib": round(memory.growth, 1),
        "megabytes": round(size / 1e6),
    }


def measure(url: str, data: Path, token: str) -> list[dict[str, Any]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GHANTI_")}
    environment |= {"GHANTI_DATABASE_URL": url, "GHANTI_DATA": str(data), "GHANTI_PORT": "0"}
    command = [sys.executable, "-m", "ghanti.app"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["port"]
            warming = download(port, process.pid, token)
            runs = []
            for _ in range(RUNS):
                anchor = bare_copy(url)
                run = download(port, process.pid, token) | {"anchor_seconds": round(anchor, 2)}
                run["growth_mib"] = max(run["growth_mib"], warming["growth_mib"])
                print(run, flush=True)
                runs.append(run)
            return runs
        finally:
            process.terminate()


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ghanti-bench-") as folder:
        Path(folder).chmod(0o711)  # root's database runs as another user
        system = Path(folder) / "system"
        with EmbeddedPostgres(Path(folder) / "data", system_folder=system) as server:
            migrate.upgrade(server.url)
            token = fill(server.url)
            runs = measure(server.url, Path(folder) / "api", token)
    middle = {name: median(run[name] for run in runs) for name in runs[0]}
    ratio = median(run["seconds"] / run["anchor_seconds"] for run in runs)
    first = median(run["first_row_seconds"] / run["anchor_seconds"] for run in runs)
    for name, most in (("seconds", TARGET_SECONDS), ("first_row_seconds", TARGET_FIRST)):
        if middle[name] > most:
            print(f"MISSED: the target of {most} {name}")
    figures = {
        "contacts": CONTACTS,
        **middle,
        "ratio": round(ratio, 2),
        "first_row_ratio": round(first, 3),
        "floor": {"anchors": FLOOR_ANCHORS, "first_row_anchors": FLOOR_FIRST_ANCHORS, "mib": MOST_MIB},
        "load": round(os.getloadavg()[0], 1),
    }
    record("report", runs, figures)
    print(json.dumps(figures, indent=2))
    held = ratio <= FLOOR_ANCHORS and first <= FLOOR_FIRST_ANCHORS and middle["growth_mib"] <= MOST_MIB
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
