"""Whole texts, against the simulated SMSC and against smpp34's own server."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import smpp34
from scripted_smsc import SUBMIT, scripted_smsc

from ghanti.simulator.smsc import Options, Smsc
from ghanti.sms.port import OutgoingSms, SendOutcome, SmsChannel
from ghanti.sms.receipts import DeliveryState, Receipt, canonical_id
from ghanti.sms.smpp.channel import SmppChannel
from ghanti.sms.smpp.config import SmscConfig
from ghanti.sms.smpp.session import LinkState

BASE = SmscConfig(
    host="127.0.0.1",
    port=1,
    system_id="ghanti",
    password="secret",
    source="Ghanti",
    messages_per_second=10_000,
    reconnect_seconds=0.05,
)
DEVANAGARI = "नमस्कार! तपाईंको पानीको बिल रु. ५०० तिर्नुहोस्। " * 4
PHONE = "+9779841000000"


class Receipts:
    def __init__(self) -> None:
        self._queue: asyncio.Queue[Receipt] = asyncio.Queue()

    async def keep(self, receipts: list[Receipt]) -> None:
        for receipt in receipts:
            self._queue.put_nowait(receipt)

    async def take(self, count: int) -> list[Receipt]:
        async with asyncio.timeout(20):
            return [await self._queue.get() for _ in range(count)]


@asynccontextmanager
async def channel_to(port: int, **changes: object) -> AsyncIterator[tuple[SmppChannel, Receipts]]:
    receipts = Receipts()
    channel = SmppChannel(replace(BASE, port=port, **changes), receipts.keep)  # type: ignore[arg-type]
    await channel.start()
    try:
        async with asyncio.timeout(20):
            await channel.wait_up()
        yield channel, receipts
    finally:
        await channel.stop()


@asynccontextmanager
async def simulated(folder: Path, **options: object) -> AsyncIterator[Smsc]:
    smsc = Smsc(Options(log=folder / "messages.jsonl", receipt_delay=0.01, **options))  # type: ignore[arg-type]
    await smsc.start()
    try:
        yield smsc
    finally:
        await smsc.stop()


def logged(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "messages.jsonl").read_text().splitlines()]


async def test_a_long_text_arrives_joined_and_its_receipts_are_matched(tmp_path: Path) -> None:
    text = DEVANAGARI[:190]
    assert len(text) == 190
    async with simulated(tmp_path) as smsc, channel_to(smsc.port) as (channel, receipts):
        port: SmsChannel = channel
        result = await port.send(OutgoingSms(PHONE, text))
        assert result.outcome is SendOutcome.ACCEPTED
        assert (result.total, [part.number for part in result.parts]) == (3, [1, 2, 3])
        ids = {canonical_id(part.message_id) for part in result.parts}
        arrived = await receipts.take(3)
        assert {receipt.candidates[0] for receipt in arrived} == ids
        assert {receipt.state for receipt in arrived} == {DeliveryState.DELIVERED}
        (line,) = logged(tmp_path)
        assert (line["text"], line["to"], line["from"]) == (text, PHONE[1:], "Ghanti")


async def test_receipts_in_decimal_meet_ids_in_hexadecimal(tmp_path: Path) -> None:
    async with (
        simulated(tmp_path, decimal_receipts=True) as smsc,
        channel_to(smsc.port) as (channel, receipts),
    ):
        result = await channel.send(OutgoingSms(PHONE, "hello"))
        (receipt,) = await receipts.take(1)
        assert canonical_id(receipt.message_id) != canonical_id(result.parts[0].message_id)
        assert canonical_id(result.parts[0].message_id) in receipt.candidates


async def test_a_refused_number(tmp_path: Path) -> None:
    async with simulated(tmp_path) as smsc, channel_to(smsc.port) as (channel, _):
        result = await channel.send(OutgoingSms("+9779841000083", DEVANAGARI))
        assert (result.outcome, result.permanent, result.parts) == (SendOutcome.REFUSED, True, ())
        assert result.attempted


async def test_an_undelivered_number(tmp_path: Path) -> None:
    async with simulated(tmp_path) as smsc, channel_to(smsc.port) as (channel, receipts):
        await channel.send(OutgoingSms("+9779841000080", "hello"))
        (receipt,) = await receipts.take(1)
        assert (receipt.state, receipt.error) == (DeliveryState.UNDELIVERED, "001")


async def test_a_throttled_number_is_sent_in_the_end_and_once(tmp_path: Path) -> None:
    async with simulated(tmp_path) as smsc, channel_to(smsc.port) as (channel, receipts):
        result = await channel.send(OutgoingSms("+9779841000082", "hello"))
        assert result.outcome is SendOutcome.ACCEPTED
        await receipts.take(1)
        assert len(logged(tmp_path)) == 1


async def test_throttling_beyond_patience_is_no_attempt(tmp_path: Path) -> None:
    async with (
        simulated(tmp_path) as smsc,
        channel_to(smsc.port, throttle_retries=0) as (channel, _),
    ):
        result = await channel.send(OutgoingSms("+9779841000082", "hello"))
        assert result.outcome is SendOutcome.THROTTLED
        assert not result.attempted


async def test_texts_that_cannot_be_sent_say_so_and_nothing_leaves(tmp_path: Path) -> None:
    async with simulated(tmp_path) as smsc, channel_to(smsc.port) as (channel, _):
        for outgoing in (
            OutgoingSms(PHONE, "x" * 40_000),
            OutgoingSms("+" + "9" * 30, "hello"),
            OutgoingSms(PHONE, "hello", source="घण्टी"),
            OutgoingSms(PHONE, "hello", validity=timedelta(days=365)),
        ):
            result = await channel.send(outgoing)
            assert (result.outcome, result.permanent) == (SendOutcome.REFUSED, True), outgoing
            assert result.reason
        assert logged(tmp_path) == []


async def test_a_torn_text_is_partly_sent() -> None:
    async with scripted_smsc() as smsc:
        peers = asyncio.create_task(smsc.bound())
        async with channel_to(smsc.port) as (channel, _):
            peer = await peers
            sending = asyncio.create_task(channel.send(OutgoingSms(PHONE, DEVANAGARI[:190])))
            peer.answer(await peer.next(SUBMIT), b"ONE\0")
            peer.answer(await peer.next(SUBMIT), status=0x08)
            result = await sending
            assert (result.outcome, result.total, result.status) == (SendOutcome.PARTLY, 3, 0x08)
            assert [part.message_id for part in result.parts] == ["ONE"]
            assert result.attempted
            again = asyncio.create_task(channel.send(OutgoingSms(PHONE, "next")))
            assert (await peer.next(SUBMIT)).body.endswith(b"next")
            peer.drop()
            assert (await again).outcome is SendOutcome.UNKNOWN


async def test_validity_and_sender_on_the_wire() -> None:
    async with scripted_smsc() as smsc:
        peers = asyncio.create_task(smsc.bound())
        async with channel_to(smsc.port, validity=timedelta(hours=6)) as (channel, _):
            peer = await peers
            sending = asyncio.create_task(channel.send(OutgoingSms(PHONE, "hi", source="31001")))
            seen = await peer.next(SUBMIT)
            assert seen.body == (
                b"\0" + b"\0\x0031001\0" + b"\1\x019779841000000\0" + b"\0\0\0" + b"\0"
                b"000000060000000R\0" + b"\1\0\0\0" + b"\2hi"
            )  # fmt: skip
            peer.answer(seen, b"1\0")
            await sending
            peer.drop()


async def test_a_channel_that_is_down_says_so(tmp_path: Path) -> None:
    async with scripted_smsc() as gone:
        port = gone.port
    receipts = Receipts()
    states: asyncio.Queue[LinkState] = asyncio.Queue()
    config = replace(BASE, port=port)
    channel = SmppChannel(config, receipts.keep, lambda state: states.put_nowait(state.link))
    assert channel.free == 0
    await channel.start()
    try:
        async with asyncio.timeout(20):
            assert [await states.get(), await states.get()] == [LinkState.CONNECTING, LinkState.DOWN]
        assert channel.free == 0
        result = await channel.send(OutgoingSms(PHONE, "hello"))
        assert result.outcome is SendOutcome.NOT_SENT
        assert not result.attempted
    finally:
        await channel.stop()


@asynccontextmanager
async def smpp34_server() -> AsyncIterator[tuple[int, asyncio.Queue[smpp34.SubmitSmEvent]]]:
    """smpp34's server: it accepts every message and sends a receipt made of parameters alone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = smpp34.Server("127.0.0.1", port)
    await server.start()
    submits: asyncio.Queue[smpp34.SubmitSmEvent] = asyncio.Queue()

    async def serve() -> None:
        sessions: dict[str, smpp34.Esme] = {}
        number = 0x1F0
        while True:
            event = await server.next()
            if isinstance(event, smpp34.Esme):
                sessions[event.session_id] = event
            elif isinstance(event, smpp34.SubmitSmEvent):
                number += 1
                event.accept(f"{number:08X}")
                submits.put_nowait(event)
                await sessions[event.session_id].deliver_sm(
                    source_addr=event.destination_addr,
                    destination_addr=event.source_addr,
                    esm_class=0x04,
                    tlvs=[
                        smpp34.Tlv(smpp34.TLV_RECEIPTED_MESSAGE_ID, f"{number}\0".encode()),
                        smpp34.Tlv(smpp34.TLV_MESSAGE_STATE, b"\2"),
                    ],
                )

    serving = asyncio.create_task(serve())
    try:
        yield port, submits
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        await server.stop()


@pytest.mark.parametrize("text", ["hello {€}", DEVANAGARI[:190], "it's " * 40])
async def test_texts_reach_a_server_by_other_hands(text: str) -> None:
    async with smpp34_server() as (port, submits), channel_to(port) as (channel, receipts):
        result = await channel.send(OutgoingSms(PHONE, text))
        assert result.outcome is SendOutcome.ACCEPTED
        events = [submits.get_nowait() for _ in range(result.total)]
        headers = 6 if result.total > 1 else 0
        octets = b"".join(bytes(event.short_message)[headers:] for event in events)
        if events[0].data_coding == 8:
            assert octets.decode("utf-16-be") == text
        else:
            assert octets == text.replace("{", "\x1b(").replace("}", "\x1b)").replace("€", "\x1be").encode()
        arrived = await receipts.take(result.total)
        for part, receipt in zip(result.parts, arrived, strict=True):
            assert canonical_id(part.message_id) in receipt.candidates
            assert receipt.state is DeliveryState.DELIVERED
