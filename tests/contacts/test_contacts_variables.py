from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghanti.contacts import variables
from ghanti.contacts.errors import VariableError

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), VALUES))
def test_types_blanks_and_order_are_kept(given_variables: dict[str, Any]) -> None:
    kept = orjson.loads(variables.to_json(given_variables))
    assert kept == given_variables
    assert list(kept) == list(given_variables)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("bad", "field", "reason"),
    [
        ({"a": "x\0"}, "a", "NUL"),
        ({"a": ["x\0"]}, "a", "NUL"),
        ({"a": "\ud800"}, "a", "surrogate"),
        ({"a": ["\ud800"]}, "a", "can't be kept"),
        ({"a": 2**70}, "a", "as text"),
        ({"a": nested(240)}, "a", "nest less"),
        ({"a": "x" * 10_001}, "a", "10000 characters"),
        ({"a": ["x" * 10_001]}, "a", "10000 characters"),
        ({"x\0": 1}, "other_variables", "can't be kept"),
        ({"\ud800": 1}, "other_variables", "can't be kept"),
        ({"x" * 256: 1}, "x" * 40, "255"),
        ({1: 1}, "other_variables", "is text"),
        ({str(n): n for n in range(201)}, "other_variables", "at most 200"),
        ([], "other_variables", "object"),
    ],
)
def test_refusals_name_the_variable(bad: Any, field: str, reason: str) -> None:
    with pytest.raises(VariableError, match=reason) as caught:
        variables.to_json(bad)
    assert caught.value.field == field


def test_a_backslash_before_u0000_is_no_nul() -> None:
    assert orjson.loads(variables.to_json({"a": ["\\u0000"]})) == {"a": ["\\u0000"]}


def test_what_is_kept_can_be_written_within_an_answer() -> None:
    deep = {"a": nested(200)}
    variables.check(deep)
    page = {"results": [{"contact": {"variables": deep}}]}
    assert orjson.loads(orjson.dumps(page)) == page
