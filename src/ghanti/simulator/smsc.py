"""A simulated SMSC: an SMPP v3.4 server to rehearse text campaigns against.

Its codec is smpp34's, its sessions and texts are its own: it shares no code with ghanti.sms. What becomes of
a message is chosen by the last two digits of its number (`ghanti.simulator.behaviour`). Receipts are stored
and forwarded: one that no session takes waits for the next bind, and one that is answered with
a temporary error comes again.

Run it with ``python -m ghanti.simulator.smsc --port 0 --log messages.jsonl``; when ready it prints one
line, ``{"ready": true, "port": …}``. Each message received is one line of JSON in the log.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import struct
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import smpp34

from ghanti.simulator.behaviour import THROTTLES, SmsBehaviour, sms_behaviour
from ghanti.simulator.texts import Fragment, Joiner, decode_text, read_fragment

_HEADER = struct.Struct("!IIII")
_LARGEST = 1 << 17

_NACK = 0x80000000
_RESPONSE = 0x80000000
_SUBMIT, _DELIVER_RESP, _UNBIND, _ENQUIRE = 0x04, 0x80000005, 0x06, 0x15
_BINDS = (0x01, 0x02, 0x09)
_RECEIVERS = (0x01, 0x09)

_OK, _BAD_LENGTH, _BAD_COMMAND, _NOT_BOUND, _ALREADY_BOUND = 0x00, 0x02, 0x03, 0x04, 0x05
_BAD_DESTINATION, _BAD_PASSWORD, _THROTTLED = 0x0B, 0x0E, 0x58
_FINAL_ANSWERS = (_OK, 0x65, 0x66)

_SAR_REFERENCE, _SAR_TOTAL, _SAR_NUMBER, _PAYLOAD = 0x020C, 0x020E, 0x020F, 0x0424

_REDELIVERY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """`port` 0 lets the kernel choose. `password` is checked only when given. `receipt_delay` is in seconds.

    `decimal_receipts` writes ids in decimal in receipts, though submits are answered in hexadecimal, as many
    real SMSCs do.
    """

    host: str = "127.0.0.1"
    port: int = 0
    log: Path | None = None
    receipt_delay: float = 0.5
    password: str | None = None
    decimal_receipts: bool = False


@dataclass(frozen=True, slots=True)
class _Receipt:
    """A receipt owed to the sender of a part."""

    sender: str
    phone: str
    text: str


class Smsc:
    """The server. Use `start`, read `port`, and end with `stop`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._log: IO[str] | None = None
        self._server: asyncio.Server | None = None
        self._sessions: dict[str, list[_Session]] = {}
        self._owed: dict[str, deque[_Receipt]] = {}
        self._joiner = Joiner()
        self._throttles: dict[tuple[str, bytes], int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # Beyond 32 bits, so that no id of this run or an earlier one is another's decimal form.
        self._last_id = time.time_ns()

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        if self._options.log is not None:
            self._options.log.parent.mkdir(parents=True, exist_ok=True)
            self._log = self._options.log.open("a", encoding="utf-8", buffering=1)
        self._server = await asyncio.start_server(self._connected, self._options.host, self._options.port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        if self._log is not None:
            self._log.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        session = _Session(self, reader, writer)
        try:
            await session.serve()
        except asyncio.CancelledError:
            # Only stop() cancels; a handler that ends cancelled is an error to asyncio's streams.
            pass
        finally:
            self._tasks.discard(task)
            writer.close()
            self._left(session)

    def admits(self, password: str) -> bool:
        return self._options.password is None or password == self._options.password

    def joined(self, session: _Session) -> None:
        """A session that can receive is bound: it gets what is owed to its account."""
        self._sessions.setdefault(session.account, []).append(session)
        owed = self._owed.pop(session.account, deque())
        for receipt in owed:
            session.deliver(receipt)

    def deliver(self, account: str, receipt: _Receipt) -> None:
        sessions = self._sessions.get(account)
        if sessions:
            sessions[-1].deliver(receipt)
        else:
            self._owed.setdefault(account, deque()).append(receipt)

    def submit(self, account: str, pdu: Any) -> tuple[int, str]:
        """The command_status and message_id that answer a submit_sm."""
        phone: str = pdu.destination_addr
        behaviour = sms_behaviour(phone)
        if behaviour is SmsBehaviour.REFUSED or not phone.lstrip("+").isdigit():
            return _BAD_DESTINATION, ""
        if behaviour is SmsBehaviour.THROTTLED_TWICE and not self._throttled_enough(phone, pdu.short_message):
            return _THROTTLED, ""
        self._last_id += 1
        message_id = f"{self._last_id:016X}"
        tlvs = {tlv.tag: bytes(tlv.value) for tlv in pdu.tlvs}
        fragment = _fragment(pdu, tlvs)
        self._record(pdu, fragment, message_id, behaviour)
        if pdu.registered_delivery & 0x03 and behaviour is not SmsBehaviour.NO_RECEIPT:
            receipt = self._receipt(pdu, fragment, message_id, behaviour)
            asyncio.get_running_loop().call_later(self._options.receipt_delay, self.deliver, account, receipt)
        return _OK, message_id

    def _throttled_enough(self, phone: str, octets: bytes) -> bool:
        seen = self._throttles.pop((phone, octets), 0)
        if seen >= THROTTLES:
            return True
        self._throttles[(phone, octets)] = seen + 1
        return False

    def _record(self, pdu: Any, fragment: Fragment, message_id: str, behaviour: SmsBehaviour) -> None:
        joined = self._joiner.add(pdu.source_addr, pdu.destination_addr, fragment, message_id)
        if joined is None or self._log is None:
            return
        ids, octets = joined
        line = {
            "at": datetime.now(UTC).isoformat(),
            "from": pdu.source_addr,
            "to": pdu.destination_addr,
            "text": decode_text(octets, pdu.data_coding),
            "data_coding": pdu.data_coding,
            "behaviour": behaviour,
            "ids": ids,
        }
        self._log.write(json.dumps(line, ensure_ascii=False) + "\n")

    def _receipt(self, pdu: Any, fragment: Fragment, message_id: str, behaviour: SmsBehaviour) -> _Receipt:
        """The text that SMPP v3.4, appendix B, suggests."""
        delivered = behaviour is not SmsBehaviour.UNDELIVERED
        now = datetime.now().strftime("%y%m%d%H%M")
        quoted = decode_text(fragment.octets, pdu.data_coding)[:20].encode("ascii", "replace").decode()
        text = (
            f"id:{int(message_id, 16) if self._options.decimal_receipts else message_id}"
            f" sub:001 dlvrd:{delivered:03d} submit date:{now} done date:{now}"
            f" stat:{'DELIVRD' if delivered else 'UNDELIV'} err:{0 if delivered else 1:03d} text:{quoted}"
        )
        return _Receipt(pdu.source_addr, pdu.destination_addr, text)

    def _left(self, session: _Session) -> None:
        sessions = self._sessions.get(session.account, [])
        if session in sessions:
            sessions.remove(session)
        for receipt in session.unanswered.values():
            self.deliver(session.account, receipt)


class _Session:
    """One connection: reads requests, answers them, and sends receipts."""

    def __init__(self, smsc: Smsc, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._smsc = smsc
        self._reader = reader
        self._writer = writer
        self._bound = False
        self._sequence = 0
        self.account = ""
        self.unanswered: dict[int, _Receipt] = {}

    async def serve(self) -> None:
        """Until the peer unbinds, leaves, or sends what can't be read."""
        try:
            while True:
                header = await self._reader.readexactly(_HEADER.size)
                length, command, status, sequence = _HEADER.unpack(header)
                if not _HEADER.size <= length <= _LARGEST:
                    self._send(_NACK, sequence, _BAD_LENGTH)
                    return
                pdu = header + await self._reader.readexactly(length - _HEADER.size)
                goes_on = self._take(command, status, sequence, pdu)
                await self._writer.drain()
                if not goes_on:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def deliver(self, receipt: _Receipt) -> None:
        self._sequence = self._sequence % 0x7FFFFFFF + 1
        self.unanswered[self._sequence] = receipt
        pdu = smpp34.DeliverSm(
            source_addr=receipt.phone,
            destination_addr=receipt.sender,
            short_message=receipt.text.encode(),
            source_addr_ton=1,
            source_addr_npi=1,
            esm_class=0x04,
            sequence_number=self._sequence,
        )
        self._writer.write(pdu.encode())

    def _take(self, command: int, status: int, sequence: int, pdu: bytes) -> bool:
        """Handle one PDU; False ends the session."""
        if command == _DELIVER_RESP:
            self._answered(sequence, status)
        elif command == _ENQUIRE:
            self._send(command | _RESPONSE, sequence)
        elif command == _UNBIND:
            self._send(command | _RESPONSE, sequence)
            return False
        elif command == _SUBMIT:
            self._submit(sequence, pdu)
        elif command in _BINDS:
            self._bind(command, sequence, pdu)
        elif not command & _RESPONSE:
            self._send(_NACK, sequence, _BAD_COMMAND)
        return True

    def _answered(self, sequence: int, status: int) -> None:
        receipt = self.unanswered.pop(sequence, None)
        if receipt is not None and status not in _FINAL_ANSWERS:
            loop = asyncio.get_running_loop()
            loop.call_later(_REDELIVERY_SECONDS, self._smsc.deliver, self.account, receipt)

    def _bind(self, command: int, sequence: int, pdu: bytes) -> None:
        if self._bound:
            self._send(command | _RESPONSE, sequence, _ALREADY_BOUND, b"\0")
            return
        fields = pdu[_HEADER.size :].split(b"\0", 2)
        if len(fields) < 3 or not self._smsc.admits(fields[1].decode("latin-1")):
            self._send(command | _RESPONSE, sequence, _BAD_PASSWORD, b"\0")
            return
        self._bound = True
        self.account = fields[0].decode("latin-1")
        self._send(command | _RESPONSE, sequence, _OK, b"ghanti\0")
        if command in _RECEIVERS:
            self._smsc.joined(self)

    def _submit(self, sequence: int, pdu: bytes) -> None:
        if not self._bound:
            self._send(_SUBMIT | _RESPONSE, sequence, _NOT_BOUND)
            return
        try:
            submit = smpp34.decode(pdu)
        except smpp34.SmppError:
            self._send(_SUBMIT | _RESPONSE, sequence, _BAD_LENGTH)
            return
        status, message_id = self._smsc.submit(self.account, submit)
        self._send(_SUBMIT | _RESPONSE, sequence, status, message_id.encode() + b"\0" if message_id else b"")

    def _send(self, command: int, sequence: int, status: int = _OK, body: bytes = b"") -> None:
        self._writer.write(_HEADER.pack(_HEADER.size + len(body), command, status, sequence) + body)


def _fragment(pdu: Any, tlvs: dict[int, bytes]) -> Fragment:
    octets = bytes(pdu.short_message) or tlvs.get(_PAYLOAD, b"")
    if _SAR_REFERENCE in tlvs and _SAR_TOTAL in tlvs and _SAR_NUMBER in tlvs:
        reference, total, number = (
            int.from_bytes(tlvs[tag]) for tag in (_SAR_REFERENCE, _SAR_TOTAL, _SAR_NUMBER)
        )
        return Fragment(reference, total, number, octets)
    return read_fragment(octets, bool(pdu.esm_class & 0x40))


async def serve(options: Options, *, parent: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT, or until `parent`, the process that started this one, is gone."""
    smsc = Smsc(options)
    await smsc.start()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    print(json.dumps({"ready": True, "port": smsc.port}), flush=True)  # noqa: T201
    watch = None if parent is None else loop.create_task(_parent_gone(parent, stopped))
    await stopped.wait()
    if watch is not None:
        watch.cancel()
    await smsc.stop()


async def _parent_gone(parent: int, stopped: asyncio.Event) -> None:
    # No event tells a process of its parent's end on every system.
    while os.getppid() == parent:  # noqa: ASYNC110
        await asyncio.sleep(0.5)
    stopped.set()


def run(options: Options, *, parent: int | None = None) -> None:
    """Serve in this process until it is told to end, or its parent is gone."""
    asyncio.run(serve(options, parent=parent))


def main() -> None:
    parser = argparse.ArgumentParser(prog="ghanti.simulator.smsc", description="A simulated SMSC.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 lets the kernel choose")
    parser.add_argument("--log", type=Path, help="file that gets one line of JSON a message")
    parser.add_argument("--receipt-delay", type=float, default=0.5, help="seconds from submit to receipt")
    parser.add_argument("--password", help="the only one accepted; any is when absent")
    parser.add_argument("--decimal-receipts", action="store_true", help="ids in receipts are decimal")
    parser.add_argument("--parent", type=int, help="process id of the parent; ends when it is gone")
    told = vars(parser.parse_args())
    parent = told.pop("parent")
    run(Options(**told), parent=parent)


if __name__ == "__main__":
    main()
