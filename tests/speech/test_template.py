from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghanti.speech.template import MissingTags, as_text, fill, resolve, tags


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("", []),
        ("नमस्ते", []),
        ("नमस्ते {name}, रु {amount}", ["name", "amount"]),
        ("{a}{b}{a}", ["a", "b"]),
        ("{ name } and {name}", ["name"]),
        ("{tags_name} {name}", ["tags_name", "name"]),
        ("{Full Name} {नाम}", ["Full Name", "नाम"]),
        ("{} { } {\t}", []),
        ("{name", []),
        ("name}", []),
        ("{a{b}c}", ["b"]),
        ("{{name}}", ["name"]),
        ("तपाईंको कोड {otp} हो", ["otp"]),
    ],
)
def test_tags(template: str, names: list[str]) -> None:
    assert tags(template) == names


@pytest.mark.parametrize(
    ("tag", "variables", "value"),
    [
        ("name", {"name": "Ram"}, "Ram"),
        ("tags_name", {"name": "Ram"}, "Ram"),
        ("name", {"tags_name": "Ram"}, "Ram"),
        ("tags_name", {"tags_name": "exact", "name": "other"}, "exact"),
        ("name", {"tags_name": "other", "name": "exact"}, "exact"),
        ("name", {"name": "", "tags_name": "Ram"}, "Ram"),
        ("name", {"Name": "Ram"}, None),
        ("name", {"name": None}, None),
        ("name", {"name": " \t"}, None),
        ("name", {}, None),
        ("amount", {"amount": 0}, "0"),
        ("tags_tags_x", {"tags_x": 1}, "1"),
    ],
)
def test_resolve(tag: str, variables: dict[str, Any], value: str | None) -> None:
    assert resolve(tag, variables) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("  Ram ", "Ram"),
        (50000.0, "50000"),
        (0.5, "0.5"),
        (-0.0, "0"),
        (1e21, "1000000000000000000000"),
        (1e-7, "0.0000001"),
        (float("nan"), ""),
        (float("inf"), ""),
        (Decimal("1500.50"), "1500.5"),
        (9841000000, "9841000000"),
        (True, "true"),
        (False, "false"),
        (date(2025, 7, 9), "2025-07-09"),
        (datetime(2025, 7, 9), "2025-07-09"),
        (datetime(2025, 7, 9, 14, 46), "2025-07-09 14:46"),
        (["a", 2.0, None, ["b"]], "a, 2, b"),
        ({"ward": 5, "tole": "", "city": "Pokhara"}, "ward: 5, city: Pokhara"),
        ([[[[["too deep"]]]]], ""),
    ],
)
def test_as_text(value: Any, text: str) -> None:
    assert as_text(value) == text


def test_an_integer_longer_than_python_prints() -> None:
    assert as_text(10**5000) == "1" + "0" * 5000


def test_fill() -> None:
    filled = fill("नमस्ते {name}, रु {tags_amount}. {}", {"name": "राम", "amount": 50000.0})
    assert filled.text == "नमस्ते राम, रु 50000. {}"
    assert filled.values == {"name": "राम", "tags_amount": "50000"}


def test_values_are_not_expanded_again() -> None:
    assert fill("{a} {b}", {"a": "{b}", "b": "{a}"}).text == "{b} {a}"
    assert fill("{a}", {"a": r"\1\g<0>"}).text == r"\1\g<0>"


def test_all_missing_tags_are_named_in_order() -> None:
    with pytest.raises(MissingTags, match=r"\{z\}, \{a\}") as caught:
        fill("{z} {name} {a} {z}", {"name": "Ram", "a": ""})
    assert caught.value.names == ("z", "a")


names = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), min_size=1).map(str.strip)


@given(st.text(), st.dictionaries(st.text(), st.one_of(st.none(), st.text(), st.integers(), st.floats())))
def test_any_template_is_filled_or_names_what_it_lacks(template: str, variables: dict[str, Any]) -> None:
    wanted = tags(template)
    lacking = [name for name in wanted if resolve(name, variables) is None]
    if lacking:
        with pytest.raises(MissingTags) as caught:
            fill(template, variables)
        assert list(caught.value.names) == lacking
    else:
        assert list(fill(template, variables).values) == wanted


@given(st.lists(st.tuples(st.text(st.characters(exclude_characters="{}")), names.filter(bool))))
def test_text_around_tags_is_kept(pieces: list[tuple[str, str]]) -> None:
    template = "".join(f"{text}{{ {name} }}" for text, name in pieces)
    variables = {name: f"<{index}>" for index, (_, name) in enumerate(pieces)}
    expected = "".join(f"{text}{variables[name]}" for text, name in pieces)
    assert fill(template, variables).text == expected


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", ["{", "}", "{a", "a}", "{}", "{ ", "{{a}", "{a}"])
def test_hostile_templates_take_linear_time(unit: str) -> None:
    # Work that grows with the square of the length doesn't finish within the limit.
    assert set(tags(unit * 1_000_000)) <= {"a"}
