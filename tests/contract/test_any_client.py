"""Any sane client: each operation in every form that programs are known to send."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from every_call import BARE, CALLS, WITH_BODY, WITH_FILE, Call
from fastapi import FastAPI

from api_routes import OPEN, guarded, operations
from api_world import Tenant, assert_error

Form = Callable[[dict[str, Any]], dict[str, Any]]


def _text(value: Any) -> str:
    """A value as forms carry it: objects as JSON, booleans as Python's clients spell them."""
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _pairs(fields: dict[str, Any]) -> list[tuple[str, str]]:
    """A list of scalars as a field repeated, an empty one as an empty field."""
    pairs = []
    for name, value in fields.items():
        items = value if isinstance(value, list) and value else [value if value != [] else ""]
        pairs += [(name, _text(item)) for item in items]
    return pairs


def _multipart(fields: dict[str, Any], file: tuple[str, str, bytes] | None = None) -> bytes:
    parts = [
        f'--b0undary\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in _pairs(fields)
    ]
    if file:
        name, filename, content = file
        head = f'--b0undary\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"\r\n\r\n'
        parts.append(head.encode() + content + b"\r\n")
    return b"".join(parts) + b"--b0undary--\r\n"


def _labelled(content: bytes, kind: str | None) -> dict[str, Any]:
    return {"content": content, "headers": {"Content-Type": kind} if kind else {}}


def _strings(value: Any) -> Any:
    """Numbers as strings, wherever they stand but in what the caller keeps for itself."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _numbers(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()


FORMS: dict[str, Form] = {
    "json": lambda fields: _labelled(_json(fields), "application/json"),
    "json with a charset": lambda fields: _labelled(_json(fields), "Application/JSON; charset=UTF-8"),
    "json without a type": lambda fields: _labelled(_json(fields), None),
    "json that curl calls a form": lambda fields: _labelled(
        _json(fields), "application/x-www-form-urlencoded"
    ),
    "numbers as strings": lambda fields: _labelled(
        _json({name: _strings(value) for name, value in fields.items()}), "application/json"
    ),
    "strings as numbers": lambda fields: _labelled(
        _json({name: _numbers(value) for name, value in fields.items()}), "application/json"
    ),
    "urlencoded": lambda fields: _labelled(
        urlencode(_pairs(fields)).encode(), "application/x-www-form-urlencoded"
    ),
    "multipart": lambda fields: _labelled(_multipart(fields), "multipart/form-data; boundary=b0undary"),
    "multipart that is called json": lambda fields: _labelled(_multipart(fields), "application/json"),
}

NOTHINGS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "json of length zero": _labelled(b"", "application/json"),
    "an empty object": _labelled(b"{}", "application/json"),
    "an empty object without a type": _labelled(b"{}", None),
    "null": _labelled(b"null", "application/json"),
    "an empty form": _labelled(b"", "application/x-www-form-urlencoded"),
    "a form of no use": _labelled(b"id=1&status=Not+Started", "application/x-www-form-urlencoded"),
    "an empty multipart": _labelled(b"--b0undary--\r\n", "multipart/form-data; boundary=b0undary"),
    "multipart of length zero": _labelled(b"", "multipart/form-data"),
}


def _new_token(answer: httpx.Response) -> str | None:
    """A generated token ends the former: the next request needs it."""
    return answer.json()["token"] if "New API token" in answer.text else None


def test_every_operation_is_called(app: FastAPI) -> None:
    """A new operation belongs into the list of calls, and so into every form below."""
    asked = {(call.method, "/api/v1/" + call.path) for call in CALLS}
    known = {(operation.method, operation.path) for operation in operations(app)}
    elsewhere = OPEN - {"/api/v1/auths/login/"}
    assert asked == {(method, path) for method, path in known if path not in elsewhere}


@pytest.mark.parametrize("call", BARE, ids=lambda call: call.told)
async def test_what_needs_no_body_takes_any(tenant: Tenant, call: Call) -> None:
    ids = await call.rows(tenant)
    for told, parts in NOTHINGS.items():
        answer = await tenant.http.request(call.method, call.url(ids), **parts)
        assert answer.status_code == call.status, f"{call.told}, {told}: {answer.text[:500]}"
        if (token := _new_token(answer)) is not None:
            tenant.http.headers["Authorization"] = f"Bearer {token}"
        if call.method != "GET":
            ids = await call.rows(tenant)


@pytest.mark.parametrize("call", WITH_BODY, ids=lambda call: call.told)
async def test_every_form_of_a_body_means_the_same(tenant: Tenant, call: Call) -> None:
    answers = []
    for told, form in FORMS.items():
        ids = await call.rows(tenant)
        answer = await tenant.http.request(call.method, call.url(ids), **form(call.fields(tenant, ids)))
        assert answer.status_code == call.status, f"{call.told} as {told}: {answer.text[:500]}"
        answers.append((told, _lasting(answer.json())))
        tenant.http.cookies.clear()
    first = answers[0][1]
    assert [(told, body) for told, body in answers if body != first] == []


def _lasting(body: Any) -> Any:
    """What is the same each time: ids, moments, links and balances are not."""
    varying = ("id", "updated_at", "created_at", "uuid", "campaign_id", "contact_id", "survey")
    if isinstance(body, str) and "/media/" in body:
        return body.rpartition(".")[2]
    if isinstance(body, dict):
        return {
            name: _lasting(value)
            for name, value in body.items()
            if name not in varying and not name.startswith("remaining_")
        }
    return [_lasting(item) for item in body] if isinstance(body, list) else body


@pytest.mark.parametrize("call", WITH_FILE, ids=lambda call: call.told)
async def test_files_come_as_multipart_however_labelled(tenant: Tenant, call: Call) -> None:
    for kind in ("multipart/form-data; boundary=b0undary", "multipart/form-data", "application/json"):
        ids = await call.rows(tenant)
        content = _multipart(call.fields(tenant, ids), call.file)
        answer = await tenant.http.request(call.method, call.url(ids), **_labelled(content, kind))
        assert answer.status_code == call.status, f"{call.told} as {kind}: {answer.text[:500]}"


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.told)
async def test_final_slash_may_be_missing(tenant: Tenant, call: Call) -> None:
    """It answers as with it, at once: a redirect would lose the body."""
    ids = await call.rows(tenant)
    if call.file:
        parts = _labelled(
            _multipart(call.fields(tenant, ids), call.file), "multipart/form-data; boundary=b0undary"
        )
    else:
        parts = {"json": call.fields(tenant, ids)} if call.body is not None else {}
    url = call.url(ids)
    assert url.endswith("/")
    answer = await tenant.http.request(call.method, url.rstrip("/"), **parts)
    assert answer.status_code == call.status, answer.text[:500]


@pytest.mark.parametrize(
    "header",
    [
        *(
            None,
            "",
            " ",
            "Bearer",
            "Bearer ",
            "Token ",
            "Bearer  \t",
            "bearer x",
            "Basic d2FyZDp4",
            "nonsense",
        ),
        *(
            "Bearer " + "f" * 64,
            "Token " + "g" * 64,
            "Bearer " + "x" * 4000,
            "Bearer a b",
            b"Bearer \xff\xfe",
        ),
        *(b"\xff", "Bearer eyJhbGciOiJub25lIn0.e30.", "Digest username=x"),
    ],
)
async def test_without_a_good_credential_everything_is_401(
    tenant: Tenant, http: httpx.AsyncClient, app: FastAPI, header: str | bytes | None
) -> None:
    """An empty header is what the vendor's client sends without a token."""
    headers = {} if header is None else {"Authorization": header}
    for operation in guarded(app):
        ids = dict.fromkeys(operation.parameters, 1)
        answer = await http.request(operation.method, operation.url(**ids), headers=headers)
        assert (answer.status_code, operation) == (401, operation)
        assert_error(answer)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Token", "token", "TOKEN", " Bearer "])
async def test_both_schemes_in_any_case(
    tenant: Tenant, http: httpx.AsyncClient, app: FastAPI, scheme: str
) -> None:
    headers = {"Authorization": f"{scheme} {tenant.token}"}
    for operation in guarded(app):
        if operation.method == "GET" and not operation.parameters:
            answer = await http.get(operation.url(), headers=headers)
            assert (answer.status_code, operation) == (200, operation)


async def test_methods_that_a_path_lacks_are_405_with_those_it_has(tenant: Tenant, app: FastAPI) -> None:
    methods: dict[str, set[str]] = {}
    for operation in operations(app):
        methods.setdefault(operation.path, set()).add(operation.method)
    for path, allowed in methods.items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - allowed:
            names = ("campaign_id", "contact_id", "survey_id", "template_id", "payment_id")
            ids = dict.fromkeys(names, 1)
            url = path.format(**ids, token="x.y", filename="a.csv")
            answer = await tenant.http.request(method, f"http://ghanti.test{url}")
            assert (answer.status_code, method, url) == (405, method, url)
            assert set(answer.headers["allow"].split(", ")) == allowed, (method, url)
            assert_error(answer)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "api/",
        "api/v1/",
        "api/v2/campaign/",
        "api/v1/contacts/",
        "api/v1/campaign/x/",
        "%00",
        "a/../b",
        "é",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_unknown_paths_are_404_in_json(tenant: Tenant, path: str, method: str) -> None:
    answer = await tenant.http.request(method, f"http://ghanti.test/{path}")
    assert answer.status_code == 404
    assert_error(answer)


@pytest.mark.parametrize("call", [*WITH_BODY, *WITH_FILE], ids=lambda call: call.told)
async def test_too_large_is_413_before_it_is_read(tenant: Tenant, call: Call) -> None:
    ids = await call.rows(tenant)
    headers = {"Content-Type": "application/json", "Content-Length": str(10**10)}
    answer = await tenant.http.request(call.method, call.url(ids), content=b"{}", headers=headers)
    assert answer.status_code == 413, answer.text
    assert_error(answer)
