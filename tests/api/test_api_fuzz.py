"""Whatever is written to whichever endpoint: no server error, and each refusal in the API's shape."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api_world import Tenant, assert_error

FIELDS = [
    *("name", "services", "user_phone", "message", "sms_message", "description", "schedule", "voice"),
    *("credit_limit", "category", "draft", "failover_target", "length_factor", "status", "id", "steps"),
    *("number", "other_variables", "contacts", "bulk_file", "email", "password", "refresh"),
]
WRITES = [
    ("POST", "auths/login/"),
    ("POST", "auths/login/refresh/"),
    ("POST", "campaign/create/"),
    ("PATCH", "campaign/create/{campaign}/message/"),
    ("PATCH", "campaign/create/{campaign}/detail/"),
    ("PATCH", "campaign/{campaign}/"),
    ("POST", "campaign/{campaign}/add-contact/"),
    ("PATCH", "campaign/{contact}/attributes/"),
    ("PATCH", "phone-number/update/{contact}/"),
    ("POST", "run-campaign/{campaign}/"),
    ("POST", "campaign/emergency-stop/{campaign}/"),
    ("POST", "download/report/{campaign}/"),
]

hostile_texts = st.sampled_from(
    [
        *("", " ", "\0", "a\0b", "\ud800", "NaN", "Infinity", "-1", "1e999", "1E" + "9" * 5000, "9" * 400),
        *("9223372036854775808", "-9223372036854775809", "²", "९८४१२३४५६७", "9841000001", "[", "{}", "[[]]"),
        *("{name}", "{" * 50, "'; DROP TABLE contacts; --", "%s %(x)s :x", "\\", "\r\n", "=1+1", "\ufeff"),
        *("2025-13-01", "0001-01-01", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00+99:99", "x" * 20_000),
        *(
            "PHONE",
            "SMS",
            "SMS & PHONE",
            "SURVEY",
            "Text",
            "Audio",
            "true",
            "failed",
            "np_rija",
            "0.50",
            "1e-9999",
        ),
    ]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([0, -1, 2**63, 2**64, 10**400, -(10**400)])
    | st.floats()
    | hostile_texts
    | st.text(max_size=20)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(hostile_texts, inner, max_size=3)
)
contacts = st.lists(
    st.fixed_dictionaries({}, optional={"number": values, "other_variables": values}) | values, max_size=4
)
bodies = st.dictionaries(st.sampled_from(FIELDS) | hostile_texts, values, max_size=6) | st.fixed_dictionaries(
    {"contacts": contacts}
)


def _json(value: Any) -> bytes:
    """JSON as a careless writer has it: NaN, huge numbers and lone surrogates included."""
    if isinstance(value, dict):
        return b"{" + b",".join(_json(str(k)) + b":" + _json(v) for k, v in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(_json, value)) + b"]"
    if isinstance(value, str):
        return b'"' + "".join(f"\\u{ord(c):04x}" for c in value if ord(c) < 0x10000).encode() + b'"'
    if value is None or isinstance(value, bool):
        return {None: b"null", True: b"true", False: b"false"}[value]
    return f"{value}".encode()


def _form(body: dict[str, Any]) -> bytes:
    return b"&".join(_quoted(name) + b"=" + _quoted(str(value)) for name, value in body.items())


def _quoted(text: str) -> bytes:
    return b"".join(b"%%%02X" % byte for byte in text.encode(errors="surrogatepass"))


def _multipart(body: dict[str, Any]) -> bytes:
    parts = []
    for name, value in body.items():
        head = b'--b\r\nContent-Disposition: form-data; name="' + name.encode(errors="surrogatepass") + b'"'
        if name == "bulk_file":
            head += b'; filename="c.csv"'
        parts.append(head + b"\r\n\r\n" + str(value).encode(errors="surrogatepass") + b"\r\n")
    return b"".join(parts) + b"--b--\r\n"


WRITERS = {
    "application/json": _json,
    "application/x-www-form-urlencoded": _form,
    "multipart/form-data; boundary=b": _multipart,
}


def _check(answer: httpx.Response, asked: Any) -> None:
    assert answer.status_code < 500, (asked, answer.status_code, answer.text[:500])
    if answer.status_code >= 400:
        assert_error(answer, asked)


@pytest.mark.parametrize("kind", WRITERS)
async def test_no_write_is_a_server_error(tenant: Tenant, kind: str) -> None:
    campaign = await tenant.create()
    (contact,) = await tenant.add(campaign["id"], "9841000001", name="x")
    loop = asyncio.get_running_loop()

    async def write(target: tuple[str, str], body: dict[str, Any]) -> None:
        method, path = target
        path = path.format(campaign=campaign["id"], contact=contact["id"])
        content = WRITERS[kind](body)
        answer = await tenant.http.request(method, path, content=content, headers={"Content-Type": kind})
        _check(answer, (method, path, content[:2000]))

    @settings(
        max_examples=150,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(WRITES), bodies)
    def attack(target: tuple[str, str], body: dict[str, Any]) -> None:
        asyncio.run_coroutine_threadsafe(write(target, body), loop).result(60)

    await asyncio.to_thread(attack)
    listed = await tenant.http.get(f"campaign-detail/{campaign['id']}/")
    assert listed.status_code == 200
    assert (await tenant.http.get(f"download/report/{campaign['id']}/")).status_code == 200
