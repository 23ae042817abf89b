"""Fixtures: a voice process, and phones to call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from voice_peers import Phone, Voice


@pytest.fixture
async def voice(tmp_path: Path) -> AsyncIterator[Voice]:
    voice = await Voice(tmp_path).start()
    yield voice
    await voice.stop()


@pytest.fixture
async def phone(sipp: Path, tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Phone]]]:
    phones: list[Phone] = []

    async def start(scenario: str, **keys: str) -> Phone:
        phones.append(await Phone.start(sipp, tmp_path, scenario, **keys))
        return phones[-1]

    yield start
    for started in phones:
        started.stop()
