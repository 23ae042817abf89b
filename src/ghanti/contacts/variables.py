"""The variables of a contact: JSON values under the names that tags use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from ghanti.contacts.errors import VariableError

MAX_VARIABLES = 200
MAX_NAME = 255
"""Characters in a variable's name."""
MAX_VALUE = 10_000
"""Characters in one value; of its JSON when it is a list or an object."""

_AROUND = 16
"""Levels of nesting left to the contact, the page and the answer that a value is written in; orjson writes
254 in all."""

_ESCAPED_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def to_json(variables: Mapping[str, Any]) -> str:
    """A contact's variables as JSON text, keys in their order; raises as :func:`check`."""
    check(variables)
    return orjson.dumps(dict(variables)).decode()


def check(variables: Mapping[str, Any]) -> None:
    """See that a contact's variables can be kept.

    Raises:
        VariableError: a name or a value that can't be; ``field`` names the variable.
    """
    if not isinstance(variables, Mapping):
        raise VariableError("The variables must be an object of names and values.", "other_variables")
    if len(variables) > MAX_VARIABLES:
        raise VariableError(
            f"A contact has at most {MAX_VARIABLES} variables, not {len(variables)}.", "other_variables"
        )
    for name, value in variables.items():
        _check_name(name)
        _check_value(name, value)


def text_problem(text: str) -> str | None:
    """Why a text can't be a value, or None."""
    if len(text) > MAX_VALUE:
        return f"A value has at most {MAX_VALUE} characters; this one has {len(text)}."
    if "\0" in text:
        return "A value can't hold the NUL character."
    return None


def _check_name(name: Any) -> None:
    if not isinstance(name, str):
        raise VariableError("The name of a variable is text.", "other_variables")
    if len(name) > MAX_NAME:
        raise VariableError(f"The name of a variable has at most {MAX_NAME} characters.", name[:40])
    if "\0" in name or not _is_unicode(name):
        raise VariableError("The name of a variable holds a character that can't be kept.", "other_variables")


def _check_value(name: str, value: Any) -> None:
    if isinstance(value, str):
        problem = text_problem(value)
        if not problem and not _is_unicode(value):
            problem = "The value holds half of a surrogate pair."
    else:
        problem = _nested_problem(value)
    if problem:
        raise VariableError(problem, name)


def _nested_problem(value: Any) -> str | None:
    within = value
    for _ in range(_AROUND):
        within = [within]
    try:
        dumped = orjson.dumps(within)[_AROUND:-_AROUND]
    except (TypeError, RecursionError):
        return "The value can't be kept: write numbers of more than 18 digits as text, and nest less."
    if len(dumped) > MAX_VALUE and len(dumped.decode()) > MAX_VALUE:
        return f"A value has at most {MAX_VALUE} characters."
    if _ESCAPED_NUL.search(dumped):
        return "A value can't hold the NUL character."
    return None


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
