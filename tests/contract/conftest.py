"""The printed account: its rows have the printed ids, and it is asked over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from api_world import *  # noqa: F403 - its fixtures, which it lists
from api_world import Tenant, execute
from ghanti.database.session import SessionFactory, transaction
from ghanti.settings import Settings
from ghanti.sockets import listener
from ghanti.trunks.models import CallerNumber
from serving import served

__all__ = ["served"]

CREATE = {
    "name": "example test campaign",
    "services": "PHONE",
    "user_phone": [3],
    "message": "नमस्ते तिङ्तिङ् मा स्वागत् छ",
    "sms_message": "नमस्ते तिङ्तिङ् मा स्वागत् छ",
    "description": "Test message",
    "schedule": "2025-07-08",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Limits are tested by themselves; here the same request comes again and again."""
    return Settings(
        data=tmp_path / "data",
        api_failures_per_minute=1_000_000,
        demo_calls_at_once=1_000,
        otp_gap_seconds=0,
        otp_number_limit=0,
        otp_prefix_limit=0,
        otp_minute_limit=0,
    )


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    """The application behind uvicorn, on a port that the kernel chose."""
    bound = listener("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve([bound]))
    yield f"http://127.0.0.1:{bound.getsockname()[1]}/api/v1/"
    server.should_exit = True
    await serving


@pytest.fixture
async def printed(tenant: Tenant, sessions: SessionFactory, address: str) -> AsyncIterator[Tenant]:
    """An account with the printed ids to come: caller number 3, campaign 79, contact 42."""
    async with transaction(sessions) as session:
        session.add(CallerNumber(id=3, number="+97715970425", account_id=tenant.account_id))
    await execute(sessions, "ALTER TABLE campaigns ALTER id RESTART WITH 79")
    await execute(sessions, "ALTER TABLE contacts ALTER id RESTART WITH 42")
    async with httpx.AsyncClient(base_url=address, headers=tenant.http.headers) as http:
        tenant.http = http
        yield tenant


@pytest.fixture
async def campaign(printed: Tenant) -> Tenant:
    """The printed account with the printed campaign."""
    assert (await printed.http.post("campaign/create/", json=CREATE)).json()["id"] == 79
    return printed
