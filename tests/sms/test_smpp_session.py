"""The session against an SMSC that misbehaves to order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from scripted_smsc import DELIVER, ENQUIRE, RESPONSE, SUBMIT, UNBIND, Peer, ScriptedSmsc, scripted_smsc

from ghanti.sms.receipts import Receipt
from ghanti.sms.smpp.config import SmscConfig
from ghanti.sms.smpp.pdus import Address, PduError, SubmitSm
from ghanti.sms.smpp.results import SubmitOutcome
from ghanti.sms.smpp.session import LinkState, SessionState, SmppSession

BASE = SmscConfig(
    host="127.0.0.1",
    port=1,
    system_id="ghanti",
    password="secret",
    messages_per_second=10_000,
    reconnect_seconds=0.05,
    response_seconds=30,
    enquire_seconds=30,
)
RECEIPT_BODY = (
    b"\0"
    + b"\1\0019779841234567\0"
    + b"\5\0Ghanti\0"
    + b"\4\0\0\0\0\0\0\0\0"
    + b"\x1cid:A1B2 stat:DELIVRD err:000\0"
)[:-1]


def message(number: int = 0) -> SubmitSm:
    return SubmitSm(Address(5, 0, "Ghanti"), Address(1, 1, "9779841234567"), f"message {number}".encode())


class Recorder:
    """What a session told its owner."""

    def __init__(self) -> None:
        self.states: asyncio.Queue[SessionState] = asyncio.Queue()
        self.batches: asyncio.Queue[list[Receipt]] = asyncio.Queue()
        self.failures = 0

    async def keep(self, receipts: list[Receipt]) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the database is away")
        self.batches.put_nowait(receipts)

    async def state(self, wanted: LinkState) -> SessionState:
        async with asyncio.timeout(20):
            while True:
                state = await self.states.get()
                if state.link is wanted:
                    return state


@asynccontextmanager
async def running(smsc: ScriptedSmsc, **changes: object) -> AsyncIterator[tuple[SmppSession, Recorder]]:
    recorder = Recorder()
    config = replace(BASE, port=smsc.port, **changes)  # type: ignore[arg-type]
    session = SmppSession(config, recorder.keep, recorder.states.put_nowait)
    session.start()
    try:
        yield session, recorder
    finally:
        await session.stop(seconds=0.1)


@pytest.fixture
async def smsc() -> AsyncIterator[ScriptedSmsc]:
    async with scripted_smsc() as server:
        yield server


async def bound(smsc: ScriptedSmsc, session: SmppSession) -> Peer:
    peer = await smsc.bound()
    async with asyncio.timeout(20):
        await session.wait_bound()
    return peer


async def test_the_bind_and_a_submit_on_the_wire(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, _):
        peer = await smsc.accept()
        bind = await peer.bind()
        assert bind.body == b"ghanti\0secret\0\0\x34\0\0\0"
        await session.wait_bound()
        submit = asyncio.create_task(session.submit(message()))
        seen = await peer.next(SUBMIT)
        peer.answer(seen, b"A1B2\0")
        result = await submit
        assert (result.outcome, result.message_id) == (SubmitOutcome.ACCEPTED, "A1B2")


async def test_the_window_is_never_exceeded(smsc: ScriptedSmsc) -> None:
    async with running(smsc, window=4) as (session, _):
        peer = await bound(smsc, session)
        assert session.free == 4
        tasks = [asyncio.create_task(session.submit(message(n))) for n in range(12)]
        open_submits = [await peer.next(SUBMIT) for _ in range(4)]
        for number in range(8):
            # What the session sends between the enquiry and its answer would be beyond the window.
            peer.send(ENQUIRE, 1000 + number)
            assert (await peer.next()).command == ENQUIRE | RESPONSE
            assert session.free == 0
            peer.answer(open_submits.pop(0), b"1\0")
            open_submits.append(await peer.next(SUBMIT))
        for submit in open_submits:
            peer.answer(submit, b"1\0")
        assert {(await task).outcome for task in tasks} == {SubmitOutcome.ACCEPTED}
        assert session.free == 4


async def test_an_urgent_text_is_sent_before_those_that_wait_for_the_pace(smsc: ScriptedSmsc) -> None:
    async with running(smsc, window=20, messages_per_second=80) as (session, _):
        peer = await bound(smsc, session)
        others = [asyncio.create_task(session.submit(message(number))) for number in range(6)]
        urgent = asyncio.create_task(session.submit(message(99), urgent=True))
        order = []
        for _ in range(7):
            seen = await peer.next(SUBMIT)
            order.append(int(seen.body.rpartition(b" ")[2]))
            peer.answer(seen, b"id\0")
        await asyncio.gather(*others, urgent)
        # The first had its turn before the urgent one asked; depth may have given the second one too.
        assert order.index(99) <= 2
        assert [number for number in order if number != 99] == [0, 1, 2, 3, 4, 5]


async def test_a_drop_inside_the_window_is_unknown_and_nothing_is_sent_again(smsc: ScriptedSmsc) -> None:
    async with running(smsc, window=10) as (session, recorder):
        peer = await bound(smsc, session)
        tasks = [asyncio.create_task(session.submit(message(n))) for n in range(25)]
        seen = [await peer.next(SUBMIT) for _ in range(10)]
        for submit in seen[:4]:
            peer.answer(submit, b"1\0")
        first = [await peer.next(SUBMIT) for _ in range(4)]
        peer.drop()
        outcomes = [(await task).outcome for task in tasks]
        assert outcomes.count(SubmitOutcome.ACCEPTED) == 4
        assert outcomes.count(SubmitOutcome.UNKNOWN) == len(seen) - 4 + len(first)
        assert outcomes.count(SubmitOutcome.NOT_SENT) == 25 - 4 - 10
        assert (await recorder.state(LinkState.DOWN)).reason
        assert session.free == 0 or session.state.link is LinkState.BOUND
        again = await bound(smsc, session)
        probe = asyncio.create_task(session.submit(message(99)))
        submit = await again.next(SUBMIT)
        assert submit.body.endswith(b"message 99")
        again.answer(submit, b"2\0")
        assert (await probe).outcome is SubmitOutcome.ACCEPTED


async def test_nothing_is_sent_without_a_link(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, _):
        await smsc.accept()
        assert session.free == 0
        assert (await session.submit(message())).outcome is SubmitOutcome.NOT_SENT


async def test_a_response_that_never_comes_is_unknown_and_a_late_one_is_ignored(smsc: ScriptedSmsc) -> None:
    async with running(smsc, response_seconds=1.5, window=1) as (session, _):
        peer = await bound(smsc, session)
        result = await session.submit(message())
        assert result.outcome is SubmitOutcome.UNKNOWN
        late = await peer.next(SUBMIT)
        peer.answer(late, b"LATE\0")
        second = asyncio.create_task(session.submit(message(1)))
        peer.answer(await peer.next(SUBMIT), b"B\0")
        assert (await second).message_id == "B"


@pytest.mark.parametrize(
    ("status", "permanent"), [(0x0B, True), (0x0A, True), (0x45, False), (0x08, False), (0x4FF, False)]
)
async def test_refusals(smsc: ScriptedSmsc, status: int, permanent: bool) -> None:
    async with running(smsc) as (session, _):
        peer = await bound(smsc, session)
        submit = asyncio.create_task(session.submit(message()))
        peer.answer(await peer.next(SUBMIT), status=status)
        result = await submit
        assert (result.outcome, result.status) == (SubmitOutcome.REFUSED, status)
        assert result.permanent is permanent


async def test_a_generic_nack_refuses_its_request(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, _):
        peer = await bound(smsc, session)
        submit = asyncio.create_task(session.submit(message()))
        seen = await peer.next(SUBMIT)
        peer.send(RESPONSE, seen.sequence, status=0x03)
        result = await submit
        assert (result.outcome, result.status) == (SubmitOutcome.REFUSED, 0x03)


async def test_a_message_that_smpp_cannot_carry_never_leaves(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, _):
        peer = await bound(smsc, session)
        bad = replace(message(), short_message=b"x" * 255)
        result = await session.submit(bad)
        assert (result.outcome, result.permanent) == (SubmitOutcome.REFUSED, True)
        good = asyncio.create_task(session.submit(message(5)))
        assert (await peer.next(SUBMIT)).body.endswith(b"message 5")
        good.cancel()


@pytest.mark.parametrize("status", [0x58, 0x14])
async def test_throttled_is_tried_again_more_slowly(smsc: ScriptedSmsc, status: int) -> None:
    async with running(smsc) as (session, _):
        peer = await bound(smsc, session)
        before = session.rate
        submit = asyncio.create_task(session.submit(message()))
        peer.answer(await peer.next(SUBMIT), status=status)
        peer.answer(await peer.next(SUBMIT), b"A\0")
        assert (await submit).outcome is SubmitOutcome.ACCEPTED
        assert session.rate < before


async def test_endless_throttling_is_told_as_such(smsc: ScriptedSmsc) -> None:
    async with running(smsc, throttle_retries=1) as (session, _):
        peer = await bound(smsc, session)
        submit = asyncio.create_task(session.submit(message()))
        for _ in range(2):
            peer.answer(await peer.next(SUBMIT), status=0x58)
        result = await submit
        assert (result.outcome, result.status) == (SubmitOutcome.THROTTLED, 0x58)


async def test_throttled_then_dropped_was_not_accepted(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, _):
        peer = await bound(smsc, session)
        submit = asyncio.create_task(session.submit(message()))
        peer.answer(await peer.next(SUBMIT), status=0x58)
        peer.drop()
        assert (await submit).outcome in (SubmitOutcome.THROTTLED, SubmitOutcome.NOT_SENT)


async def test_a_wrong_password_is_shown_and_not_tried_again_soon(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, recorder):
        await (await smsc.accept()).bind(status=0x0E)
        state = await recorder.state(LinkState.REFUSED)
        assert "ESME_RINVPASWD" in state.reason
        with pytest.raises(TimeoutError):
            await smsc.accept(seconds=0.5)
        assert session.state == state


async def test_a_busy_smsc_is_tried_again(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, recorder):
        await (await smsc.accept()).bind(status=0x08)
        assert "ESME_RSYSERR" in (await recorder.state(LinkState.DOWN)).reason
        await bound(smsc, session)


async def test_a_silent_peer_is_noticed_and_its_window_becomes_unknown(smsc: ScriptedSmsc) -> None:
    async with running(smsc, enquire_seconds=0.5, enquire_response_seconds=1.0) as (session, recorder):
        peer = await bound(smsc, session)
        submit = asyncio.create_task(session.submit(message()))
        await peer.next(ENQUIRE)
        assert (await submit).outcome is SubmitOutcome.UNKNOWN
        assert "enquire_link" in (await recorder.state(LinkState.DOWN)).reason
        await bound(smsc, session)


async def test_a_peer_that_answers_enquiries_stays(smsc: ScriptedSmsc) -> None:
    async with running(smsc, enquire_seconds=0.1, enquire_response_seconds=10) as (session, _):
        peer = await bound(smsc, session)
        for _ in range(4):
            peer.answer(await peer.next(ENQUIRE))
        assert session.state.link is LinkState.BOUND


async def test_receipts_are_acknowledged_only_once_kept(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, recorder):
        recorder.failures = 1
        peer = await bound(smsc, session)
        peer.send(DELIVER, 70, RECEIPT_BODY)
        refused = await peer.next(DELIVER | RESPONSE)
        assert (refused.sequence, refused.status) == (70, 0x64)
        assert recorder.batches.empty()
        peer.send(DELIVER, 71, RECEIPT_BODY)
        acknowledged = await peer.next(DELIVER | RESPONSE)
        assert (acknowledged.sequence, acknowledged.status) == (71, 0)
        (receipt,) = recorder.batches.get_nowait()
        assert (receipt.message_id, receipt.recipient) == ("A1B2", "9779841234567")


async def test_a_receipt_in_the_same_packet_as_its_response(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, recorder):
        peer = await bound(smsc, session)
        submit = asyncio.create_task(session.submit(message()))
        seen = await peer.next(SUBMIT)
        peer.send(DELIVER, 1, RECEIPT_BODY)
        peer.answer(seen, b"A1B2\0")
        assert (await submit).message_id == "A1B2"
        assert len(await recorder.batches.get()) == 1


async def test_what_is_no_receipt_is_rejected_rather_than_lost(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, _):
        peer = await bound(smsc, session)
        peer.send(DELIVER, 5, RECEIPT_BODY.replace(b"\4\0\0\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0\0"))
        assert (await peer.next(DELIVER | RESPONSE)).status == 0x65
        peer.send(DELIVER, 6, b"\0\1")
        assert (await peer.next(DELIVER | RESPONSE)).status == 0x02


async def test_the_requests_of_an_smsc_are_answered(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, recorder):
        peer = await bound(smsc, session)
        peer.send(ENQUIRE, 11)
        assert (await peer.next()).sequence == 11
        peer.send(0x102, 12, b"\0\0\0\0\0\0")
        peer.send(0x77, 13)
        nack = await peer.next()
        assert (nack.command, nack.status, nack.sequence) == (RESPONSE, 0x03, 13)
        peer.send(UNBIND, 14)
        assert (await peer.next()).command == UNBIND | RESPONSE
        assert "unbound" in (await recorder.state(LinkState.DOWN)).reason


async def test_an_unreadable_stream_ends_the_link_and_a_new_one_begins(smsc: ScriptedSmsc) -> None:
    async with running(smsc) as (session, recorder):
        peer = await bound(smsc, session)
        peer.raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        assert "unreadable" in (await recorder.state(LinkState.DOWN)).reason
        await bound(smsc, session)


async def test_stop_lets_what_is_under_way_end_and_unbinds(smsc: ScriptedSmsc) -> None:
    recorder = Recorder()
    session = SmppSession(replace(BASE, port=smsc.port), recorder.keep, recorder.states.put_nowait)
    session.start()
    peer = await bound(smsc, session)
    submit = asyncio.create_task(session.submit(message()))
    seen = await peer.next(SUBMIT)
    stop = asyncio.create_task(session.stop())
    await asyncio.sleep(0)
    assert (await session.submit(message(1))).outcome is SubmitOutcome.NOT_SENT
    peer.answer(seen, b"A\0")
    unbind = await peer.next()
    assert unbind.command == UNBIND
    peer.answer(unbind)
    await stop
    assert (await submit).outcome is SubmitOutcome.ACCEPTED
    assert session.state.link is LinkState.STOPPED


async def test_an_smsc_that_is_down_is_retried_until_it_is_up() -> None:
    async with scripted_smsc() as gone:
        port = gone.port
    recorder = Recorder()
    session = SmppSession(replace(BASE, port=port), recorder.keep, recorder.states.put_nowait)
    session.start()
    try:
        first = await recorder.state(LinkState.DOWN)
        assert first.reason
        await recorder.state(LinkState.DOWN)
    finally:
        await session.stop()


async def test_a_host_that_cannot_be_a_name_is_shown() -> None:
    recorder = Recorder()
    session = SmppSession(replace(BASE, host="smsc..example"), recorder.keep, recorder.states.put_nowait)
    session.start()
    try:
        assert (await recorder.state(LinkState.DOWN)).reason
        await recorder.state(LinkState.DOWN)
    finally:
        await session.stop()


async def test_a_listener_that_fails_does_not_end_the_session(smsc: ScriptedSmsc) -> None:
    def fail(state: SessionState) -> None:
        raise RuntimeError(state)

    session = SmppSession(replace(BASE, port=smsc.port), Recorder().keep, fail)
    session.start()
    try:
        for _ in range(2):
            peer = await smsc.bound()
            await session.wait_bound()
            peer.drop()
    finally:
        await session.stop(seconds=0.1)


@pytest.mark.parametrize("port", [0, 65536])
def test_a_port_that_is_none_is_refused(port: int) -> None:
    with pytest.raises(PduError):
        replace(BASE, port=port)
