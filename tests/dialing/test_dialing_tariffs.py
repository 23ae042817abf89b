"""Content is made ready at its number's price, which holds until it is made ready anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from engine_world import World
from ghanti.accounts.models import Role
from ghanti.accounts.service import Principal
from ghanti.campaigns import audience
from ghanti.credits import tariffs
from ghanti.credits.tariff import Tariff
from ghanti.database.session import transaction
from ghanti.dialing.calls import max_seconds
from ghanti.dialing.models import Channel, Plan
from ghanti.dialing.preparation import Preparer
from ghanti.encryption import SecretBox
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.speech.pool import SpeechPool
from priced import NCELL, NTC, numbers

CALL = {"audios": {"message": {"media": "given.ulaw", "ms": 61_000}}}
TEXT = {"template": "नमस्ते " * 12}
"""A minute and a second of given audio, which no voice need speak; two parts of a text."""

NTC_NUMBER, NCELL_NUMBER = numbers(NTC, 1)[0], numbers(NCELL, 1)[0]


@pytest.fixture
async def preparer(world: World, tmp_path: Path) -> AsyncIterator[Preparer]:
    settings = Settings(data=tmp_path)
    path = MediaStore(settings.media_folder).path("given.ulaw")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\xff" * 8)
    async with SpeechPool(settings.media_folder) as pool:
        yield Preparer(world.sessions, settings, SecretBox(b"k" * 32), pool, uuid4())


async def _price(world: World, prefix: str, tariff: Tariff) -> None:
    async with transaction(world.sessions) as session:
        await tariffs.put(session, [(prefix, tariff)])


async def _plan(world: World) -> Plan:
    return await world.plan(
        await world.account(),
        0,
        Channel.CALL,
        Channel.SMS,
        numbers=[NTC_NUMBER, NCELL_NUMBER],
        ready=False,
        call_content=CALL,
        sms_content=TEXT,
    )


def _owner(plan: Plan) -> Principal:
    return Principal(
        plan.account_id, 1, Role.OWNER, ZoneInfo("Asia/Kathmandu"), premium=False, default_voice_id=1
    )


async def _held(world: World, table: str = "targets", units: str = "units") -> list[tuple[object, ...]]:
    rows = await world.rows(
        f"SELECT channel, number, {units}::int, pulse_seconds, price FROM {table}"
        " ORDER BY channel, number DESC"
    )
    return [tuple(row) for row in rows]


async def test_calls_and_texts_hold_by_their_numbers_prefix(world: World, preparer: Preparer) -> None:
    await _price(world, "", Tariff(60, 1, 1))
    await _price(world, "977980", Tariff(30, 4, 3))
    await _plan(world)
    assert await preparer.pass_once() == 4
    expected = [
        ("call", NTC_NUMBER, (2 + 1) * 1, 60, 1),
        ("call", NCELL_NUMBER, (3 + 1) * 4, 30, 4),
        ("sms", NTC_NUMBER, 2 * 1, 60, 1),
        ("sms", NCELL_NUMBER, 2 * 3, 30, 3),
    ]
    assert await _held(world) == expected
    trunk, smsc = await world.trunk(), await world.smsc()
    calls = await world.lease_all(world.leaser(), trunk)
    await world.lease_all(world.leaser(Channel.SMS), smsc, channel=Channel.SMS)
    assert await _held(world, "attempts", "held") == expected
    assert {lease.number: max_seconds(lease, 600) for lease in calls} == {NTC_NUMBER: 180, NCELL_NUMBER: 120}
    assert {max_seconds(lease, 100) for lease in calls} == {100}


async def test_a_new_price_is_for_what_is_made_ready_after_it(world: World, preparer: Preparer) -> None:
    await _price(world, "", Tariff(60, 1, 1))
    plan = await _plan(world)
    await preparer.pass_once()
    before = await _held(world)
    await _price(world, "", Tariff(60, 9, 9))
    assert await preparer.pass_once() == 0
    assert await _held(world) == before
    principal = _owner(plan)
    contact = await world.value("SELECT id FROM contacts WHERE number = :n", n=NTC_NUMBER)
    async with transaction(world.sessions) as session:
        await audience.merge_variables(session, principal, contact, {"name": "राम"})
    assert await preparer.pass_once() == 2
    assert [row[2:] for row in await _held(world)] == [(27, 60, 9), (3, 60, 1), (18, 60, 9), (2, 60, 1)]


async def test_another_number_has_another_price(world: World, preparer: Preparer) -> None:
    await _price(world, "977980", Tariff(30, 4, 3))
    plan = await _plan(world)
    await preparer.pass_once()
    contact = await world.value("SELECT id FROM contacts WHERE number = :n", n=NTC_NUMBER)
    principal = _owner(plan)
    async with transaction(world.sessions) as session:
        await audience.update_number(session, principal, contact, numbers(NCELL, 2)[1], "NP")
    assert await preparer.pass_once() == 2
    assert [row[2:] for row in await _held(world)] == [(16, 30, 4)] * 2 + [(6, 30, 3)] * 2
