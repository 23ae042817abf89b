"""The socket protocol's messages."""

from __future__ import annotations

import contextlib
import json
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghanti.voice import protocol
from ghanti.voice.eventlog import EventLog
from ghanti.voice.protocol import Ended, Key, Played, ProtocolError, Sent

ATTEMPT = UUID("857ede15-1415-4227-adc6-b21001f7781e")


def dial(**changes: Any) -> dict[str, Any]:
    return {
        "type": "dial",
        "attempt": str(ATTEMPT),
        "leg": 2,
        "call_id": "857ede15-2@ghanti",
        "send_by": 1_795_394_118.5,
        "to": "+9779841000000",
        "from": "+97715970425",
        "display": "घण्टी",
        "trunk": {"host": "sip.example.com", "port": 5060, "username": "u", "password": 'p"\\'},
        "script": {"v": 1, "steps": [{"do": "play", "audio": "message"}]},
        "audio": {"message": "/media/a.ulaw"},
        **changes,
    }


def frame(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"


def test_a_dial_comes_back_as_it_was() -> None:
    command = protocol.parse_command(frame(dial()))
    assert isinstance(command, protocol.Dial)
    assert (command.from_, command.ring_seconds, command.trunk.codecs) == (
        "+97715970425",
        30,
        ["PCMU", "PCMA"],
    )
    assert protocol.parse_command(protocol.encode(command)) == command
    assert b"\n" not in protocol.encode(command)[:-1]


def test_passwords_are_not_shown() -> None:
    command = protocol.parse_command(frame(dial()))
    assert 'p"' not in repr(command)
    with pytest.raises(ProtocolError) as told:
        protocol.parse_command(frame(dial(trunk={"host": "a b", "password": "secret"})))
    assert "secret" not in str(told.value)
    assert "trunk.host" in str(told.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"to": "1\r\nX-Header: y"},
        {"to": "1@evil.example"},
        {"to": "1;user=phone"},
        {"to": ""},
        {"from": "<x>"},
        {"display": 'a" <sip:x>'},
        {"display": "a\nb"},
        {"call_id": "a b"},
        {"call_id": "a\r\nb"},
        {"trunk": {"host": "a\r\nb"}},
        {"trunk": {"host": "a", "port": 0}},
        {"trunk": {"host": "a", "username": 'a"b'}},
        {"trunk": {"host": "a", "codecs": ["G729"]}},
        {"trunk": {"host": "a", "codecs": []}},
        {"ring_seconds": 0},
        {"max_seconds": 1e9},
        {"send_by": "soon"},
        {"script": {"v": 1, "steps": []}},
        {"audio": None},
        {"leg": 0},
    ],
)
def test_a_malformed_dial_tells_whose_it_is(changes: dict[str, Any]) -> None:
    with pytest.raises(ProtocolError) as told:
        protocol.parse_command(frame(dial(**changes)))
    assert told.value.attempt == ATTEMPT
    assert told.value.leg == changes.get("leg", 2)


@pytest.mark.parametrize("attempt", [None, 7, "x", [], {}])
def test_a_dial_without_identity(attempt: object) -> None:
    with pytest.raises(ProtocolError) as told:
        protocol.parse_command(frame(dial(attempt=attempt)))
    assert told.value.attempt is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(line: bytes) -> None:
    for parse in (protocol.parse_command, protocol.parse_report):
        with pytest.raises(ProtocolError):
            parse(line)


VALUES = st.none() | st.integers() | st.text(max_size=5) | st.floats() | st.lists(st.integers(), max_size=2)


@given(
    st.sampled_from(["type", "attempt", "leg", "to", "trunk", "script", "audio", "send_by", "display"]),
    VALUES,
)
def test_any_field_may_be_wrong(name: str, value: object) -> None:
    with contextlib.suppress(ProtocolError):
        protocol.parse_command(frame(dial(**{name: value})))


def test_reports_come_back_as_they_were() -> None:
    welcome = protocol.Welcome(session=uuid4(), capacity=250, calls=[ATTEMPT])
    assert protocol.parse_report(protocol.encode(welcome)) == welcome
    ended = Ended(seq=1, attempt=ATTEMPT, leg=1, at=1.5, reason="busy", sip_code=486, answers={"q": "1"})
    assert protocol.parse_report(protocol.encode(ended)) == ended


def test_fields_of_later_versions_are_ignored() -> None:
    line = frame(
        {"type": "event", "seq": 1, "attempt": str(ATTEMPT), "leg": 1, "at": 1, "event": "sent", "new": 2}
    )
    assert isinstance(protocol.parse_report(line), Sent)


class TestEventLog:
    async def test_events_wait_for_their_ack(self) -> None:
        log = EventLog()
        for digit in "123":
            log.report(Key, ATTEMPT, 1, digit=digit)
        log.ack(1)
        assert [event.seq for event in log.attach(lambda event: None)] == [2, 3]
        log.ack(3)
        assert len(log) == 0
        log.report(Sent, ATTEMPT, 1, at=5.0)
        assert [(event.seq, event.at) for event in log.attach(lambda event: None)] == [(4, 5.0)]

    async def test_only_the_newest_progress_of_a_leg_is_kept(self) -> None:
        log, other = EventLog(), uuid4()
        for position in range(5):
            for attempt in (ATTEMPT, other):
                log.report(Played, attempt, 1, audio="message", played_ms=position, total_ms=9)
        log.report(Ended, ATTEMPT, 1, reason="completed")
        kept = [(event.attempt, event.event) for event in log.attach(lambda event: None)]
        assert kept == [(ATTEMPT, "played"), (other, "played"), (ATTEMPT, "ended")]

    async def test_the_newest_listener_is_told(self) -> None:
        log = EventLog()
        first: list[int] = []
        second: list[int] = []

        def to_first(event: protocol.Event) -> None:
            first.append(event.seq)

        log.attach(to_first)
        log.report(Sent, ATTEMPT, 1)
        log.attach(lambda event: second.append(event.seq))
        log.detach(to_first)
        log.report(Sent, ATTEMPT, 2)
        assert (first, second) == ([1], [2])

    async def test_it_is_full_at_its_limit_and_settled_when_empty(self) -> None:
        log = EventLog(limit=2)
        assert log.settled.is_set()
        log.report(Sent, ATTEMPT, 1)
        assert not log.full
        log.report(Sent, ATTEMPT, 2)
        assert log.full
        assert not log.settled.is_set()
        log.ack(2)
        assert log.settled.is_set()
        assert not log.full
