"""SMPP v3.4 PDUs as octets (sections 3.2 and 4).

Decoding trusts nothing: every length is checked against the octets that are there and every string against
the specification's limit; whatever is wrong raises `PduError`, and only a length that makes the stream
unreadable raises `FrameError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import NamedTuple

from ghanti.sms.smpp.commands import RESPONSE, Command, Status, Tag

HEADER = Struct("!IIII")
_TLV = Struct("!HH")
_SUBMIT_TAIL = Struct("!BBB")

MAX_PDU = 1 << 17
"""Octets. A message_payload may fill 64 KiB (section 5.3.2.32); nothing legitimate is twice that."""

INTERFACE_VERSION = 0x34

MAX_MESSAGE_ID = 64
"""Characters (section 5.2.23)."""

MAX_PASSWORD = 65
"""Octets. The specification says 9, yet SMSCs hand out longer ones and expect them whole."""


class PduError(ValueError):
    """One PDU is malformed; the stream can be read on."""

    def __init__(self, reason: str, status: Status = Status.ESME_RINVCMDLEN) -> None:
        super().__init__(reason)
        self.status = status


class FrameError(ValueError):
    """A command_length that no PDU has: where the next one begins is unknowable."""


class Pdu(NamedTuple):
    """A PDU with its header read and its body not yet."""

    command: int
    status: int
    sequence: int
    body: bytes


class FrameReader:
    """Cuts a stream into PDUs (section 2.7: TCP keeps no boundaries)."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Pdu]:
        """The PDUs that `data` completes. Raises `FrameError`, after those that came before it."""
        buffer = self._buffer
        buffer += data
        start, end = 0, len(buffer)
        try:
            while end - start >= HEADER.size:
                length, command, status, sequence = HEADER.unpack_from(buffer, start)
                if not HEADER.size <= length <= MAX_PDU:
                    raise FrameError(f"command_length {length}")
                if end - start < length:
                    break
                body = bytes(buffer[start + HEADER.size : start + length])
                start += length
                yield Pdu(command, status, sequence, body)
        finally:
            del buffer[:start]


def encode(command: int, sequence: int, body: bytes = b"", status: int = Status.ESME_ROK) -> bytes:
    """A PDU from its header fields and its body."""
    return HEADER.pack(HEADER.size + len(body), command, status, sequence) + body


def c_octets(value: str, limit: int, name: str) -> bytes:
    """`value` as a C-Octet String (section 3.1) of at most `limit` octets, its NUL included."""
    try:
        octets = value.encode("ascii")
    except UnicodeEncodeError:
        raise PduError(f"{name} is not ASCII") from None
    if len(octets) >= limit or 0 in octets:
        raise PduError(f"{name} has at most {limit - 1} characters and no NUL")
    return octets + b"\0"


@dataclass(frozen=True, slots=True)
class BindTransceiver:
    """bind_transceiver (section 4.1.5)."""

    system_id: str
    password: str
    system_type: str = ""

    def encode(self, sequence: int) -> bytes:
        """Raises `PduError` when a field is too long."""
        body = (
            c_octets(self.system_id, 16, "system_id")
            + c_octets(self.password, MAX_PASSWORD, "password")
            + c_octets(self.system_type, 13, "system_type")
            # addr_ton, addr_npi, address_range: which numbers are ours is the SMSC's to know (section 5.2.7).
            + bytes((INTERFACE_VERSION, 0, 0, 0))
        )
        return encode(Command.BIND_TRANSCEIVER, sequence, body)


@dataclass(frozen=True, slots=True)
class Address:
    """A number with its type (section 5.2.5) and numbering plan (section 5.2.6)."""

    ton: int
    npi: int
    digits: str

    def encode(self, name: str) -> bytes:
        return bytes((self.ton, self.npi)) + c_octets(self.digits, 21, name)


@dataclass(frozen=True, slots=True)
class SubmitSm:
    """submit_sm (section 4.4.1). `validity_period` is in the format of section 7.1.1, or empty."""

    source: Address
    destination: Address
    short_message: bytes
    data_coding: int = 0
    esm_class: int = 0
    registered_delivery: int = 1
    validity_period: str = ""
    service_type: str = ""

    def encode(self, sequence: int) -> bytes:
        """Raises `PduError` when a field is too long; a short_message has at most 254 octets."""
        if len(self.short_message) > 254:
            raise PduError("short_message has at most 254 octets", Status.ESME_RINVMSGLEN)
        body = b"".join(
            (
                c_octets(self.service_type, 6, "service_type"),
                self.source.encode("source_addr"),
                self.destination.encode("destination_addr"),
                _SUBMIT_TAIL.pack(self.esm_class, 0, 0),
                b"\0",
                c_octets(self.validity_period, 17, "validity_period"),
                bytes((self.registered_delivery, 0, self.data_coding, 0, len(self.short_message))),
                self.short_message,
            )
        )
        return encode(Command.SUBMIT_SM, sequence, body)


@dataclass(frozen=True, slots=True)
class DeliverSm:
    """deliver_sm (section 4.6.1). `tlvs` are the raw values by tag; of a repeated tag the last."""

    source: Address
    destination: Address
    short_message: bytes = b""
    data_coding: int = 0
    esm_class: int = 0
    tlvs: dict[int, bytes] = field(default_factory=dict)

    @property
    def payload(self) -> bytes:
        """The message, wherever the SMSC put it."""
        return self.short_message or self.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")

    @classmethod
    def decode(cls, body: bytes) -> DeliverSm:
        """Raises `PduError`."""
        reader = _Reader(body)
        reader.c_octets(6, "service_type")
        source = reader.address("source_addr")
        destination = reader.address("destination_addr")
        esm_class, _protocol, _priority = reader.octets(3, "esm_class")
        reader.c_octets(17, "schedule_delivery_time")
        reader.c_octets(17, "validity_period")
        _registered, _replace, data_coding, _default, length = reader.octets(5, "data_coding")
        short_message = reader.octets(length, "short_message")
        return cls(source, destination, short_message, data_coding, esm_class, reader.tlvs())


def message_id(octets: bytes) -> str:
    """The message_id of a submit_sm_resp (section 4.4.2), or of a receipted_message_id; empty when left out.

    Lenient: SMSCs omit the NUL, and a response that can't be read would turn a message that was accepted
    into one that is unknown.
    """
    return octets.split(b"\0", 1)[0][:MAX_MESSAGE_ID].decode("latin-1")


def response(request: Pdu, status: int = Status.ESME_ROK) -> bytes:
    """The response to a request; a deliver_sm_resp carries an unused, empty message_id (section 4.6.2)."""
    body = b"\0" if request.command == Command.DELIVER_SM else b""
    return encode(request.command | RESPONSE, request.sequence, body, status)


class _Reader:
    """Walks a body from field to field."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 0

    def octets(self, count: int, name: str) -> bytes:
        end = self._at + count
        if end > len(self._body):
            raise PduError(f"{name} is cut short")
        value = self._body[self._at : end]
        self._at = end
        return value

    def c_octets(self, limit: int, name: str) -> str:
        end = self._body.find(b"\0", self._at, self._at + limit)
        if end < 0:
            raise PduError(f"{name} does not end within {limit} octets")
        value = self._body[self._at : end].decode("latin-1")
        self._at = end + 1
        return value

    def address(self, name: str) -> Address:
        ton, npi = self.octets(2, name)
        return Address(ton, npi, self.c_octets(21, name))

    def tlvs(self) -> dict[int, bytes]:
        values: dict[int, bytes] = {}
        while self._at < len(self._body):
            tag, length = _TLV.unpack(self.octets(_TLV.size, "optional parameter"))
            values[tag] = self.octets(length, "optional parameter")
        return values
