from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat
from phonenumbers import carrier as carriers

from ghanti.contacts.errors import NumberError
from ghanti.contacts.numbers import is_dialable, parse


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        ("9841234567", "9841234567"),
        (9841234567, "9841234567"),
        (9841234567.0, "9841234567"),
        ("9841234567.0", "9841234567"),
        ("9.841234567E9", "9841234567"),
        ("9.841234567E+09", "9841234567"),
        ("'9841234567", "9841234567"),
        ("9779841234567", "9779841234567"),
        ("+9779841234567", "+9779841234567"),
        ("009779841234567", "009779841234567"),
        ("09841234567", "09841234567"),
        ("+977 09841234567", "+977 09841234567"),
        ("+977 984-1234567", "+977 984-1234567"),
        ("  (977)\u00a0984.123.4567\n", "(977)\u00a0984.123.4567"),
        ("\u202a984\u20111234567\u202c", "\u202a984\u20111234567\u202c"),
        ("९८४१२३४५६७", "९८४१२३४५६७"),
        ("+९७७ ९८४-१२३४५६७", "+९७७ ९८४-१२३४५६७"),
        ("９８４１２３４５６７", "９８４１２３４５６７"),
    ],
)
def test_every_spelling_is_one_identity(raw: str | float, sent: str) -> None:
    assert parse(raw) == ("+9779841234567", sent, "NTC")


@pytest.mark.parametrize(
    ("raw", "number", "carrier"),
    [
        ("9808684325", "+9779808684325", "Ncell"),
        ("9745610235", "+9779745610235", "NTC"),
        ("9721234567", "+9779721234567", "UTL"),
        ("9611234567", "+9779611234567", "Smart"),
        ("9631234567", "+9779631234567", "other"),
        ("01-4412345", "+97714412345", "other"),
        ("+1 415 555 2671", "+14155552671", "other"),
        ("0014155552671", "+14155552671", "other"),
        ("+61 2 9374 4000", "+61293744000", "other"),
    ],
)
def test_carriers(raw: str, number: str, carrier: str) -> None:
    assert parse(raw) == (number, raw, carrier)


@pytest.mark.parametrize("raw", ["1231231234", "9990000000", "1234567", "123456789012345"])
def test_what_no_plan_knows_keeps_its_digits(raw: str) -> None:
    parsed = parse(raw)
    assert parsed == (raw, raw, "other")
    assert not is_dialable(parsed)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, "missing"),
        ("", "missing"),
        (" \u00a0 ", "missing"),
        ("()", "missing"),
        (True, "true or false"),
        (1.5, "no sign, no fraction"),
        (float("nan"), "no sign, no fraction"),
        (float("inf"), "no sign, no fraction"),
        (-9841234567, "no sign, no fraction"),
        (10**400, "no sign, no fraction"),
        (1e300, "longer than any"),
        ("123456", "this one has 6"),
        ("1234567890123456", "this one has 16"),
        ("9.84123E+09", "shortened"),
        ("9.84E+12", "shortened"),
        ("9E999999999", "shortened"),
        ("98412345x7", "digits only"),
        ("9841234567/9851234567", "digits only"),
        ("98+41234567", "digits only"),
        ("+", "digits only"),
        ("984123456\0", "digits only"),
        ("984123456\ud800", "digits only"),
        ("984 " * 40, "longer than any"),
        (["9841234567"], "text or digits"),
    ],
)
def test_refusals_say_why(raw: object, reason: str) -> None:
    with pytest.raises(NumberError, match=reason):
        parse(raw)  # type: ignore[arg-type]


def test_other_home_countries() -> None:
    assert parse("98765 43210", "IN").number == "+919876543210"
    assert parse("+977 9841234567", "IN") == ("+9779841234567", "+977 9841234567", "NTC")
    assert parse("9841234567", "GB").number != "+9779841234567"
    assert parse("02 9374 4000", "AU").number == "+61293744000"


NAMES = {"Nepal Telecom": "NTC", "NDCL": "NTC", "NCell": "Ncell", "Smart Telecom": "Smart", "UTL": "UTL"}


def by_library(text: str) -> tuple[str, str]:
    """Identity and carrier as the library alone sees them."""
    try:
        parsed = phonenumbers.parse(text, "NP")
    except phonenumbers.NumberParseException:
        return text.removeprefix("+"), "other"
    if not phonenumbers.is_valid_number(parsed):
        return text.removeprefix("+"), "other"
    carrier = (
        NAMES.get(carriers.name_for_number(parsed, "en"), "other") if parsed.country_code == 977 else "other"
    )
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164), carrier


PREFIXES = st.sampled_from(["", "0", "977", "+977", "00977"])


@given(prefix=PREFIXES, code=st.integers(900, 999), rest=st.integers(0, 9_999_999))
@example(prefix="", code=977, rest=1234567)
@example(prefix="977", code=900, rest=0)
def test_mobiles_are_what_the_library_says(prefix: str, code: int, rest: int) -> None:
    text = f"{prefix}{code}{rest:07}"
    assert (parse(text).number, parse(text).carrier) == by_library(text)


@pytest.mark.parametrize("code", range(900, 1000))
def test_each_mobile_code_is_what_the_library_says(code: int) -> None:
    for rest in ("0000000", "1234567", "9999999"):
        for prefix in ("", "0", "977", "+977", "00977"):
            text = f"{prefix}{code}{rest}"
            assert (parse(text).number, parse(text).carrier) == by_library(text)


@given(st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True))
def test_other_digits_are_what_the_library_says(text: str) -> None:
    assert (parse(text).number, parse(text).carrier) == by_library(text)


@given(
    st.text() | st.integers() | st.floats() | st.none() | st.booleans(), st.sampled_from(["NP", "US", "ZZ"])
)
def test_anything_is_a_number_or_refused(raw: str | float | None, region: str) -> None:
    try:
        parsed = parse(raw, region)
    except NumberError:
        return
    assert parsed.number.removeprefix("+").isdecimal()
    assert parse(parsed.number, region).number == parsed.number
