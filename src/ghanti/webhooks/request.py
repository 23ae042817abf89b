"""The request of one delivery: its tags filled, its body signed (Standard Webhooks 1.0.0)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from ghanti.speech import template
from ghanti.webhooks.service import SECRET_PREFIX


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; all but the method may be secret."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    params: list[tuple[str, str]] = field(repr=False)
    body: bytes | None = field(repr=False)


def build(
    method: str, told: Mapping[str, Any], variables: Mapping[str, Any], delivery: UUID, secret: str, at: int
) -> Request:
    """The request of a hook for one call.

    Args:
        told: The hook's path, headers, params and json_data.
        variables: What fills the tags; a tag without a value becomes nothing.
        delivery: The delivery's id, the same each time it is tried.
        secret: The account's, to sign with.
        at: Unix time in seconds.
    """
    data = told["json_data"]
    body = None if data is None else orjson.dumps(_filled(data, variables))
    headers = dict(told["headers"])
    if body is not None and "content-type" not in {name.lower() for name in headers}:
        headers["Content-Type"] = "application/json"
    return Request(
        method,
        told["path"],
        headers | signed(delivery, at, body or b"", secret),
        [
            (name, template.as_text(_filled(item, variables)))
            for name, value in told["params"].items()
            for item in (value if isinstance(value, list) else [value])
        ],
        body,
    )


def signed(delivery: UUID, at: int, body: bytes, secret: str) -> dict[str, str]:
    """The headers by which a receiver knows a delivery, and that it is ours."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    content = f"{delivery}.{at}.".encode() + body
    signature = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    return {
        "Ghanti-Delivery": str(delivery),
        "webhook-id": str(delivery),
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{signature}",
    }


def _filled(value: Any, variables: Mapping[str, Any]) -> Any:
    match value:
        case str():
            return template.fill_known(value, variables)
        case dict():
            return {name: _filled(item, variables) for name, item in value.items()}
        case list():
            return [_filled(item, variables) for item in value]
        case _:
            return value
