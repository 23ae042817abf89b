"""Trunks, SMSCs and caller numbers: what is accepted, changed and shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine_world import World
from ghanti.database.session import transaction
from ghanti.encryption import SecretBox
from ghanti.trunks import repository
from ghanti.trunks.service import SmscOrder, TrunkError, TrunkOrder, add_number, put_smsc, put_trunk

BOX = SecretBox(b"a key for tests")
TRUNK = TrunkOrder("ntc", "sip.example", username="u", password="hush", cps=3.5)
SMSC = SmscOrder("ntc", "smsc.example", "ghanti", "hushhush")


async def test_a_trunk_is_put_and_changed_by_its_name_and_its_password_is_not_readable(world: World) -> None:
    async with transaction(world.sessions) as session:
        first = await put_trunk(session, BOX, TRUNK)
    async with transaction(world.sessions) as session:
        again = await put_trunk(session, BOX, replace(TRUNK, max_calls=7, reserved_percent=0))
        assert (again.id, again.max_calls, again.host) == (first.id, 7, "sip.example")
        assert (first.reserved_percent, again.reserved_percent) == (5, 0)
        assert again.password is not None
        assert b"hush" not in again.password
        assert BOX.decrypt(again.password) == "hush"
        assert [trunk.id for trunk in await repository.trunks(session, simulated=False)] == [first.id]
        assert not await repository.trunks(session, simulated=True)


@pytest.mark.parametrize(
    "change",
    [
        {"cps": 0},
        {"max_calls": 0},
        {"reserved_percent": 51},
        {"reserved_percent": -1},
        {"codecs": ("G729",)},
        {"number_format": "local"},
    ],
)
async def test_a_trunk_that_cannot_be_is_refused(world: World, change: dict[str, object]) -> None:
    with pytest.raises(TrunkError):
        async with transaction(world.sessions) as session:
            await put_trunk(session, BOX, replace(TRUNK, **change))  # type: ignore[arg-type]
    assert not await world.rows("SELECT FROM trunks")


@pytest.mark.parametrize(
    "change",
    [
        {"messages_per_second": 0},
        {"window_size": 0},
        {"reserved_percent": 51},
        {"password": "x" * 65},
        {"system_id": "x" * 16},
    ],
)
async def test_an_smsc_that_cannot_be_is_refused(world: World, change: dict[str, object]) -> None:
    with pytest.raises(TrunkError):
        async with transaction(world.sessions) as session:
            await put_smsc(session, BOX, replace(SMSC, **change))  # type: ignore[arg-type]
    async with transaction(world.sessions) as session:
        smsc = await put_smsc(session, BOX, SMSC)
        assert BOX.decrypt(smsc.password) == "hushhush"
        assert [row.id for row in await repository.smscs(session, simulated=False)] == [smsc.id]


async def test_caller_numbers_are_an_accounts_own_or_shared(world: World) -> None:
    mine, yours = await world.account(), await world.account()
    async with transaction(world.sessions) as session:
        own = await add_number(session, "+97715970425", mine)
        shared = await add_number(session, "+97715970426", None)
        assert (await add_number(session, "+97715970425", mine)).id == own.id
        usable = await repository.usable_caller_numbers(session, mine)
        assert [number.id for number in usable] == [own.id, shared.id]
        assert [n.id for n in await repository.usable_caller_numbers(session, yours)] == [shared.id]
        assert [n.id for n in await repository.usable_caller_numbers(session, mine, [shared.id])] == [
            shared.id
        ]
        with pytest.raises(TrunkError, match="already belongs"):
            await add_number(session, "+97715970425", yours)
        with pytest.raises(TrunkError, match="international form"):
            await add_number(session, "015970425", mine)
