"""What holds for the reading of every language but Nepali, which has tests like these of its own."""

import re
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghanti.speech.text import named, normalise

LANGUAGES = ["en", "hi"]
_CALLED = {
    "en": {"hundred": 100, "thousand": 1000, "lakh": 10**5, "crore": 10**7},
    "hi": {normalise(word, "hi"): size for word, size in (("सौ", 100), ("हज़ार", 1000))}
    | {normalise(word, "hi"): size for word, size in (("लाख", 10**5), ("करोड़", 10**7))},
}

_hostile = st.text(
    st.one_of(
        st.sampled_from("0123456789०१२३४५६७८९,.-/:+%#$₹°@&{}()' \n।रु Rs.kgmANPTCapnt🙂\u200d\u094d½①٣वीं"),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=80,
)


@cache
def _small(language: str) -> dict[str, int]:
    return {normalise(str(value), language): value for value in range(100)}


def _heard(words: str, language: str) -> int:
    """The number that a listener makes of its words."""
    small = _small(language)
    total = part = 0
    for word in words.split():
        size = _CALLED[language].get(word)
        if size is None:
            part += small[word]
        elif size == 100:
            part *= size
        else:
            total, part = total + part * size, 0
    return total + part


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=300)
@given(text=_hostile)
def test_nothing_unspeakable_is_left_and_what_is_normal_stays(language: str, text: str) -> None:
    spoken = normalise(text, language)
    assert not re.search(r"[\d{}\[\]<>/%@#*_=\\-]", spoken)
    assert spoken == spoken.strip()
    assert "  " not in spoken
    assert normalise(spoken, language) == spoken


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=100)
@given(value=st.integers(0, 999_999_999))
def test_a_number_is_heard_as_it_was_written(language: str, value: int) -> None:
    assert _heard(normalise(str(value), language), language) == value
    assert _heard(normalise(f"{value:,}", language), language) == value
    amount = normalise(f"Rs. {value}", language).split()
    assert _heard(" ".join(amount[:-1]), language) == value


@pytest.mark.parametrize("language", LANGUAGES)
@settings(max_examples=100)
@given(digits=st.text("0123456789०१२३४५६७८९", min_size=10, max_size=40))
def test_no_digit_of_a_long_one_is_lost(language: str, digits: str) -> None:
    names = [named(str(value), language) for value in range(10)]
    spoken = normalise(digits, language).replace(",", "").split()
    assert [names.index(word) for word in spoken] == [int(digit) for digit in digits]


@pytest.mark.timeout(40)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("unit", ["1", "1,", "1-", "1:", "A.", "a@", "a-", "www.", "\n", "- ", "{"])
def test_hostile_texts_take_linear_time(language: str, unit: str) -> None:
    # Work that grows with the square of the length doesn't finish within the limit.
    assert not re.search(r"[\d{}]", normalise(unit * 20_000, language))
