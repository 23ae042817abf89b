"""Messages with ``{tags}``: which tags a template holds, and the text one contact gets."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

_TAG = re.compile(r"\{([^{}]*)\}")
_PREFIX = "tags_"
_DEEPEST = 4


class MissingTags(ValueError):  # noqa: N818 - reads as what it lists
    """A contact has no value for these tags.

    Attributes:
        names: the tags without value, as written in the template, each once, in its order.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"no value for {', '.join(f'{{{name}}}' for name in names)}")
        self.names = tuple(names)


@dataclass(frozen=True, slots=True)
class Filled:
    """A template filled for one contact.

    Attributes:
        text: the whole message.
        values: what each tag became, by its name in the template.
    """

    text: str
    values: Mapping[str, str]


def tags(template: str) -> list[str]:
    """The names of the template's tags, each once, in order of appearance.

    A tag is one pair of braces around anything that is not blank and holds no brace; blanks at
    both ends of the name don't count. All other braces are text.
    """
    names = (match[1].strip() for match in _TAG.finditer(template))
    return list(dict.fromkeys(name for name in names if name))


def spellings(tag: str) -> tuple[str, str]:
    """The names of the variable that a tag may mean, the likelier first: as it is written, and the same name
    without its ``tags_`` prefix or with one, since both are in use on either side.
    """
    return tag, tag.removeprefix(_PREFIX) if tag.startswith(_PREFIX) else _PREFIX + tag


def resolve(tag: str, variables: Mapping[str, Any]) -> str | None:
    """The value of a tag as text, or None when the contact has none.

    The first of its spellings that has a value decides; a blank value counts as none.
    """
    for key in spellings(tag):
        if text := as_text(variables.get(key)):
            return text
    return None


def fill(template: str, variables: Mapping[str, Any]) -> Filled:
    """Put a contact's values in place of the tags. Braces inside values stay what they are.

    Raises:
        MissingTags: one or more tags have no value.
    """
    found = {name: resolve(name, variables) for name in tags(template)}
    if missing := [name for name, value in found.items() if value is None]:
        raise MissingTags(missing)
    values = {name: value for name, value in found.items() if value is not None}

    return Filled(_put(template, values), values)


def fill_known(template: str, variables: Mapping[str, Any]) -> str:
    """The same, with nothing in place of tags that have no value."""
    return _put(template, {name: resolve(name, variables) or "" for name in tags(template)})


def _put(template: str, values: Mapping[str, str]) -> str:
    return _TAG.sub(lambda match: values.get(match[1].strip(), match[0]), template)


def as_text(value: Any) -> str:
    """A variable as people write it: ``50000.0`` is "50000", a list is joined by commas.

    None, not-a-number and what is nested deeper than four levels are the empty string.
    """
    return _as_text(value, 0)


def _as_text(value: Any, depth: int) -> str:
    match value:
        case None:
            return ""
        case str():
            return value.strip()
        case bool():
            return "true" if value else "false"
        case int():
            # Decimal, because str() refuses integers of more than 4,300 digits.
            return format(Decimal(value), "f")
        case float() | Decimal():
            return _number(value)
        case datetime():
            midnight = value.time() == time(0)
            return value.strftime("%Y-%m-%d" if midnight else "%Y-%m-%d %H:%M")
        case date():
            return value.isoformat()
        case time():
            return value.strftime("%H:%M")
        case _:
            return _nested(value, depth)


def _number(value: float | Decimal) -> str:
    if not math.isfinite(value):
        return ""
    plain = format(Decimal(repr(value)) if isinstance(value, float) else value, "f")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "") else plain


def _nested(value: Any, depth: int) -> str:
    if depth == _DEEPEST:
        return ""
    if isinstance(value, Mapping):
        pairs = ((_as_text(key, depth + 1), _as_text(item, depth + 1)) for key, item in value.items())
        return ", ".join(f"{key}: {item}" for key, item in pairs if item)
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return ", ".join(filter(None, (_as_text(item, depth + 1) for item in value)))
    return str(value).strip()
