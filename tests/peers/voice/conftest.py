"""Fixtures: a voice process, and phones to call."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from voice_peers import CREDENTIALS, DEADLINE, Phone, Phones, Trunks, Voice, Voices, bound, free_port

TEMPLATE = Path(__file__).with_name("kamailio.cfg")


@pytest.fixture(scope="session")
def voice_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a voice process lives that many tests share, as many campaigns would."""
    folder = tmp_path_factory.mktemp("voice")
    there = Voice(folder)
    with there.log.open("wb") as log:
        process = subprocess.Popen(there.command, stderr=log)
    yield folder
    process.kill()
    process.wait()


@pytest.fixture
async def voice(voice_folder: Path) -> AsyncIterator[Voice]:
    voice = await Voice(voice_folder).join()
    yield voice
    await voice.client.close()


@pytest.fixture
async def start_voice(tmp_path: Path) -> AsyncIterator[Voices]:
    """``start_voice(*options)`` starts a voice process of the test's own, always in the same folder."""
    async with AsyncExitStack() as started:

        async def start(*options: str) -> Voice:
            voice = await Voice(tmp_path, *options).start()
            started.push_async_callback(voice.stop)
            return voice

        yield start


@pytest.fixture
async def own_voice(start_voice: Voices) -> Voice:
    """For a test that does the process harm."""
    return await start_voice()


@pytest.fixture
async def phone(sipp: Path, tmp_path: Path) -> AsyncIterator[Phones]:
    phones: list[Phone] = []

    async def start(scenario: str, **keys: str) -> Phone:
        phones.append(await Phone.start(sipp, tmp_path, scenario, **keys))
        return phones[-1]

    yield start
    for started in phones:
        await started.stop()


@pytest.fixture
async def trunk(kamailio: Path, tmp_path: Path) -> AsyncIterator[Trunks]:
    """Starts Kamailio with routes from the last two digits to ports; gives its port."""
    processes: list[asyncio.subprocess.Process] = []

    async def start(**routes: int) -> int:
        port = free_port()
        lines = [
            f'    if ($rU =~ "{digits[1:]}$") {{ rewritehostport("127.0.0.1:{target}"); t_relay(); exit; }}'
            for digits, target in routes.items()
        ]
        values = {
            "PORT": str(port),
            "USER": CREDENTIALS["username"],
            "PASSWORD": CREDENTIALS["password"].replace('"', '\\"'),
            "ROUTES": "\n".join(lines),
        }
        filled = TEMPLATE.read_text()
        for name, value in values.items():
            filled = filled.replace(f"@{name}@", value)
        config = tmp_path / "kamailio.cfg"
        config.write_text(filled)
        options = ["-f", config, "-DD", "-E", "-m", "32", "-M", "8", "-Y", tmp_path]
        with (tmp_path / "kamailio.log").open("wb") as log:
            processes.append(await asyncio.create_subprocess_exec(kamailio, *options, stdout=log, stderr=log))
        await bound(port)
        return port

    yield start
    for process in processes:
        os.kill(process.pid, signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            await process.wait()
