"""Examples as the vendor's pages print them: sent as printed, and compared with the printed answer.

Every printed key is there, with the printed type, in the printed relative order; more keys are allowed.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import httpx

from api_world import Tenant

PRINTED_BASE = "https://app.tingting.io/api/v1/"

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT.+|[A-Z][a-z]{2}\. \d+, \d{4}.+")


def assert_like(printed: Any, actual: Any, where: str = "answer") -> None:
    """The actual value has the printed one's keys in its order, its types and its forms of moments.

    A printed null prints no type, and a printed empty list or object none of its items.
    """
    if printed is None:
        return
    assert type(actual) is type(printed), f"{where}: {actual!r}, printed {printed!r}"
    if isinstance(printed, str) and _MOMENT.fullmatch(printed):
        form = re.sub(r"[A-Z][a-z]{2}\\\.", "[A-Z][a-z]{2}\\.", re.sub(r"\d+", r"\\d+", re.escape(printed)))
        form = re.sub(r"(AM|PM)$", "[AP]M", form)
        assert re.fullmatch(form, actual), f"{where}: {actual!r}, printed {printed!r}"
    if isinstance(printed, dict):
        assert [key for key in actual if key in printed] == list(printed), where
        for key, value in printed.items():
            assert_like(value, actual[key], f"{where}.{key}")
    if isinstance(printed, list) and printed:
        assert actual, where
        for item in actual:
            assert_like(printed[0], item, where)


def json_of(text: str) -> Any:
    """A printed JSON value, its keys in the printed order."""
    return json.loads(text)


def parsed(command: str) -> dict[str, Any]:
    """A printed curl command as arguments of ``httpx``'s request; files are to be added."""
    words = iter(shlex.split(command.replace("\\\n", " ")))
    assert next(words) == "curl"
    request: dict[str, Any] = {"method": "GET", "headers": {}}
    for option in words:
        value = next(words)
        if option == "--header":
            name, _, text = value.partition(": ")
            request["headers"][name] = text
        elif option == "--data":
            request["content"] = value.encode()
        else:
            assert option in ("--request", "--url", "--form", "--output"), option
            if option in ("--request", "--url"):
                request[{"--request": "method", "--url": "url"}[option]] = value
    return request


async def curl(tenant: Tenant, command: str, **more: Any) -> httpx.Response:
    """Send a printed command as it stands but for the host and the token; ``more`` goes to httpx."""
    request = parsed(command)
    assert request["url"].startswith(PRINTED_BASE)
    request["url"] = request["url"].removeprefix(PRINTED_BASE)
    for name, value in request["headers"].items():
        for stand_in in ("YOUR_TOKEN", "<your_api_token>"):
            value = value.replace(stand_in, tenant.token)
        request["headers"][name] = value
    return await tenant.http.request(**request, **more)
