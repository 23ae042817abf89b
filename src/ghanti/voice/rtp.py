"""RTP packets (RFC 3550, 5.1) of 20 ms G.711."""

from __future__ import annotations

import struct
from dataclasses import dataclass

SAMPLES = 160
PACKET_SECONDS = 0.02
HEADER = struct.Struct("!BBHII")
_VERSION = 0x80


@dataclass(frozen=True, slots=True)
class Packet:
    """A received packet; ``timestamp`` counts 8 kHz samples modulo 2^32."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def build(payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> bytes:
    return HEADER.pack(_VERSION, payload_type | (marker << 7), sequence, timestamp, ssrc) + payload


def parse(datagram: bytes) -> Packet | None:
    """The packet in a datagram, or None when it is not RTP version 2 or is cut short."""
    if len(datagram) < HEADER.size or datagram[0] >> 6 != 2:
        return None
    flags, second, sequence, timestamp, ssrc = HEADER.unpack_from(datagram)
    # RTCP sent to the RTP port: packet types 200-204 read as payload types 72-76 with a marker (RFC 5761, 4).
    if 200 <= second <= 204:
        return None
    start = HEADER.size + 4 * (flags & 0x0F)
    if flags & 0x10:
        if len(datagram) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(datagram[start + 2 : start + 4], "big")
    end = len(datagram)
    if flags & 0x20:
        end -= datagram[-1] or end
    if end < start:
        return None
    return Packet(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, datagram[start:end])


def later(first: int, second: int) -> int:
    """How many samples ``second`` lies after ``first``, negative when before, modulo 2^32."""
    return (second - first + (1 << 31)) % (1 << 32) - (1 << 31)
