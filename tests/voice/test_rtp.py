"""RTP packets."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from ghanti.voice import rtp

UINT16, UINT32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF)


@given(st.integers(0, 71), st.booleans(), UINT16, UINT32, UINT32, st.binary(max_size=400))
def test_what_is_built_is_read(
    kind: int, marker: bool, sequence: int, stamp: int, ssrc: int, payload: bytes
) -> None:
    packet = rtp.parse(rtp.build(kind, marker, sequence, stamp, ssrc, payload))
    assert packet == rtp.Packet(kind, marker, sequence, stamp, ssrc, payload)


@given(st.binary(max_size=200))
def test_any_datagram_is_read_or_refused(datagram: bytes) -> None:
    packet = rtp.parse(datagram)
    assert packet is None or (datagram[0] >> 6 == 2 and packet.payload in datagram)


@given(st.binary(max_size=80))
def test_any_second_half_of_a_header(rest: bytes) -> None:
    """Contributing sources, an extension and padding, whether or not they fit."""
    for first in (0x8F, 0x90, 0xA0, 0xBF):
        packet = rtp.parse(bytes([first, 0]) + rest)
        assert packet is None or len(packet.payload) <= len(rest)


def test_sources_extension_and_padding_are_left_out() -> None:
    header = struct.pack("!BBHII", 0x80 | 0x20 | 0x10 | 2, 0, 1, 2, 3)
    extension = struct.pack("!HH", 0xBEDE, 1) + b"abcd"
    packet = rtp.parse(header + b"csrccsrc" + extension + b"payload" + b"\0\0\3")
    assert packet is not None
    assert packet.payload == b"payload"


def test_rtcp_is_no_packet() -> None:
    assert rtp.parse(struct.pack("!BBHII", 0x80, 200, 6, 1, 2) + bytes(16)) is None


def test_version_one_is_no_packet() -> None:
    assert rtp.parse(struct.pack("!BBHII", 0x40, 0, 6, 1, 2)) is None


@given(UINT32, st.integers(-(1 << 31), (1 << 31) - 1))
def test_distance_wraps(first: int, distance: int) -> None:
    assert rtp.later(first, (first + distance) % (1 << 32)) == distance
