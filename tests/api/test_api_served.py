"""The real server process: started as its supervisor starts it, spoken to over a socket, told to stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from ghanti import app as application
from ghanti.sockets import listener

PATIENCE = 60


@pytest.fixture
def served(api_database: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    environment = os.environ | {
        "GHANTI_DATABASE_URL": api_database,
        "GHANTI_DATA": str(tmp_path / "data"),
        "GHANTI_PORT": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "ghanti.app"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready.keys() == {"ready", "port"}
    yield process, f"http://127.0.0.1:{ready['port']}"
    process.kill()
    process.wait()
    process.stdout.close()


async def test_serves_and_stops(
    served: tuple[subprocess.Popen[str], str], new_tenant: Callable[..., Any]
) -> None:
    process, url = served
    tenant = await new_tenant("served@example.com")
    headers = {"Authorization": f"Bearer {tenant.token}"}
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, timeout=PATIENCE) as http:
        body = {"name": "x", "services": "PHONE", "user_phone": [], "message": "{name}"}
        campaign = (await http.post("/campaign/create", json=body)).json()
        lines = "number,name\n" + "".join(f"98410{index:05},राम {index}\n" for index in range(5000))
        file = {"bulk_file": ("c.csv", lines.encode(), "text/csv")}
        upload = await http.patch(f"/campaign/create/{campaign['id']}/detail/", files=file)
        assert upload.json()["created"] == 5000
        page = (await http.get(f"/campaign-detail/{campaign['id']}/?limit=1")).json()
        assert page["next"].startswith(url)
        report = await http.get(f"/download/report/{campaign['id']}/")
        assert report.headers["transfer-encoding"] == "chunked"
        assert len(report.content.decode("utf-8-sig").splitlines()) == 5001
        login = await http.post("/auths/login/", json={"email": tenant.email, "password": "correct horse"})
        assert login.status_code == 200
        refused = await http.post("/campaign/create/", content=b"x" * 20_000_000)
        assert refused.status_code == 413
        assert (await http.get(f"{url}/healthz")).status_code == 503
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) in (0, -signal.SIGTERM)


async def test_too_many_connections_are_turned_away(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would take the files and the memory of all."""
    monkeypatch.setattr(application, "_MOST_CONNECTIONS", 3)
    server = uvicorn.Server(application.server_config(app))
    with listener("127.0.0.1", 0) as bound:
        bound.listen()
        host, port = bound.getsockname()
        serving = asyncio.create_task(server.serve([bound]))
        idle = [await asyncio.open_connection(host, port) for _ in range(2)]
        async with httpx.AsyncClient(timeout=PATIENCE) as http:
            url = f"http://{host}:{port}/api/v1/campaign/"
            refused = await http.get(url, headers={"Connection": "close"})
            for _, writer in idle:
                writer.close()
                await writer.wait_closed()
            served = await http.get(url, headers={"Connection": "close"})
        server.should_exit = True
        await serving
    assert (refused.status_code, served.status_code) == (503, 401)
