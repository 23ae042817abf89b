"""The parts of the simulated phones that need no wire."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghanti.simulator.behaviour import PhoneBehaviour
from ghanti.simulator.phones.calllog import CallLog, PhoneCall
from ghanti.simulator.phones.ear import open_recording
from ghanti.simulator.phones.front import StartLimit
from ghanti.simulator.phones.message import (
    MalformedMessageError,
    Message,
    number_of,
    parameter,
    parse,
    response,
    stamp_via,
    uri_address,
    via_address,
)
from ghanti.simulator.phones.relay import Relay

INVITE = (
    b"INVITE sip:+9779841234590@192.0.2.9:5066 SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bKa;rport, SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKb\r\n"
    b'f: "Ward, 5 <office>" <sip:15970425@192.0.2.1>;tag=1\r\n'
    b"t: <sip:+9779841234590@192.0.2.9>\r\n"
    b"i: abc@192.0.2.1\r\n"
    b"CSeq: 7 INVITE\r\n"
    b"Subject: folded\r\n here\r\n"
    b"Route: <sip:192.0.2.9:5066;lr>,<sip:192.0.2.3;lr>\r\n"
    b"\r\nv=0\r\n"
)
HERE, STACK = ("192.0.2.9", 5066), ("192.0.2.9", 40000)


def test_a_request_is_read_in_compact_and_folded_form() -> None:
    message = parse(INVITE)
    assert (message.method, message.call_id, message.cseq) == ("INVITE", "abc@192.0.2.1", (7, "INVITE"))
    assert len(message.all("via")) == 2
    assert message.get("subject") == "folded here"
    assert message.all("route") == ["<sip:192.0.2.9:5066;lr>", "<sip:192.0.2.3;lr>"]
    assert message.get("from") == '"Ward, 5 <office>" <sip:15970425@192.0.2.1>;tag=1'
    assert message.body == b"v=0\r\n"
    assert not message.in_dialog


def test_what_is_written_reads_the_same() -> None:
    message = parse(INVITE)
    again = parse(message.encode())
    again.pop("content-length")
    assert again == message


@given(st.binary(max_size=400))
def test_no_bytes_break_the_parser(tail: bytes) -> None:
    for datagram in (tail, INVITE[: len(tail)] + tail, INVITE.replace(b"abc", tail)):
        try:
            message = parse(datagram)
        except MalformedMessageError:
            continue
        stamp_via(message, ("192.0.2.1", 5070))
        via_address(message)
        if message.is_request:
            number_of(message)
            Relay(HERE, STACK).inward(message)
        else:
            Relay(HERE, STACK).back(message)
        message.encode()


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SIP/2.0 099 Early\r\n\r\n",
        INVITE.replace(b"CSeq: 7 INVITE", b"CSeq: INVITE"),
        INVITE.replace(b"i: abc", b"x: abc"),
        INVITE.replace(b"Subject: folded", b"Subject folded"),
        INVITE + b"x" * 20_000,
    ],
)
def test_what_is_no_sip_is_refused(datagram: bytes) -> None:
    with pytest.raises(MalformedMessageError):
        parse(datagram)


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("sip:9841234590@host", "9841234590"),
        ("sip:+9779841234590@host:5080;user=phone", "+9779841234590"),
        ("sip:%2B9779841234590;phone-context=np@host", "+9779841234590"),
        ("tel:+977-984-1234590;phone-context=np", "+977-984-1234590"),
        ("sip:host", ""),
        ("urn:x", ""),
    ],
)
def test_the_number_is_the_user_of_the_request_line(uri: str, number: str) -> None:
    assert number_of(Message(f"INVITE {uri} SIP/2.0", [])) == number


def test_addresses_and_parameters() -> None:
    assert uri_address("<sip:192.0.2.3:5080;lr>;x=1") == ("192.0.2.3", 5080)
    assert uri_address("sip:user;a=b@192.0.2.3") == ("192.0.2.3", 5060)
    assert uri_address("nothing") is None
    assert parameter("<sip:a;tag=no@b>;tag=yes", "tag") == "yes"
    assert parameter("x;rport;branch=1", "rport") == ""
    assert parameter("x;branch=1", "rport") is None


def test_a_response_returns_to_where_the_request_came_from() -> None:
    message = parse(INVITE)
    stamp_via(message, ("198.51.100.4", 6000))
    answer = response(message, 486, "Busy Here", "t1")
    assert via_address(answer) == ("198.51.100.4", 6000)
    assert answer.get("to").endswith(";tag=t1")
    assert answer.all("via") == message.all("via")


def test_a_relayed_invite_leaves_and_its_response_returns() -> None:
    relay, message = Relay(HERE, STACK), parse(INVITE)
    stamp_via(message, ("192.0.2.1", 5070))
    before = message.all("via")
    assert relay.inward(message) == STACK
    assert message.all("route") == ["<sip:192.0.2.3;lr>"]
    assert message.get("record-route") == "<sip:192.0.2.9:5066;lr>"
    assert message.get("max-forwards") == "69"
    answer = response(message, 200, "OK", "t1")
    assert relay.back(answer) == ("192.0.2.1", 5070)
    assert answer.all("via") == before


def test_a_cancel_has_the_branch_of_its_invite() -> None:
    relay = Relay(HERE, STACK)
    branches = set()
    for method in (b"INVITE", b"CANCEL", b"ACK"):
        message = parse(INVITE.replace(b"INVITE", method))
        stamp_via(message, ("192.0.2.1", 5070))
        relay.inward(message)
        branches.add(parameter(message.get("via"), "branch"))
    assert len(branches) == 1


def test_what_has_no_hops_left_or_did_not_pass_here_is_dropped() -> None:
    relay = Relay(HERE, STACK)
    message = parse(INVITE.replace(b"Subject: folded", b"Max-Forwards: 0\r\nSubject: folded"))
    assert relay.inward(message) is None
    assert relay.back(response(parse(INVITE), 200, "OK", "t1")) is None


def test_the_phones_own_requests_follow_the_route() -> None:
    relay = Relay(HERE, STACK)
    bye = INVITE.replace(b"INVITE", b"BYE")
    assert relay.outward(parse(bye)) == ("192.0.2.3", 5060)
    without = bye.replace(
        b"Route: <sip:192.0.2.9:5066;lr>,<sip:192.0.2.3;lr>", b"Route: <sip:192.0.2.9:5066;lr>"
    )
    assert relay.outward(parse(without.replace(b"@192.0.2.9:5066 ", b"@192.0.2.7:5090 "))) == (
        "192.0.2.7",
        5090,
    )


def test_starts_are_limited_over_each_second() -> None:
    now = 0.0
    limit = StartLimit(4, lambda: now)
    assert [limit.take() for _ in range(5)] == [True] * 4 + [False]
    now = 0.5
    assert [limit.take() for _ in range(3)] == [True, True, False]
    now = 60.0
    assert [limit.take() for _ in range(5)] == [True] * 4 + [False]


def test_recordings_never_overwrite_and_stay_in_their_folder(tmp_path: Path) -> None:
    names = []
    for number in ("../../etc/x", "../../etc/x", ""):
        path, file = open_recording(tmp_path, number)
        file.close()
        names.append(path.relative_to(tmp_path).as_posix())
    assert names == ["______etc_x-1.wav", "______etc_x-2.wav", "_-1.wav"]


def test_the_log_is_appended_whole_and_at_once(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log"
    for _ in range(2):
        log = CallLog(path)
        assert log.invite("98", "a", 1, "me")
        assert not log.invite("98", "a", 1, "me")
        assert log.invite("98", "a", 2, "me")
        call = PhoneCall("98", "a", PhoneBehaviour.BUSY, code=486)
        log.end(call)
        log.end(call)
        assert path.read_bytes().endswith(b"}\n")
        log.close()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["invite", "invite", "end"] * 2
