"""Delivery receipts: early, late, twice, in parts, and of somebody else."""

from __future__ import annotations

import asyncio

from engine_world import World, outcome
from ghanti.database.session import transaction
from ghanti.dialing import receipts
from ghanti.dialing.attempts import Lease
from ghanti.dialing.models import Channel, Delivery
from ghanti.sms.port import SentPart
from ghanti.sms.receipts import DeliveryState, Receipt


async def _sent(world: World, parts: int = 1) -> tuple[int, Lease]:
    account, smsc = await world.account(), await world.smsc()
    await world.plan(account, 1, Channel.SMS)
    leases = await world.lease_all(world.leaser(Channel.SMS), smsc, channel=Channel.SMS)
    await world.send(leases)
    await world.record(outcome(leases[0], parts=parts, delivery=Delivery.AWAITED))
    return smsc, leases[0]


async def _parts(world: World, smsc: int, lease: Lease, *ids: str) -> None:
    async with transaction(world.sessions) as session:
        parts = [SentPart(number, message_id) for number, message_id in enumerate(ids, start=1)]
        await receipts.insert_parts(
            session,
            [receipts.Accepted(smsc, lease.account_id, lease.attempt_id, part) for part in parts],
        )


async def _came(world: World, smsc: int, lease: Lease, message_id: str, state: DeliveryState) -> None:
    async with transaction(world.sessions) as session:
        receipt = Receipt(message_id=message_id, state=state, recipient=lease.number[1:])
        await receipts.keep(session, smsc, [receipt])


async def _match(world: World) -> int:
    async with transaction(world.sessions) as session:
        return await receipts.match(session)


async def _delivery(world: World) -> str:
    return str(await world.value("SELECT delivery FROM attempts"))


async def test_a_receipt_waits_for_its_part(world: World) -> None:
    smsc, lease = await _sent(world)
    await _came(world, smsc, lease, "A1B2C3D4", DeliveryState.DELIVERED)
    assert await _match(world) == 0
    await _parts(world, smsc, lease, "A1B2C3D4")
    assert await _match(world) == 1
    assert await _delivery(world) == "delivered"
    assert not await world.rows("SELECT FROM delivery_receipts")


async def test_of_two_receipts_for_a_part_the_last_holds_and_none_stays(world: World) -> None:
    smsc, lease = await _sent(world)
    await _parts(world, smsc, lease, "A1B2C3D4")
    await _came(world, smsc, lease, "A1B2C3D4", DeliveryState.EXPIRED)
    await _came(world, smsc, lease, "A1B2C3D4", DeliveryState.DELIVERED)
    await _match(world)
    assert await _delivery(world) == "delivered"
    assert not await world.rows("SELECT FROM delivery_receipts")


async def test_a_text_is_delivered_when_all_its_parts_are(world: World) -> None:
    smsc, lease = await _sent(world, parts=2)
    await _parts(world, smsc, lease, "A1B2C3D4", "A1B2C3D5")
    await _came(world, smsc, lease, "A1B2C3D4", DeliveryState.DELIVERED)
    await _match(world)
    assert await _delivery(world) == "awaited"
    await _came(world, smsc, lease, "A1B2C3D5", DeliveryState.UNDELIVERED)
    await _match(world)
    assert await _delivery(world) == "undelivered"
    await _came(world, smsc, lease, "A1B2C3D5", DeliveryState.DELIVERED)
    await _match(world)
    assert await _delivery(world) == "delivered"
    await world.check()


async def test_receipts_of_others_and_promises_of_more_say_nothing(world: World) -> None:
    smsc, lease = await _sent(world)
    await _parts(world, smsc, lease, "A1B2C3D4")
    await _came(world, smsc, lease, "A1B2C3D4", DeliveryState.ACCEPTED)
    async with transaction(world.sessions) as session:
        other = Receipt(message_id="A1B2C3D4", state=DeliveryState.DELIVERED, recipient="9779800000000")
        await receipts.keep(session, smsc, [other])
    assert await _match(world) == 0
    assert await _delivery(world) == "awaited"
    await world.execute("UPDATE delivery_receipts SET received_at = now() - interval '8 days'")
    async with transaction(world.sessions) as session:
        await receipts.forget_unmatched(session)
    assert not await world.rows("SELECT FROM delivery_receipts")


async def test_one_worker_at_a_time_matches(world: World) -> None:
    smsc, lease = await _sent(world)
    await _parts(world, smsc, lease, "A1B2C3D4")
    await _came(world, smsc, lease, "A1B2C3D4", DeliveryState.DELIVERED)
    async with transaction(world.sessions) as session:
        assert await receipts.match(session) == 1
        async with asyncio.timeout(20):
            assert await _match(world) == 0
