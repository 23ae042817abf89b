"""One call or message is ended on demand, at every moment of its life."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from direct_world import HARI, SITA, Direct, opened, somebody_waits
from engine_world import World, outcome
from ghanti.database.session import transaction
from ghanti.dialing import attempts, closing
from ghanti.dialing.attempts import Lease
from ghanti.dialing.leasing import trunk_gateway
from ghanti.dialing.models import Channel, Outcome
from ghanti.direct.schemas import State

READY = 'UPDATE targets SET ready = true, content = \'{"ms": 5000, "text": "x"}\' WHERE state = \'waiting\''
RETRIES = {kind: {"times": 3, "gap_seconds": 0} for kind in ("no_answer", "hungup", "failed", "unknown")}
IN_FLIGHT = """
    SELECT a.id FROM attempts a JOIN targets t ON t.account_id = a.account_id AND t.id = a.target_id
     WHERE a.state IN ('sending', 'ringing', 'answered') AND t.hung_up
"""


@pytest.fixture
async def ward(world: World, tmp_path: Path) -> Direct:
    return await opened(world, tmp_path)


async def _leased(ward: Direct) -> tuple[UUID, Lease, int]:
    """A call that is leased, of a campaign whose calls are tried again, and its trunk."""
    campaign = await ward.campaign(retries=RETRIES)
    sid, trunk = await ward.call(campaign), await ward.world.trunk()
    await ward.world.execute(READY)
    await ward.world.open()
    (lease,) = await ward.world.lease_all(ward.world.leaser(), trunk)
    return sid, lease, trunk


async def _over(ward: Direct, sid: UUID, trunk: int) -> tuple[Outcome | None, str | None]:
    """How it ended: never tried again, nothing of it held, its number kept, its plan finished."""
    assert await ward.world.lease_all(ward.world.leaser(), trunk) == []
    await closing.sweep_plans(ward.world.sessions)
    assert await ward.world.rows("SELECT DISTINCT state FROM plans") == [("finished",)]
    found = await ward.status(sid)
    assert (found.state, found.number) == (State.ENDED, SITA)
    await ward.world.check()
    await ward.hang_up(sid)
    assert await ward.status(sid) == found
    return found.outcome, found.reason


async def test_one_that_waits_is_never_leased(ward: Direct) -> None:
    sid, trunk = await ward.call(await ward.campaign()), await ward.world.trunk()
    await ward.world.execute(READY)
    await ward.hang_up(sid)
    assert await _over(ward, sid, trunk) == (Outcome.CANCELLED, "hung up")
    assert not await ward.world.rows("SELECT FROM attempts")


async def test_a_text_that_waits_is_dropped(ward: Direct) -> None:
    sid, other = await ward.message("एक"), await ward.message("दुई", HARI)
    await ward.world.execute(READY)
    await ward.hang_up(sid)
    smsc = await ward.world.smsc()
    (lease,) = await ward.world.lease_all(ward.world.leaser(Channel.SMS), smsc, channel=Channel.SMS)
    assert lease.attempt_id == other
    assert (await ward.status(sid)).outcome is Outcome.CANCELLED
    await ward.world.check()


async def test_one_that_is_leased_is_given_back_and_ends(ward: Direct) -> None:
    sid, lease, trunk = await _leased(ward)
    await ward.hang_up(sid)
    assert await ward.world.send([lease]) == set()
    assert await _over(ward, sid, trunk) == (Outcome.CANCELLED, "hung up")


async def test_one_that_is_leased_just_now_is_hung_up(ward: Direct) -> None:
    """A tick has its balance, and commits its lease while the order to hang up waits for it."""
    sid, trunk = await ward.call(await ward.campaign()), await ward.world.trunk()
    await ward.world.execute(READY)
    async with transaction(ward.world.sessions) as session:
        (lease,) = await ward.world.leaser().grant(session, trunk_gateway(trunk), 10)
        hanging_up = asyncio.create_task(ward.hang_up(sid))
        await somebody_waits(ward.world)
    await hanging_up
    assert await ward.world.send([lease]) == set()
    assert await _over(ward, sid, trunk) == (Outcome.CANCELLED, "hung up")


async def test_one_that_is_sent_just_now_is_found_by_its_dialler(ward: Direct) -> None:
    """The second commit has locked the attempt when it is to be hung up."""
    sid, lease, trunk = await _leased(ward)
    async with transaction(ward.world.sessions) as session:
        assert await attempts.begin_sending(session, [lease.attempt_id]) == {sid}
        hanging_up = asyncio.create_task(ward.hang_up(sid))
        await somebody_waits(ward.world)
    await hanging_up
    assert [row.id for row in await ward.world.rows(IN_FLIGHT)] == [sid]
    await ward.world.record(outcome(lease, Outcome.CANCELLED))
    assert (await _over(ward, sid, trunk))[0] is Outcome.CANCELLED


@pytest.mark.parametrize("ended", [Outcome.HUNGUP, Outcome.NO_ANSWER, Outcome.UNKNOWN, Outcome.FAILED])
async def test_however_a_call_in_flight_ends_it_is_not_tried_again(ward: Direct, ended: Outcome) -> None:
    sid, lease, trunk = await _leased(ward)
    await ward.world.send([lease])
    await ward.hang_up(sid)
    assert (await ward.status(sid)).state is State.DIALING
    await ward.world.record(outcome(lease, ended))
    assert (await _over(ward, sid, trunk))[0] is ended


async def test_one_that_the_channel_gives_back_ends(ward: Direct) -> None:
    sid, lease, trunk = await _leased(ward)
    await ward.world.send([lease])
    await ward.hang_up(sid)
    async with transaction(ward.world.sessions) as session:
        assert await attempts.void_unsent(session, [lease.attempt_id], "capacity") == 1
    assert await _over(ward, sid, trunk) == (Outcome.CANCELLED, "hung up")


async def test_one_that_waits_to_be_tried_again_is_not(ward: Direct) -> None:
    sid, lease, trunk = await _leased(ward)
    await ward.world.send([lease])
    await ward.world.record(outcome(lease, Outcome.NO_ANSWER))
    again = await ward.status(sid)
    assert (again.state, again.attempt_id, again.outcome) == (State.WAITING, sid, None)
    await ward.hang_up(sid)
    assert await _over(ward, sid, trunk) == (Outcome.CANCELLED, "hung up")


async def test_others_of_its_plan_go_on(ward: Direct) -> None:
    campaign = await ward.campaign()
    sid, other = await ward.call(campaign), await ward.call(campaign, HARI)
    await ward.world.execute(READY)
    await ward.hang_up(sid)
    (lease,) = await ward.world.lease_all(ward.world.leaser(), await ward.world.trunk())
    assert lease.attempt_id == other
