"""The codec, against smpp34's, which shares no code with it, and against rubbish."""

from __future__ import annotations

from contextlib import suppress

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from ghanti.sms.smpp.commands import Command, Status, Tag
from ghanti.sms.smpp.config import SmscConfig
from ghanti.sms.smpp.pdus import (
    MAX_PDU,
    Address,
    BindTransceiver,
    DeliverSm,
    FrameError,
    FrameReader,
    Pdu,
    PduError,
    SubmitSm,
    encode,
    message_id,
    response,
)

ASCII = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)


@given(ASCII, ASCII, st.binary(max_size=254), st.integers(1, 0x7FFFFFFF), st.sampled_from([0, 8]))
def test_submit_sm_as_smpp34_reads_it(
    source: str, destination: str, octets: bytes, sequence: int, coding: int
) -> None:
    wire = SubmitSm(
        source=Address(5, 0, source),
        destination=Address(1, 1, destination),
        short_message=octets,
        data_coding=coding,
        esm_class=0x40,
        validity_period="000001000000000R",
        service_type="CMT",
    ).encode(sequence)
    read = smpp34.decode(wire)
    assert isinstance(read, smpp34.SubmitSm)
    assert (read.source_addr_ton, read.source_addr_npi, read.source_addr) == (5, 0, source)
    assert (read.dest_addr_ton, read.dest_addr_npi, read.destination_addr) == (1, 1, destination)
    assert bytes(read.short_message) == octets
    assert (read.data_coding, read.esm_class, read.registered_delivery) == (coding, 0x40, 1)
    assert (read.validity_period, read.service_type) == ("000001000000000R", "CMT")
    assert read.sequence_number == sequence


@given(
    ASCII,
    ASCII,
    st.binary(max_size=254),
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=60)), unique_by=lambda tlv: tlv[0]),
)
def test_deliver_sm_as_smpp34_writes_it(
    source: str, destination: str, octets: bytes, tlvs: list[tuple[int, bytes]]
) -> None:
    wire = smpp34.DeliverSm(
        source_addr=source,
        destination_addr=destination,
        short_message=octets,
        source_addr_ton=1,
        source_addr_npi=1,
        esm_class=4,
        data_coding=8,
        tlvs=[smpp34.Tlv(tag, value) for tag, value in tlvs],
        sequence_number=9,
    ).encode()
    (pdu,) = FrameReader().feed(wire)
    assert (pdu.command, pdu.status, pdu.sequence) == (Command.DELIVER_SM, 0, 9)
    assert DeliverSm.decode(pdu.body) == DeliverSm(
        source=Address(1, 1, source),
        destination=Address(0, 0, destination),
        short_message=octets,
        data_coding=8,
        esm_class=4,
        tlvs=dict(tlvs),
    )


def test_the_payload_is_found_in_either_place() -> None:
    address = Address(0, 0, "1")
    assert DeliverSm(address, address, b"short").payload == b"short"
    assert DeliverSm(address, address, tlvs={Tag.MESSAGE_PAYLOAD: b"long"}).payload == b"long"


@given(st.lists(st.binary(max_size=80), max_size=8), st.integers(1, 40))
def test_frames_survive_any_cutting_of_the_stream(bodies: list[bytes], size: int) -> None:
    wire = b"".join(encode(Command.DELIVER_SM, number, body) for number, body in enumerate(bodies))
    reader = FrameReader()
    read = [pdu for at in range(0, len(wire), size) for pdu in reader.feed(wire[at : at + size])]
    assert read == [Pdu(Command.DELIVER_SM, 0, number, body) for number, body in enumerate(bodies)]


@given(st.binary(max_size=400))
def test_rubbish_ends_a_stream_in_no_other_way_than_a_frame_error(octets: bytes) -> None:
    with suppress(FrameError):
        list(FrameReader().feed(octets))


@given(st.binary(max_size=400))
def test_rubbish_is_a_message_or_a_pdu_error(octets: bytes) -> None:
    with suppress(PduError):
        DeliverSm.decode(octets)
    assert len(message_id(octets)) <= 64


@pytest.mark.parametrize("length", [0, 15, MAX_PDU + 1, 0xFFFFFFFF])
def test_impossible_lengths(length: int) -> None:
    good = encode(Command.ENQUIRE_LINK, 1)
    reader = FrameReader().feed(good + length.to_bytes(4) + b"\0" * 12)
    assert next(reader).command == Command.ENQUIRE_LINK
    with pytest.raises(FrameError, match=str(length)):
        next(reader)


def test_a_deliver_sm_cut_anywhere_is_an_error() -> None:
    wire = smpp34.DeliverSm("1", "2", b"text", tlvs=[smpp34.Tlv(0x1E, b"id\0")], sequence_number=1).encode()
    body = wire[16:]
    without_parameters = len(body) - 7
    for end in range(len(body)):
        if end != without_parameters:
            with pytest.raises(PduError):
                DeliverSm.decode(body[:end])


def test_submit_sm_resp_with_and_without_its_nul() -> None:
    assert message_id(b"A1B2\0") == message_id(b"A1B2") == "A1B2"
    assert message_id(b"A1B2\0\x04\x27\x00\x01\x02") == "A1B2"
    assert message_id(b"") == ""


def test_deliver_sm_resp_has_its_empty_message_id() -> None:
    assert (
        response(Pdu(Command.DELIVER_SM, 0, 7, b""))
        == bytes.fromhex("00000011800000050000000000000007") + b"\0"
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"system_id": "x" * 16}, "system_id"),
        ({"system_id": "घण्टी"}, "system_id"),
        ({"password": "p" * 65}, "password"),
        ({"system_type": "x" * 13}, "system_type"),
    ],
)
def test_binds_that_smpp_cannot_carry(change: dict[str, str], what: str) -> None:
    fields = {"system_id": "user", "password": "secret", **change}
    with pytest.raises(PduError, match=what):
        BindTransceiver(**fields).encode(1)


def test_submits_that_smpp_cannot_carry() -> None:
    address = Address(1, 1, "977")
    with pytest.raises(PduError, match="short_message") as raised:
        SubmitSm(address, address, b"x" * 255).encode(1)
    assert raised.value.status == Status.ESME_RINVMSGLEN
    with pytest.raises(PduError, match="destination_addr"):
        SubmitSm(address, Address(1, 1, "9" * 21), b"x").encode(1)
    with pytest.raises(PduError, match="NUL"):
        SubmitSm(Address(5, 0, "a\0b"), address, b"x").encode(1)


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ("Ghanti", Address(5, 0, "Ghanti")),
        ("+9779801234567", Address(1, 1, "9779801234567")),
        ("31001", Address(0, 0, "31001")),
        ("", Address(0, 0, "")),
    ],
)
def test_the_type_of_a_sender_is_told_from_its_form(source: str, address: Address) -> None:
    config = SmscConfig("host", 2775, "user", "secret", source=source)
    assert config.source_address() == address
    forced = SmscConfig("host", 2775, "user", "secret", source=source, source_ton=3, source_npi=9)
    assert forced.source_address() == Address(3, 9, address.digits)


def test_a_config_hides_its_password_and_refuses_what_cannot_work() -> None:
    assert "secret" not in repr(SmscConfig("host", 2775, "user", "secret"))
    with pytest.raises(PduError, match="window"):
        SmscConfig("host", 2775, "user", "secret", window=0)
    with pytest.raises(PduError, match="source_addr"):
        SmscConfig("host", 2775, "user", "secret", source="x" * 21)
