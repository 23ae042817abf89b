"""Keys."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghanti.voice.dtmf import EVENTS, KeyReader, parse_info
from ghanti.voice.rtp import Packet


def packets_of(code: int, timestamp: int) -> list[Packet]:
    """One key press as RFC 4733, 2.5.1 sends it."""
    made = []
    for step in range(8):
        payload = struct.pack("!BBH", code, (0x80 if step > 4 else 0) | 10, 160 * min(step + 1, 6))
        made.append(Packet(101, step == 0, step, timestamp, 1, payload))
    return made


@given(
    st.lists(st.integers(0, 15), min_size=1, max_size=12),
    st.data(),
    st.integers(0, 0xFFFFFFFF),
)
def test_each_press_is_one_key(codes: list[int], data: st.DataObject, start: int) -> None:
    """However few of a press' packets arrive, and however they are doubled and shuffled."""
    reader, keys = KeyReader(), []
    for number, code in enumerate(codes):
        sent = packets_of(code, (start + number * 4000) % (1 << 32))
        arrived = data.draw(st.lists(st.sampled_from(sent), min_size=1, max_size=16))
        keys += [key for packet in arrived if (key := reader.read(packet)) is not None]
    assert keys == [EVENTS[code] for code in codes]


def test_a_late_packet_of_the_press_before() -> None:
    reader = KeyReader()
    first, second = packets_of(1, 1000), packets_of(2, 3000)
    assert [reader.read(packet) for packet in (first[0], second[0], first[7], second[7])] == [
        "1",
        "2",
        None,
        None,
    ]


def test_the_same_key_twice() -> None:
    reader = KeyReader()
    assert [reader.read(packets_of(5, stamp)[0]) for stamp in (1000, 3000)] == ["5", "5"]


def test_a_key_held_for_long_is_one_key() -> None:
    reader = KeyReader()
    assert reader.read(packets_of(5, 1000)[0]) == "5"
    assert reader.read(packets_of(5, 1000 + 0xFFFF)[1]) is None
    assert reader.read(packets_of(5, 1000 + 2 * 0xFFFF)[1]) is None


@given(st.binary(max_size=12), st.booleans(), st.integers(0, 0xFFFFFFFF))
def test_hostile_payloads(payload: bytes, marker: bool, timestamp: int) -> None:
    key = KeyReader().read(Packet(101, marker, 0, timestamp, 1, payload))
    assert key is None or key == EVENTS[payload[0]]


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ("Signal=5\r\nDuration=160", "5"),
        ("signal = #\r\nDuration = 250\r\n", "#"),
        ("Signal=*", "*"),
        ("Duration=160\r\nSignal=11", "#"),
        ("Signal=10", "*"),
        ("Signal=d", "D"),
        ("7", "7"),
        (" * \r\n", "*"),
        ("Signal=12", None),
        ("Signal=", None),
        ("Signal=55", None),
        ("hello", None),
        ("", None),
    ],
)
def test_info_bodies(body: str, key: str | None) -> None:
    assert parse_info(body) == key


@given(st.text(max_size=100))
def test_hostile_info_bodies(body: str) -> None:
    key = parse_info(body)
    assert key is None or key in EVENTS
