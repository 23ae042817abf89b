"""Reading survey steps as clients write them: JSON, JSON in forms, or the reprs of the vendor's own client.

That client puts each step into a multipart form as Python writes a dict, and its audio as a file whose
name is the step's index. Without audio it sends an urlencoded form, into which its steps go as nothing but
the names of their keys: then no steps are meant.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, BinaryIO, Final

import orjson

from ghanti.accounts.errors import InvalidError
from ghanti.api.body import Body, parse_json
from ghanti.surveys import drafts
from ghanti.surveys.schemas import MOST_STEPS, StepDraft

_LONGEST: Final = 64 * 1024
_DEEPEST: Final = 8
_MOST_TOKENS: Final = 2000

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<open>[\[{]) | (?P<close>[\]}]) | [,:]
      | '(?:[^'\\\r\n]|\\[\\'"nrtxuU])*' | "(?:[^"\\\r\n]|\\[\\'"nrtxuU])*"
      | -?\d{1,20}(?:\.\d{0,20})?(?:e[+-]?\d{1,3})? | True | False | None
    )\s*""",
    re.VERBOSE,
)
"""What the repr of plain data is made of, with the escapes that it writes."""

_STEP_KEYS = frozenset(
    {
        "id",
        "survey",
        "order",
        "content_type",
        "text_or_url",
        "response_type",
        "input_name",
        "audio_file",
    }
)


def literal(text: str) -> Any:
    """A value of plain data as Python writes it: dicts, lists, strings, numbers, True, False and None.

    The text is taken apart into such tokens before Python's own parser sees it, so that nothing nested deep,
    long or other than data reaches that.

    Raises ValueError for anything else.
    """
    if len(text) > _LONGEST:
        raise ValueError("it is too long")
    place = depth = tokens = 0
    while place < len(text):
        token = _TOKEN.match(text, place)
        depth += 0 if token is None else bool(token["open"]) - bool(token["close"])
        tokens += 1
        if token is None or depth > _DEEPEST or depth < 0 or tokens > _MOST_TOKENS:
            raise ValueError("it is no plain data")
        place = token.end()
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise ValueError("it is no plain data") from None
    return _plain(value)


def steps(body: Body, field: str = "steps", *, ordered: bool = False) -> list[StepDraft] | None:
    """The steps that a body brings, in the order in which they were written; None when it brings none.

    Raises InvalidError naming each step that is wrong.
    """
    items = _items(body.values.get(field), field)
    if items is None:
        return None
    try:
        return drafts.read_steps(items, ordered=ordered, nulls_keep=body.is_form)
    except drafts.StepsError as error:
        raise InvalidError.of_fields({field: error.messages}) from None


def files(
    body: Body, written: Sequence[StepDraft], field: str = "steps", others: Collection[str] = ()
) -> dict[int, BinaryIO]:
    """The uploaded files of these steps by order; ``written`` is in the order in which they were sent.

    A file is named ``step_<order>_audio_file``, ``audio_file_<order>``, or by the step's index from 0 as the
    vendor's client does. ``others`` are names of files that are no step's.

    Raises InvalidError for a file that is named like one of a step that is not there.
    """
    found: dict[int, BinaryIO] = {}
    taken = set()
    for index, draft in enumerate(written):
        names = (f"step_{draft.order}_audio_file", f"audio_file_{draft.order}", str(index))
        for name in names:
            if name in body.files and draft.order not in found:
                found[draft.order] = body.files[name].file
                taken.add(name)
    if strange := sorted(body.files.keys() - taken - set(others)):
        raise InvalidError.of(field, f"There is no step for the file {strange[0]!r}.")
    return found


def _items(value: Any, field: str) -> list[Any] | None:
    """What was sent as a list of objects; None for nothing, and for what a form garbled."""
    if value is None or value == "":
        return None
    values = value if isinstance(value, list) else [value]
    if values and all(isinstance(item, str) and item in _STEP_KEYS for item in values):
        return None
    if len(values) > MOST_STEPS:
        raise InvalidError.of(field, f"A survey has at most {MOST_STEPS} steps.")
    items = [
        _parsed(item, index, field) if isinstance(item, str) else item for index, item in enumerate(values)
    ]
    if isinstance(value, str) and isinstance(items[0], list):
        return items[0]
    return items


def _parsed(text: str, index: int, field: str) -> Any:
    try:
        return parse_json(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return literal(text)
    except ValueError as error:
        raise InvalidError.of(field, f"Step {index + 1} cannot be read: {error}.") from None


def _plain(value: Any) -> Any:
    """The value, of nothing but plain data that can be kept. Raises ValueError."""
    level = [value]
    while level:
        for item in level:
            if item is not None and not isinstance(item, dict | list | str | int | float | bool):
                raise ValueError("it is no plain data")
            if isinstance(item, str) and ("\0" in item or any("\ud800" <= c <= "\udfff" for c in item)):
                raise ValueError("it holds characters that cannot be kept")
        level = [part for item in level for part in _parts(item)]
    return value


def _parts(item: Any) -> list[Any]:
    if isinstance(item, Mapping):
        return [*item.keys(), *item.values()]
    return list(item) if isinstance(item, list) else []
