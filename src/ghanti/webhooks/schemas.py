"""What the rules of web hooks take and give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from ghanti.accounts.errors import InvalidError
from ghanti.fetching import FetchRefusedError, check_address

METHODS = ("GET", "POST", "PUT", "DELETE")
MOST_HOOKS = 200
"""Of one account."""

_LONGEST_NAME = 100
_LONGEST_PATH = 2000
_LONGEST_DESCRIPTION = 2000
_MOST_HEADERS = 50
_MOST_BYTES = 32_768
"""Of headers, params and json_data together, as JSON."""

# RFC 9110, sections 5.1 and 5.5.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\t]{0,4000}")
_SET_BY_US = """
host content-length transfer-encoding connection upgrade te trailer expect accept-encoding
ghanti-delivery webhook-id webhook-timestamp webhook-signature
"""
_OURS = frozenset(_SET_BY_US.split())
"""Headers that the sending decides, in small letters."""

_UNWRITABLE = re.compile("[\0\ud800-\udfff]")

_Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class HookOrder:
    """A web hook as its owner wants it.

    Attributes:
        name: Unique in the account; scripts name it.
        path: The whole http or https URL.
        method: ``GET``, ``POST``, ``PUT`` or ``DELETE``.
        headers: Sent as they are.
        params: Added to the URL's query; tags in their values are filled.
        json_data: The body; tags in its strings are filled. None sends no body.
    """

    name: str
    path: str
    method: str
    description: str | None = None
    headers: Mapping[str, Any] = field(default_factory=dict, repr=False)
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    json_data: Mapping[str, Any] | None = field(default=None, repr=False)

    def checked(self) -> HookOrder:
        """The same, cleaned. Raises InvalidError naming each input that breaks a rule."""
        name, path = self.name.strip(), self.path.strip()
        faults = {
            "name": _length(name, _LONGEST_NAME),
            "path": _fault_of_address(path),
            "method": None if self.method in METHODS else f"Choose one of {', '.join(METHODS)}.",
            "description": _length(self.description or "-", _LONGEST_DESCRIPTION),
            "headers": _fault_of_headers(self.headers),
            "params": _fault_of_params(self.params),
            "json_data": self._fault_of_size(),
        }
        if wrong := {field: [fault] for field, fault in faults.items() if fault}:
            raise InvalidError.of_fields(wrong)
        headers = {name: _plain(value) for name, value in self.headers.items()}
        return HookOrder(name, path, self.method, self.description, headers, self.params, self.json_data)

    def _fault_of_size(self) -> str | None:
        try:
            size = len(orjson.dumps([self.headers, self.params, self.json_data]))
        except (TypeError, ValueError):
            return "This is no JSON."
        if size > _MOST_BYTES:
            return f"Headers, params and json_data take {size} bytes; at most {_MOST_BYTES} are kept."
        return None


@dataclass(frozen=True, slots=True)
class HookView:
    """A web hook as it is shown: ``***`` in place of every value of its headers, params and json_data.

    ``path`` is without query and without a user's name and password.
    """

    id: int
    name: str
    path: str
    method: str
    description: str | None
    headers: Mapping[str, Any]
    params: Mapping[str, Any]
    json_data: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """What became of one request; see ``models.WebHookDelivery``."""

    id: UUID
    hook: str
    target_id: int
    step: str
    state: str
    attempts: int
    last_status: int | None
    last_error: str | None
    created_at: datetime
    ended_at: datetime | None


def _length(text: str, most: int) -> str | None:
    if not text:
        return "This field is required."
    if _UNWRITABLE.search(text):
        return "It holds a character that cannot be kept."
    return None if len(text) <= most else f"At most {most} characters."


def _fault_of_address(path: str) -> str | None:
    if fault := _length(path, _LONGEST_PATH):
        return fault
    try:
        check_address(path)
    except FetchRefusedError as error:
        return error.message
    return None


def _fault_of_headers(headers: Mapping[str, Any]) -> str | None:
    if len(headers) > _MOST_HEADERS:
        return f"At most {_MOST_HEADERS} headers."
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            return "A header has a name that is none."
        if name.lower() in _OURS:
            return f"The header {name} is not yours to set."
        if not isinstance(value, _Scalar) or not _HEADER_VALUE.fullmatch(_plain(value)):
            return f"The header {name} has a value that cannot be sent."
    return None


def _fault_of_params(params: Mapping[str, Any]) -> str | None:
    for name, value in params.items():
        if not all(isinstance(item, _Scalar) for item in (value if isinstance(value, list) else [value])):
            return f"The value of {name} is neither text nor a number, nor a list of such."
    return None


def _plain(value: _Scalar) -> str:
    """A header's value as it is sent."""
    return value.strip() if isinstance(value, str) else orjson.dumps(value).decode()
