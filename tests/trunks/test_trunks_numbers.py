"""Where calls may go, and how a trunk wants its numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghanti.trunks.service import destination_refusal, dialled_form


@pytest.mark.parametrize("number", ["+9779841000001", "+97714200000", "+97721460000"])
def test_numbers_at_home_may_be_called(number: str) -> None:
    assert destination_refusal(number, "NP") is None


@pytest.mark.parametrize(
    ("number", "why"),
    [
        ("+12025550143", "outside NP"),
        ("+919812345678", "outside NP"),
        ("+37060112345", "outside NP"),
        ("+977100", "not a possible phone number"),
        ("100", "not a valid phone number"),
        ("", "not a valid phone number"),
        ("14155550100", "not a valid phone number"),
        ("9990000000", "not a valid phone number"),
        ("+977x", "not a"),
    ],
)
def test_others_may_not_and_the_reason_is_told(number: str, why: str) -> None:
    assert why in (destination_refusal(number, "NP") or "")


def test_premium_numbers_are_refused_at_home_too() -> None:
    assert "premium" in (destination_refusal("+449098790879", "GB") or "")


@given(st.from_regex(r"\A98[0-9]{8}\Z"))
def test_a_number_is_dialled_as_the_trunk_wants_it(national: str) -> None:
    number = f"+977{national}"
    assert dialled_form(number, "e164", "NP") == number
    assert dialled_form(number, "digits", "NP") == f"977{national}"
    assert dialled_form(number, "national", "NP") == national


def test_a_foreign_number_keeps_its_country() -> None:
    assert dialled_form("+12025550143", "national", "NP") == "+12025550143"
    assert dialled_form("100", "digits", "NP") == "100"
