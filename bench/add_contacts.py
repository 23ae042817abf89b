"""5,000 contacts in one add-contact over HTTP, to one API process: checked, committed and answered.

Each run adds to a campaign of its own. Anchor: as many rows of COPY by bare psycopg into a table without
any index, prepared beforehand, just before each run. What is measured has on top of it the checks, the
indexes, an answer with every contact, and HTTP. Medians of five runs, in bench/results.json under
"add_contacts".

TARGET: 1 s; a missed target is reported first. FLOOR: 60 anchors; else this exits 1.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
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

CONTACTS = 5_000
RUNS = 5
TARGET_SECONDS = 1.0
FLOOR_ANCHORS = 60.0


def account(url: str) -> str:
    async def make() -> str:
        async with opened(url) as engine, transaction(create_session_factory(engine)) as session:
            return (await create_account(session, "bench@example.com", "correct horse", 0, 0)).api_token

    return asyncio.run(make())


def items() -> list[dict[str, Any]]:
    return [
        {
            "number": 9_841_000_000 + row,
            "other_variables": {"name": f"राम बहादुर {row}", "amount": row + 0.5, "ward": row % 33},
        }
        for row in range(CONTACTS)
    ]


def bare_copy(url: str, rows: list[dict[str, Any]]) -> float:
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE TEMPORARY TABLE bare (number text, sent text, carrier text, variables json)"
        )
        lines = "".join(
            f"+977{row['number']}\t{row['number']}\tNTC\t{json.dumps(row['other_variables'])}\n".replace(
                "\\", "\\\\"
            )
            for row in rows
        )
        begun = time.perf_counter()
        with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
            copy.write(lines)
        connection.commit()
        return time.perf_counter() - begun


def post(port: int, token: str, path: str, body: bytes) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/v1/{path}",
        body,
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def measure(url: str, data: Path, token: str) -> list[dict[str, float]]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GHANTI_")}
    environment |= {"GHANTI_DATABASE_URL": url, "GHANTI_DATA": str(data), "GHANTI_PORT": "0"}
    rows = items()
    body = json.dumps({"contacts": rows}).encode()
    campaign = json.dumps({"name": "b", "services": "PHONE", "user_phone": [], "message": "x"}).encode()
    runs = []
    with subprocess.Popen(
        [sys.executable, "-m", "ghanti.app"], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = json.loads(process.stdout.readline())["port"]
            for run in range(RUNS + 1):
                made = post(port, token, "campaign/create/", campaign)["id"]
                anchor = bare_copy(url, rows)
                begun = time.perf_counter()
                added = post(port, token, f"campaign/{made}/add-contact/", body)
                taken = time.perf_counter() - begun
                assert (added["created"], len(added["contacts"]), added["errors"]) == (CONTACTS, CONTACTS, [])
                if run:  # The first one warms up.
                    runs.append({"seconds": round(taken, 3), "anchor_seconds": round(anchor, 4)})
                    print(runs[-1], flush=True)
        finally:
            process.terminate()
    return runs


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ghanti-bench-") as folder:
        Path(folder).chmod(0o711)  # root's database runs as another user
        system = Path(folder) / "system"
        with EmbeddedPostgres(Path(folder) / "data", system_folder=system) as server:
            migrate.upgrade(server.url)
            runs = measure(server.url, Path(folder) / "api", account(server.url))
    seconds = median(run["seconds"] for run in runs)
    ratio = median(run["seconds"] / run["anchor_seconds"] for run in runs)
    if seconds > TARGET_SECONDS:
        print(f"MISSED: the target of {TARGET_SECONDS:g} s")
    figures = {
        "contacts": CONTACTS,
        "seconds": seconds,
        "anchor_seconds": median(run["anchor_seconds"] for run in runs),
        "ratio": round(ratio, 1),
        "floor": FLOOR_ANCHORS,
        "load": round(os.getloadavg()[0], 1),
    }
    record("add_contacts", runs, figures)
    print(json.dumps(figures, indent=2))
    return 0 if ratio <= FLOOR_ANCHORS else 1


if __name__ == "__main__":
    sys.exit(main())
