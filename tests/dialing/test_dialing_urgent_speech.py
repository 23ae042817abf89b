"""What somebody waits for is spoken at once, whatever else is being spoken."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from running_engine import eventually

from engine_world import World
from ghanti.dialing.models import URGENT, Plan, PlanClass
from ghanti.dialing.preparation import NOT_URGENT, Preparer
from ghanti.encryption import SecretBox
from ghanti.settings import Settings
from ghanti.speech.pool import SpeechPool

# An engine that is at any text with the word "hang" in it for as long as it may be.
STALLING = (sys.executable, str(Path(__file__).parents[1] / "speech" / "misbehaving.py"))


@pytest.fixture
async def at_work(world: World, tmp_path: Path) -> AsyncIterator[None]:
    """Both preparers as the speech role has them, with an engine that may stall for longer than any test."""
    settings, box = Settings(data=tmp_path), SecretBox(b"k" * 32)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(
            SpeechPool(settings.media_folder, text_seconds=600, program=STALLING)
        )
        urgent = await stack.enter_async_context(
            SpeechPool(settings.media_folder, 2, text_seconds=600, program=STALLING, batch=1, at_once=True)
        )
        runs = [
            asyncio.create_task(Preparer(world.sessions, settings, box, pool, uuid4(), NOT_URGENT).run()),
            asyncio.create_task(
                Preparer(world.sessions, settings, box, urgent, uuid4(), URGENT).run_at_once()
            ),
        ]
        yield
        for run in runs:
            assert not run.done()
            run.cancel()
            with suppress(asyncio.CancelledError):
                await run


async def _plan(world: World, plan_class: PlanClass, message: str, contacts: int = 1) -> Plan:
    content: dict[str, Any] = {"voice_id": 1, "audios": {"message": {"template": message}}}
    return await world.plan(
        await world.account(), contacts, ready=False, plan_class=plan_class, call_content=content
    )


async def _ready(world: World, plan: Plan) -> int:
    return int(await world.value("SELECT count(*) FROM targets WHERE ready AND plan_id = :id", id=plan.id))


async def _until_ready(world: World, plan: Plan, targets: int = 1) -> None:
    await eventually(lambda: _ready(world, plan), lambda ready: ready == targets)


@pytest.mark.usefixtures("at_work")
async def test_an_urgent_text_waits_behind_no_bulk(world: World) -> None:
    stuck = await _plan(world, PlanClass.BULK, "hang", contacts=200)
    for plan_class in (PlanClass.OTP, PlanClass.DEMO):
        urgent = await _plan(world, plan_class, f"नमस्ते {plan_class}")
        await _until_ready(world, urgent)
    assert await _ready(world, stuck) == 0


@pytest.mark.usefixtures("at_work")
async def test_an_urgent_text_waits_behind_no_other(world: World) -> None:
    stuck = await _plan(world, PlanClass.DEMO, "hang")
    for number in range(20):
        urgent = await _plan(world, PlanClass.OTP, f"नमस्ते {number}")
        await _until_ready(world, urgent)
    assert await _ready(world, stuck) == 0


@pytest.mark.usefixtures("at_work")
async def test_bulk_is_left_to_the_other(world: World) -> None:
    bulk = await _plan(world, PlanClass.BULK, "राम", contacts=3)
    emergency = await _plan(world, PlanClass.EMERGENCY, "सीता", contacts=3)
    for plan in (bulk, emergency):
        await _until_ready(world, plan, 3)
