"""The simulated SMSC, driven by smpp34's client rather than by Ghanti's own session."""

from __future__ import annotations

import asyncio
import json
import signal
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import smpp34

from ghanti.simulator.behaviour import (
    PhoneBehaviour,
    SmsBehaviour,
    describe,
    phone_behaviour,
    sms_behaviour,
)
from ghanti.simulator.smsc import Options, Smsc
from ghanti.simulator.texts import Fragment, Joiner, decode_text, read_fragment

PHONE = "9779841000000"


@asynccontextmanager
async def simulated(log: Path, password: str | None = None) -> AsyncIterator[Smsc]:
    smsc = Smsc(Options(log=log, receipt_delay=0.01, password=password))
    await smsc.start()
    try:
        yield smsc
    finally:
        await smsc.stop()


@asynccontextmanager
async def bound(smsc: Smsc, password: str = "any", bind_type: str = "TRX") -> AsyncIterator[smpp34.Smsc]:
    client = smpp34.Client("127.0.0.1", smsc.port, "tester", password, bind_type=bind_type)
    session = await client.connect()
    try:
        yield session
    finally:
        await client.stop()


async def submit(session: smpp34.Smsc, phone: str, octets: bytes, **fields: int) -> smpp34.SubmitSmResp:
    return await session.submit_sm(phone, octets, source_addr="Ghanti", registered_delivery=1, **fields)


async def receipt_text(session: smpp34.Smsc) -> str:
    async with asyncio.timeout(20):
        event = await session.next()
    assert isinstance(event, smpp34.DeliverSmEvent)
    assert event.esm_class == 0x04
    return bytes(event.short_message).decode()


def lines(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


async def test_parts_are_joined_in_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    text = "घण्टी बज्यो 👍"
    octets = text.encode("utf-16-be")
    async with simulated(log) as smsc, bound(smsc) as session:
        second = await submit(session, PHONE, b"\5\0\3\x09\2\2" + octets[20:], data_coding=8, esm_class=0x40)
        assert lines(log) == []
        first = await submit(session, PHONE, b"\5\0\3\x09\2\1" + octets[:20], data_coding=8, esm_class=0x40)
    (line,) = lines(log)
    assert (line["text"], line["from"], line["to"]) == (text, "Ghanti", PHONE)
    assert line["ids"] == [first.message_id, second.message_id]


@pytest.mark.parametrize(("digits", "stat"), [("00", "DELIVRD"), ("80", "UNDELIV")])
async def test_receipts(tmp_path: Path, digits: str, stat: str) -> None:
    async with simulated(tmp_path / "log") as smsc, bound(smsc) as session:
        answer = await submit(session, PHONE[:-2] + digits, b"hello")
        text = await receipt_text(session)
        assert text.startswith(f"id:{answer.message_id} ")
        assert f"stat:{stat} " in text


async def test_refused_throttled_and_without_receipt(tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with simulated(log) as smsc, bound(smsc) as session:
        assert (await submit(session, "9779841000083", b"hello")).command_status == 0x0B
        statuses = [(await submit(session, "9779841000082", b"hello")).command_status for _ in range(3)]
        assert statuses == [0x58, 0x58, 0]
        silent = await submit(session, "9779841000081", b"hello")
        last = await submit(session, PHONE, b"hello")
        texts = [await receipt_text(session), await receipt_text(session)]
        assert not any(f"id:{silent.message_id} " in text for text in texts)
        assert any(f"id:{last.message_id} " in text for text in texts)
        assert [line["to"] for line in lines(log)] == ["9779841000082", "9779841000081", PHONE]


async def test_receipts_wait_for_a_session_that_receives(tmp_path: Path) -> None:
    async with simulated(tmp_path / "log") as smsc:
        async with bound(smsc, bind_type="TX") as session:
            answer = await submit(session, PHONE, b"hello")
        async with bound(smsc) as session:
            assert f"id:{answer.message_id} " in await receipt_text(session)


async def test_only_the_given_password_is_accepted(tmp_path: Path) -> None:
    async with simulated(tmp_path / "log", password="right") as smsc:
        async with bound(smsc, "right") as session:
            assert (await submit(session, PHONE, b"hello")).is_success
        # smpp34's client tells a refused bind from a silent server by no more than a timeout.
        reader, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
        body = b"tester\0wrong\0\0\x34\0\0\0"
        writer.write(struct.pack("!IIII", 16 + len(body), 0x09, 0, 1) + body)
        async with asyncio.timeout(20):
            _, command, status, sequence = struct.unpack("!IIII", await reader.readexactly(16))
        assert (command, status, sequence) == (0x80000009, 0x0E, 1)
        writer.close()
        await writer.wait_closed()


async def test_a_connection_binds_once(tmp_path: Path) -> None:
    bind = b"tester\0any\0\0\x34\0\0\0"
    unbind = struct.pack("!IIII", 16, 0x06, 0, 3)
    async with simulated(tmp_path / "log") as smsc:
        reader, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
        for sequence in (1, 2):
            writer.write(struct.pack("!IIII", 16 + len(bind), 0x09, 0, sequence) + bind)
        writer.write(unbind)
        async with asyncio.timeout(20):
            first = await reader.readexactly(16 + len(b"ghanti\0"))
            second = await reader.readexactly(16 + len(b"\0"))
            assert struct.unpack("!III", first[4:16]) == (0x80000009, 0, 1)
            assert struct.unpack("!III", second[4:16]) == (0x80000009, 0x05, 2)
            assert struct.unpack("!III", (await reader.read())[4:]) == (0x80000006, 0, 3)
        writer.close()
        await writer.wait_closed()
        # The connection that has gone is owed nothing.
        async with bound(smsc, bind_type="TX") as session:
            answer = await submit(session, PHONE, b"hello")
        async with bound(smsc) as session:
            assert f"id:{answer.message_id} " in await receipt_text(session)


async def test_rubbish_ends_only_its_own_connection(tmp_path: Path) -> None:
    async with simulated(tmp_path / "log") as smsc, bound(smsc) as session:
        reader, writer = await asyncio.open_connection("127.0.0.1", smsc.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        async with asyncio.timeout(20):
            await reader.read()
        writer.close()
        await writer.wait_closed()
        assert (await submit(session, PHONE, b"hello")).is_success


def start(*arguments: str) -> tuple[subprocess.Popen[str], int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ghanti.simulator.smsc", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["ready"] is True
    return process, ready["port"]


async def test_the_command_line(tmp_path: Path) -> None:
    process, port = start("--log", str(tmp_path / "deep" / "log"), "--receipt-delay", "0")
    try:
        client = smpp34.Client("127.0.0.1", port, "tester", "any", bind_type="TRX")
        session = await client.connect()
        await submit(session, PHONE, b"hello")
        assert "stat:DELIVRD" in await receipt_text(session)
        await client.stop()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stdout is not None
        process.stdout.close()
    assert lines(tmp_path / "deep" / "log")[0]["text"] == "hello"


def test_it_can_end_with_its_parent() -> None:
    """A parent that starts it, tells its port and dies."""
    parent = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, subprocess, sys\n"
            "command = [sys.executable, '-m', 'ghanti.simulator.smsc', '--parent', str(os.getpid())]\n"
            "p = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)\n"
            "print(p.stdout.readline(), flush=True)\n"
            "os._exit(0)\n",
        ],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=30,
    )
    port = json.loads(parent.stdout)["port"]
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            asyncio.run(_touch(port))
        except ConnectionRefusedError:
            return
        time.sleep(0.1)
    pytest.fail("it outlived its parent")


async def _touch(port: int) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    await writer.wait_closed()


def test_behaviours_are_chosen_by_the_last_two_digits() -> None:
    assert phone_behaviour("+9779841234590") is PhoneBehaviour.BUSY
    assert phone_behaviour("9841239012") is PhoneBehaviour.ANSWER
    assert sms_behaviour("9841234580") is SmsBehaviour.UNDELIVERED
    assert sms_behaviour("9841234590") is SmsBehaviour.DELIVERED
    rows = describe()
    assert len(rows) == len(PhoneBehaviour) + len(SmsBehaviour)
    assert len({row.digits for row in rows}) == len(rows) - 1


def test_texts_as_a_phone_reads_them() -> None:
    assert decode_text(b"\x00\x1be\x1b\x28 \x1b\x01!", 0) == "@€{  !"
    assert decode_text(b"caf\xe9", 3) == "café"
    assert read_fragment(b"\6\x08\4\1\2\3\1xyz", True) == Fragment(0x102, 3, 1, b"xyz")
    assert read_fragment(b"\5\0\3\1\2\3xyz", True) == Fragment(0, 1, 1, b"xyz")
    assert read_fragment(b"\xffshort", True) == Fragment(0, 1, 1, b"")
    assert read_fragment(b"", True) == Fragment(0, 1, 1, b"")


def test_a_joiner_forgets_the_oldest_unfinished_text() -> None:
    joiner = Joiner(limit=1)
    assert joiner.add("a", "1", Fragment(1, 2, 1, b"x"), "id1") is None
    assert joiner.add("a", "1", Fragment(2, 2, 1, b"y"), "id2") is None
    assert joiner.add("a", "1", Fragment(2, 2, 2, b"z"), "id3") == (["id2", "id3"], b"yz")
    assert joiner.add("a", "1", Fragment(1, 2, 2, b"x"), "id4") is None
