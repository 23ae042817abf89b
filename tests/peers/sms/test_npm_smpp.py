"""Ghanti's SMS channel against an SMSC that nobody here wrote."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from npm_smsc import NpmSmsc, Start

from ghanti.sms.port import OutgoingSms, SendOutcome
from ghanti.sms.receipts import DeliveryState, Receipt, canonical_id
from ghanti.sms.smpp.channel import SmppChannel
from ghanti.sms.smpp.config import SmscConfig
from ghanti.sms.smpp.session import LinkState, SessionState

pytestmark = pytest.mark.peers

BASE = SmscConfig(
    host="127.0.0.1",
    port=1,
    system_id="ghanti",
    password="secret",
    source="Ghanti",
    messages_per_second=10_000,
    reconnect_seconds=0.05,
)
DEVANAGARI = (
    "आदरणीय ग्राहक राम बहादुर श्रेष्ठज्यू, तपाईंको खानेपानीको बिल रु. १,२५० को म्याद भोलि सकिँदैछ। "
    "कृपया समयमै भुक्तानी गर्नुहोला। थप जानकारीका लागि नगरपालिकाको कार्यालयमा सम्पर्क गर्नुहोस्, धन्यवाद तथा शुभकामना। "
)[:190]


class Owner:
    """Keeps what the channel reports."""

    def __init__(self) -> None:
        self.receipts: asyncio.Queue[Receipt] = asyncio.Queue()
        self.states: asyncio.Queue[SessionState] = asyncio.Queue()

    async def keep(self, receipts: list[Receipt]) -> None:
        for receipt in receipts:
            self.receipts.put_nowait(receipt)

    async def take(self, count: int) -> list[Receipt]:
        async with asyncio.timeout(30):
            return [await self.receipts.get() for _ in range(count)]

    async def until(self, wanted: LinkState) -> SessionState:
        async with asyncio.timeout(30):
            while (state := await self.states.get()).link is not wanted:
                pass
        return state


@asynccontextmanager
async def channel_to(smsc: NpmSmsc, **changes: object) -> AsyncIterator[tuple[SmppChannel, Owner]]:
    owner = Owner()
    config = replace(BASE, port=smsc.port, **changes)  # type: ignore[arg-type]
    channel = SmppChannel(config, owner.keep, owner.states.put_nowait)
    await channel.start()
    try:
        yield channel, owner
    finally:
        await channel.stop()


def phone(number: int = 0) -> str:
    return f"+97798410{number:05d}"


async def test_190_characters_of_devanagari_arrive_joined_and_equal(npm_smsc: Start) -> None:
    assert len(DEVANAGARI) == 190
    smsc = await npm_smsc()
    async with channel_to(smsc) as (channel, owner):
        await owner.until(LinkState.BOUND)
        result = await channel.send(OutgoingSms(phone(), DEVANAGARI))
        assert (result.outcome, len(result.parts)) == (SendOutcome.ACCEPTED, 3)
        (message,) = await smsc.until("message")
        assert message["text"] == DEVANAGARI
        assert (message["to"], message["from"]) == (phone()[1:], "Ghanti")
        states = Counter(receipt.state for receipt in await owner.take(3))
        assert states == {DeliveryState.DELIVERED: 3}


@pytest.mark.parametrize("text", ["{x} [€] ~ it's 5£ @home", "escape € " * 40, "mixed 👨‍👩‍👧 " * 20, "\n"])
async def test_other_alphabets_arrive_equal(npm_smsc: Start, text: str) -> None:
    smsc = await npm_smsc(receipts="none")
    async with channel_to(smsc) as (channel, owner):
        await owner.until(LinkState.BOUND)
        result = await channel.send(OutgoingSms(phone(), text))
        assert result.outcome is SendOutcome.ACCEPTED
        (message,) = await smsc.until("message")
        assert message["text"] == text


@pytest.mark.parametrize("receipts", ["text", "tlv"])
@pytest.mark.parametrize(("ids", "receipt_ids"), [("hex", "decimal"), ("decimal", "hex"), ("hex", "hex")])
async def test_receipts_meet_their_messages(
    npm_smsc: Start, receipts: str, ids: str, receipt_ids: str
) -> None:
    smsc = await npm_smsc(ids=ids, receiptIds=receipt_ids, receipts=receipts)
    async with channel_to(smsc) as (channel, owner):
        await owner.until(LinkState.BOUND)
        sent = [channel.send(OutgoingSms(phone(n), f"message {n}")) for n in range(30)]
        results = await asyncio.gather(*sent)
        by_id = {canonical_id(result.parts[0].message_id): phone(n) for n, result in enumerate(results)}
        assert len(by_id) == 30
        for receipt in await owner.take(30):
            matches = [by_id[candidate] for candidate in receipt.candidates if candidate in by_id]
            assert matches == ["+" + receipt.recipient]
            assert receipt.state is DeliveryState.DELIVERED
        answers = await smsc.until("receipt_answered", 30)
        assert {answer["status"] for answer in answers} == {0}


async def test_throttled_submits_all_arrive_once(npm_smsc: Start) -> None:
    smsc = await npm_smsc(throttleEvery=4, receipts="none")
    async with channel_to(smsc, window=5) as (channel, owner):
        await owner.until(LinkState.BOUND)
        results = await asyncio.gather(
            *(channel.send(OutgoingSms(phone(n), f"message {n}")) for n in range(12))
        )
        assert {result.outcome for result in results} == {SendOutcome.ACCEPTED}
        messages = await smsc.until("message", 12)
        assert sorted(message["to"] for message in messages) == [phone(n)[1:] for n in range(12)]
        assert len(smsc.seen("submit")) > 12


async def test_a_pace_below_the_limit_is_never_throttled(npm_smsc: Start) -> None:
    smsc = await npm_smsc(limit=200, receipts="none")
    async with channel_to(smsc, messages_per_second=150, window=20) as (channel, owner):
        await owner.until(LinkState.BOUND)
        results = await asyncio.gather(
            *(channel.send(OutgoingSms(phone(n), f"message {n}")) for n in range(300))
        )
        assert {result.outcome for result in results} == {SendOutcome.ACCEPTED}
        await smsc.until("message", 300)
        assert len(smsc.seen("submit")) == 300


async def test_a_drop_inside_the_window_is_unknown_and_nothing_is_sent_again(npm_smsc: Start) -> None:
    smsc = await npm_smsc(dropAfter=15, receipts="none")
    async with channel_to(smsc, window=10) as (channel, owner):
        await owner.until(LinkState.BOUND)
        results = await asyncio.gather(
            *(channel.send(OutgoingSms(phone(n), f"message {n}")) for n in range(40))
        )
        outcomes = Counter(result.outcome for result in results)
        assert 1 <= outcomes[SendOutcome.UNKNOWN] <= 10
        assert outcomes[SendOutcome.NOT_SENT] > 0
        assert sum(outcomes.values()) == 40
        await owner.until(LinkState.BOUND)
        assert (await channel.send(OutgoingSms(phone(99), "again"))).outcome is SendOutcome.ACCEPTED
        await smsc.until("bind", 2)
    submits = Counter(told["to"] for told in await smsc.end() if told["event"] == "submit")
    assert set(submits.values()) == {1}
    not_sent = {phone(n)[1:] for n, result in enumerate(results) if result.outcome is SendOutcome.NOT_SENT}
    assert not not_sent & set(submits)


async def test_a_stopped_peer_is_noticed_and_its_messages_are_unknown(npm_smsc: Start) -> None:
    smsc = await npm_smsc(receipts="none")
    changes = {"enquire_seconds": 0.5, "enquire_response_seconds": 1.0, "response_seconds": 60.0}
    async with channel_to(smsc, **changes) as (channel, owner):
        await owner.until(LinkState.BOUND)
        smsc.process.send_signal(signal.SIGSTOP)
        try:
            result = await channel.send(OutgoingSms(phone(), "hello"))
            assert result.outcome is SendOutcome.UNKNOWN
            state = await owner.until(LinkState.DOWN)
            assert "enquire_link" in state.reason
            assert channel.free == 0
        finally:
            smsc.process.send_signal(signal.SIGCONT)
        await owner.until(LinkState.BOUND)
        assert (await channel.send(OutgoingSms(phone(1), "again"))).outcome is SendOutcome.ACCEPTED


async def test_the_window_is_honoured(npm_smsc: Start) -> None:
    smsc = await npm_smsc(hold=True)
    async with channel_to(smsc, window=7, response_seconds=2.0) as (channel, owner):
        await owner.until(LinkState.BOUND)
        tasks = [asyncio.create_task(channel.send(OutgoingSms(phone(n), "hello"))) for n in range(21)]
        await smsc.until("submit", 7)
        assert channel.free == 0
        results = await asyncio.gather(*tasks)
        assert {result.outcome for result in results} == {SendOutcome.UNKNOWN}
        await smsc.until("submit", 21)

    # Where the peer answers, what it had open at once never passed the window.
    answering = await npm_smsc(receipts="none")
    async with channel_to(answering, window=7) as (channel, owner):
        await owner.until(LinkState.BOUND)
        await asyncio.gather(*(channel.send(OutgoingSms(phone(n), "hello")) for n in range(100)))
        messages = await answering.until("message", 100)
        assert 2 <= max(message["peak"] for message in messages) <= 7


async def test_a_wrong_password_needs_a_human(npm_smsc: Start) -> None:
    smsc = await npm_smsc(password="other")
    async with channel_to(smsc) as (channel, owner):
        state = await owner.until(LinkState.REFUSED)
        assert "ESME_RINVPASWD" in state.reason
        assert (await channel.send(OutgoingSms(phone(), "hello"))).outcome is SendOutcome.NOT_SENT
        assert owner.states.empty()
        await smsc.until("bind")
    binds = [told for told in await smsc.end() if told["event"] == "bind"]
    assert binds == [{"event": "bind", "good": False}]


async def test_an_smsc_that_dies(npm_smsc: Start) -> None:
    smsc = await npm_smsc(receipts="none")
    async with channel_to(smsc) as (channel, owner):
        await owner.until(LinkState.BOUND)
        await smsc.end()
        assert (await owner.until(LinkState.DOWN)).reason
        assert (await channel.send(OutgoingSms(phone(), "hello"))).outcome is SendOutcome.NOT_SENT
