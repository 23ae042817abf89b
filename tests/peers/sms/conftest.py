"""Peers of the SMS channel."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from typing import Any

import pytest
from npm_smsc import HERE, NpmSmsc, Start


@pytest.fixture
async def npm_smsc() -> AsyncIterator[Start]:
    """Start an SMSC with a script (see smsc.js)."""
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "smpp").is_dir():
        pytest.skip("needs npm smpp (make peers)")
    started: list[NpmSmsc] = []

    async def start(**script: Any) -> NpmSmsc:
        process = await asyncio.create_subprocess_exec(
            node, str(HERE / "smsc.js"), json.dumps(script), stdout=asyncio.subprocess.PIPE
        )
        smsc = NpmSmsc(process, 0)
        started.append(smsc)
        (ready,) = await smsc.until("ready")
        smsc.port = ready["port"]
        return smsc

    yield start
    for smsc in started:
        await smsc.end()
