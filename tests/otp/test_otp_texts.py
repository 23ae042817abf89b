"""What an OTP says: filled for the eye, spelled for the ear."""

from __future__ import annotations

import pytest

from ghanti.otp import spoken, texts
from ghanti.speech.text import normalise

DIGITS = "शून्य, एक, दुई, तीन, चार, पाँच, छ, सात, आठ, नौ"


@pytest.mark.parametrize("length", range(4, 11))
def test_generated_codes_have_their_length(length: int) -> None:
    codes = {texts.generated(length) for _ in range(200)}
    assert {len(code) for code in codes} == {length}
    assert all(code.isdecimal() for code in codes)
    assert len(codes) > 150


def test_generated_codes_may_begin_with_zero() -> None:
    assert any(texts.generated(4).startswith("0") for _ in range(1000))


@pytest.mark.parametrize("code", ["123", "007", "ABC123", "a1b2c3d4e5f6"])
def test_own_codes(code: str) -> None:
    assert texts.is_own_code(code)


@pytest.mark.parametrize("code", ["", "12", "1234567890123", "12 34", "12-34", "१२३४", "1234\n", "कखग"])
def test_what_is_no_code(code: str) -> None:
    assert not texts.is_own_code(code)


@pytest.mark.parametrize("message", ["{otp}", "code { otp } x", "{tags_otp}"])
def test_spellings_of_the_tag(message: str) -> None:
    assert texts.has_code(message)
    assert texts.unknown_tags(message) == []
    assert "1234" in texts.delivered(message, "1234", "")


def test_company_name_stands_before_the_message() -> None:
    assert texts.delivered("Hi your OTP is {otp}", "564546", "TingTing") == "TingTing: Hi your OTP is 564546"


def test_every_digit_is_a_word_of_its_own() -> None:
    said = spoken.spelled("0123456789", "np")
    assert said == DIGITS
    assert normalise(said, "np") == DIGITS


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("2082", "दुई, शून्य, आठ, दुई"),
        ("9841234567", "नौ, आठ, चार, एक, दुई, तीन, चार, पाँच, छ, सात"),
        ("A7x", "ए, सात, एक्स"),
        ("007", "शून्य, शून्य, सात"),
    ],
)
def test_a_code_is_never_read_as_a_number(code: str, words: str) -> None:
    assert normalise(spoken.spelled(code, "np"), "np") == words


def test_the_whole_call_is_said_twice() -> None:
    said = normalise(spoken.spoken("तपाईंको OTP {otp} हो", "4071", "घण्टी", "np"), "np")
    once = "घण्टी, तपाईंको ओ टी पी चार, शून्य, सात, एक हो।"
    assert said == f"{once} {once}"


@pytest.mark.parametrize(
    ("message", "once"),
    [
        ("OTP:{otp}.", "ओ टी पी, एक, दुई, तीन."),
        ("कोड{otp}हो!", "कोड एक, दुई, तीन हो!"),
        ("{otp}", "एक, दुई, तीन।"),
        ("Your code is {otp}?", "Your code is एक, दुई, तीन?"),
    ],
)
def test_what_stands_beside_the_code_stays_apart(message: str, once: str) -> None:
    assert normalise(spoken.spoken(message, "123", "", "np"), "np") == f"{once} {once}"


@pytest.mark.parametrize(("language", "words"), [("en", "ay, B, one, two"), ("hi", "ए, बी, एक, दो")])
def test_other_languages_name_the_characters_their_way(language: str, words: str) -> None:
    assert spoken.spelled("AB12", language) == words
    assert normalise(words, language) == words
