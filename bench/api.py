"""Requests a second of one API process at 32 connections, authenticated and counted by the rate limit.

Three endpoints: the list of campaigns (10 of 30), a page of campaign-detail (10 of 5,000 contacts that were
ordered to be called), and adding one contact. PostgreSQL is the embedded one; the load comes from a process
of its own (bench/_load.py).

Anchor: a bare FastAPI route under the same server, asked in the same way just before. Figures are medians
of three runs of four seconds, in bench/results.json under "api".

FLOOR: each 0.08 of the anchor; below it this exits 1. TARGET: 800 requests/s, the 99th percentile under
200 ms; missed targets are reported first.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psycopg
from _figures import record

from ghanti.accounts import service as accounts
from ghanti.database import migrate
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import create_session_factory, opened, transaction
from ghanti.speech.voices import VOICES

CONNECTIONS = 32
SECONDS = 4
RUNS = 3
CAMPAIGNS = 30
CONTACTS = 5_000
TARGET_PER_SECOND = 800
TARGET_P99_MS = 200
FLOOR_RATIO = 0.08

_BARE = """
import asyncio, sys
sys.argv[0] = "bare"
from fastapi import FastAPI
from ghanti import app as ours
from ghanti.settings import get_settings
bare = FastAPI()

@bare.get("/")
async def hello():
    return {"message": "hello"}

async def serve():
    bound = ours.listener("127.0.0.1", 0)
    await ours.Server(ours.server_config(bare)).serve([bound])

asyncio.run(serve())
"""


class Load:
    """The load generator's process."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._next = 9_841_000_000
        script = str(Path(__file__).with_name("_load.py"))
        self._process = subprocess.Popen(
            [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(
        self, port: int, method: str, path: str, status: int, body: str = "", seconds: float = SECONDS
    ) -> dict[str, Any]:
        plan = {
            "port": port,
            "method": method,
            "path": path,
            "status": status,
            "body": body,
            "seconds": seconds,
            "connections": CONNECTIONS,
            "token": self._token,
            "first": self._next,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(plan) + "\n")
        self._process.stdin.flush()
        measured: dict[str, Any] = json.loads(self._process.stdout.readline())
        if measured["wrong"]:
            sys.exit(f"{method} {path} was answered:\n{measured['wrong']}")
        self._next += measured["asked"] + CONNECTIONS
        return measured

    def close(self) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(10)


@contextmanager
def process(*command: str, **environment: str) -> Iterator[int]:
    """A server of its own process, by its port."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GHANTI_")}
    served = subprocess.Popen(
        [sys.executable, *command], env={**clean, **environment}, stdout=subprocess.PIPE, text=True
    )
    assert served.stdout is not None
    try:
        yield int(json.loads(served.stdout.readline())["port"])
    finally:
        served.terminate()
        served.wait(30)


async def new_account(url: str) -> str:
    """The API token of an account that may order everything below."""
    async with opened(url, pool_size=1) as engine, transaction(create_session_factory(engine)) as session:
        made = await accounts.create_account(session, "bench@example.com", "correct horse", 10**6, 10**6)
        return made.api_token


def prepare(url: str) -> str:
    migrate.upgrade(url)
    with psycopg.connect(url) as connection:
        for voice in VOICES:
            connection.execute(
                "INSERT INTO voices (id, display_name, internal_name, is_premium, engine, engine_voice)"
                " VALUES (%s, %s, %s, %s, 'espeak', %s) ON CONFLICT DO NOTHING",
                (voice.id, voice.display_name, voice.internal_name, voice.premium, voice.internal_name),
            )
        connection.execute("INSERT INTO caller_numbers (number) VALUES ('+97715970001')")
    token = asyncio.run(new_account(url))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    return token


def fill(http: httpx.Client) -> tuple[int, int]:
    """Campaigns; answers the one that has contacts and was run, and one to add contacts to."""
    ids = []
    for index in range(CAMPAIGNS):
        body = {"name": f"कर {index}", "services": "PHONE", "user_phone": [], "message": "नमस्ते", "voice": 1}
        made = http.post("campaign/create/", json=body).raise_for_status().json()
        ids.append(made["id"])
        several = [{"number": 9_800_000_000 + number} for number in range(CONTACTS if index == 0 else 20)]
        http.post(f"campaign/{made['id']}/add-contact/", json={"contacts": several}).raise_for_status()
        if index % 2 == 0:
            http.post(f"run-campaign/{made['id']}/").raise_for_status()
    return ids[0], ids[1]


def measure(load: Load, bare: int, port: int, big: int, growing: int) -> dict[str, list[dict[str, Any]]]:
    cases = {
        "list": ("GET", "/api/v1/campaign/", 200, ""),
        "detail": ("GET", f"/api/v1/campaign-detail/{big}/", 200, ""),
        "add": ("POST", f"/api/v1/campaign/{growing}/add-contact/", 201, '{"number": %d}'),
    }
    for case in cases.values():
        load(port, *case, seconds=1)
    load(bare, "GET", "/", 200, seconds=1)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in cases}
    for _ in range(RUNS):
        for name, case in cases.items():
            anchor = load(bare, "GET", "/", 200)["rate"]
            measured = load(port, *case)
            figures = {
                "requests_per_second": round(measured["rate"]),
                "p99_ms": round(measured["p99_ms"], 1),
                "bare_per_second": round(anchor),
                "ratio": round(measured["rate"] / anchor, 3),
            }
            print(f"{name}: {figures}", flush=True)
            runs[name].append(figures)
    return runs


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ghanti-bench-") as folder, ExitStack() as stack:
        Path(folder).chmod(0o711)
        server = stack.enter_context(
            EmbeddedPostgres(Path(folder) / "data", system_folder=Path(folder) / "system")
        )
        token = prepare(server.url)
        bare = stack.enter_context(process("-c", _BARE))
        settings = {
            "GHANTI_DATABASE_URL": server.url,
            "GHANTI_DATA": str(Path(folder) / "data"),
            "GHANTI_PORT": "0",
            "GHANTI_API_REQUESTS_PER_MINUTE": "1000000",
        }
        port = stack.enter_context(process("-m", "ghanti.app", **settings))
        load = Load(token)
        stack.callback(load.close)
        base, headers = f"http://127.0.0.1:{port}/api/v1/", {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=base, headers=headers, timeout=60) as http:
            big, growing = fill(http)
        runs = measure(load, bare, port, big, growing)
    figures = {
        name: {key: median(run[key] for run in each) for key in each[0]} for name, each in runs.items()
    }
    return report(runs, figures)


def report(runs: dict[str, list[dict[str, Any]]], figures: dict[str, dict[str, Any]]) -> int:
    for name, of_it in figures.items():
        if of_it["requests_per_second"] < TARGET_PER_SECOND:
            print(f"MISSED: {name} at {of_it['requests_per_second']}/s, target {TARGET_PER_SECOND}/s")
        if of_it["p99_ms"] > TARGET_P99_MS:
            print(f"MISSED: {name} with a p99 of {of_it['p99_ms']} ms, target {TARGET_P99_MS} ms")
    for name, of_it in figures.items():
        print(f"median of {name}: {of_it}")
    target = {"requests_per_second": TARGET_PER_SECOND, "p99_ms": TARGET_P99_MS}
    record("api", [runs], {**figures, "floor": FLOOR_RATIO, "target": target})
    return 0 if all(of_it["ratio"] >= FLOOR_RATIO for of_it in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
