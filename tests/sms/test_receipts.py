from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghanti.sms.receipts import (
    DeliveryState,
    Receipt,
    candidate_ids,
    canonical_id,
    parse_receipt,
)
from ghanti.sms.smpp.pdus import Address, DeliverSm

TEXT = (
    "id:0000A1B2 sub:001 dlvrd:001 submit date:2611221017 done date:2611221018"
    " stat:DELIVRD err:000 text:pay now"
)


def deliver(text: str = "", *, esm_class: int = 4, tlvs: dict[int, bytes] | None = None) -> DeliverSm:
    return DeliverSm(
        source=Address(1, 1, "9779841234567"),
        destination=Address(5, 0, "Ghanti"),
        short_message=text.encode(),
        esm_class=esm_class,
        tlvs=tlvs or {},
    )


def test_the_text_of_appendix_b() -> None:
    assert parse_receipt(deliver(TEXT)) == Receipt(
        message_id="0000A1B2",
        state=DeliveryState.DELIVERED,
        recipient="9779841234567",
        error="000",
        done_at=datetime(2026, 11, 22, 10, 18),
    )


def test_parameters_alone_and_their_trailing_nul() -> None:
    receipt = parse_receipt(
        deliver(esm_class=0, tlvs={0x1E: b"a1b2\0", 0x427: b"\x05", 0x423: b"\x03\x00\x1b"})
    )
    assert receipt is not None
    assert (receipt.message_id, receipt.state, receipt.error) == ("a1b2", DeliveryState.UNDELIVERED, "27")
    assert receipt.final


def test_parameters_win_over_the_text() -> None:
    receipt = parse_receipt(deliver(TEXT, tlvs={0x1E: b"77\0", 0x427: b"\x03"}))
    assert receipt is not None
    assert (receipt.message_id, receipt.state) == ("77", DeliveryState.EXPIRED)


def test_the_receipt_in_a_message_payload() -> None:
    receipt = parse_receipt(deliver(tlvs={0x424: TEXT.encode()}))
    assert receipt is not None
    assert receipt.message_id == "0000A1B2"


@pytest.mark.parametrize(
    ("word", "state", "final"),
    [
        ("DELIVRD", DeliveryState.DELIVERED, True),
        ("UNDELIV", DeliveryState.UNDELIVERED, True),
        ("DELETED", DeliveryState.UNDELIVERED, True),
        ("EXPIRED", DeliveryState.EXPIRED, True),
        ("REJECTD", DeliveryState.REJECTED, True),
        ("UNKNOWN", DeliveryState.UNKNOWN, True),
        ("ACCEPTD", DeliveryState.ACCEPTED, False),
        ("ENROUTE", DeliveryState.ACCEPTED, False),
        ("delivrd", DeliveryState.DELIVERED, True),
        ("NONSENSE", DeliveryState.UNKNOWN, True),
    ],
)
def test_states(word: str, state: DeliveryState, final: bool) -> None:
    receipt = parse_receipt(deliver(f"id:1 stat:{word} err:0"))
    assert receipt is not None
    assert (receipt.state, receipt.final) == (state, final)


def test_what_the_message_said_is_not_read_as_the_receipt() -> None:
    receipt = parse_receipt(deliver("id:1 stat:UNDELIV err:9 text:id:2 stat:DELIVRD"))
    assert receipt is not None
    assert (receipt.message_id, receipt.state) == ("1", DeliveryState.UNDELIVERED)


def test_a_phone_cannot_forge_a_receipt() -> None:
    assert parse_receipt(deliver(TEXT, esm_class=0)) is None


def test_a_receipt_without_an_id_is_none() -> None:
    assert parse_receipt(deliver("stat:DELIVRD")) is None


def test_an_impossible_date_is_left_out() -> None:
    receipt = parse_receipt(deliver("id:1 done date:2613990000 stat:DELIVRD"))
    assert receipt is not None
    assert receipt.done_at is None


@given(st.binary(max_size=254), st.integers(0, 255), st.dictionaries(st.integers(0, 0xFFFF), st.binary()))
def test_anything_parses_or_is_none(octets: bytes, esm_class: int, tlvs: dict[int, bytes]) -> None:
    pdu = DeliverSm(Address(0, 0, ""), Address(0, 0, ""), octets, esm_class & 8, esm_class, tlvs)
    receipt = parse_receipt(pdu)
    assert receipt is None or (receipt.message_id and receipt.candidates)


@pytest.mark.parametrize(
    ("submitted", "receipted"),
    [
        ("0000A1B2", "a1b2"),
        ("A1B2", "0000041394"),
        ("41394", "A1B2"),
        ("0041394", "41394\0"),
        (" 41394", "41394"),
        ("5f0c3e1a-77aa-4b1c-9d55-000000000001", "5F0C3E1A-77aa-4b1c-9d55-000000000001"),
        ("0", "000"),
    ],
)
def test_ids_meet(submitted: str, receipted: str) -> None:
    assert canonical_id(submitted) in candidate_ids(receipted)


@given(st.integers(1, 2**64 - 1), st.integers(0, 5))
def test_hexadecimal_meets_decimal_both_ways(number: int, zeros: int) -> None:
    assert canonical_id(f"{number:X}") in candidate_ids("0" * zeros + str(number))
    assert canonical_id(str(number)) in candidate_ids("0" * zeros + f"{number:x}")


def test_the_likeliest_id_comes_first() -> None:
    assert candidate_ids("0041394")[0] == "41394"


def test_an_endless_number_costs_nothing() -> None:
    assert candidate_ids("9" * 64) == ("9" * 64,)


def test_an_id_is_never_longer_than_smpp_allows() -> None:
    for pdu in (deliver("id:" + "A" * 5000), deliver(tlvs={0x001E: b"A" * 5000})):
        receipt = parse_receipt(pdu)
        assert receipt is not None
        assert receipt.message_id == "A" * 64
