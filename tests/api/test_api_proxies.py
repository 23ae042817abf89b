"""Behind a proxy: whose word about scheme, host and client counts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from api_world import PASSWORD, Tenant
from ghanti.app import create_app
from ghanti.database.session import SessionFactory
from ghanti.encryption import SecretBox
from ghanti.settings import Settings

PROXY = "10.0.0.1"
X = "x-forwarded-"
Ask = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def asked(tenant: Tenant, sessions: SessionFactory, tmp_path: Path) -> Ask:
    """A client of the application with other settings, seen as coming from an address."""

    @asynccontextmanager
    async def ask(client: str = PROXY, **settings: str) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(Settings(data=tmp_path, **settings), sessions, SecretBox(b"a key for tests"))  # type: ignore[arg-type]
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=(client, 5000)),
            base_url="http://inside:8000/api/v1/",
            headers=tenant.http.headers,
        ) as http:
            yield http

    return ask


async def next_page(http: httpx.AsyncClient, headers: dict[str, str]) -> str:
    """Where the next page of two campaigns is: scheme and host as the server sees itself."""
    answer = await http.get("campaign/?limit=1", headers=headers)
    assert answer.status_code == 200, answer.text
    url: str = answer.json()["next"]
    return url.partition("/api/v1/")[0]


@pytest.fixture(autouse=True)
async def two_campaigns(tenant: Tenant) -> None:
    await tenant.create()
    await tenant.create()


TOLD = {f"{X}proto": "https", f"{X}host": "ghanti.example", f"{X}for": "192.0.2.7"}


async def test_nobody_is_believed_by_default(asked: Ask) -> None:
    for client in ("127.0.0.1", PROXY):
        async with asked(client) as http:
            assert await next_page(http, TOLD) == "http://inside:8000"
            forwarded = {"forwarded": "for=192.0.2.7;proto=https;host=ghanti.example"}
            assert await next_page(http, forwarded) == "http://inside:8000"


BELIEVED: dict[str, tuple[dict[str, str], str]] = {
    "x": (TOLD, "https://ghanti.example"),
    "proto": ({f"{X}proto": "HTTPS"}, "https://inside:8000"),
    "host": ({f"{X}host": "ghanti.example:8443"}, "http://ghanti.example:8443"),
    "ipv6": ({f"{X}host": "[2001:db8::1]:8443"}, "http://[2001:db8::1]:8443"),
    "forwarded": (
        {"forwarded": 'for="[2001:db8::7]:99";proto=https;host=ghanti.example'},
        "https://ghanti.example",
    ),
    # The proxy writes one of them, and passes the other on as the client sent it.
    "not x": ({**TOLD, "forwarded": "proto=http;host=ghanti.example"}, "http://ghanti.example"),
    "not forwarded": (
        {**TOLD, "forwarded": "for=198.51.100.1;proto=http;host=evil.example"},
        "https://ghanti.example",
    ),
    "none of its own": ({"forwarded": "proto=https;host=evil.example"}, "http://inside:8000"),
    # A client's own headers stand to the left of what the proxy adds.
    "appended": (
        {f"{X}proto": "http, https", f"{X}host": "evil.example, ghanti.example"},
        "https://ghanti.example",
    ),
    "elements": (
        {"forwarded": "host=evil.example, for=192.0.2.7;host=ghanti.example"},
        "http://ghanti.example",
    ),
    "chain": (
        {"forwarded": "for=192.0.2.7;host=ghanti.example;proto=https, for=10.0.0.2;host=inner"},
        "https://ghanti.example",
    ),
    "nonsense": ({f"{X}proto": "gopher", f"{X}host": "a b/<script>"}, "http://inside:8000"),
    "path": ({f"{X}host": "evil.example/path"}, "http://inside:8000"),
    "empty": ({f"{X}proto": "", f"{X}host": "", f"{X}for": "", "forwarded": ""}, "http://inside:8000"),
}


FORWARDED = {"forwarded", "not x", "elements", "chain"}
"""Behind a proxy that writes ``Forwarded``."""


@pytest.mark.parametrize("kind", BELIEVED)
async def test_a_trusted_proxy_is_believed(asked: Ask, kind: str) -> None:
    headers, expected = BELIEVED[kind]
    header = "forwarded" if kind in FORWARDED else "x-forwarded"
    async with asked(trusted_proxies="10.0.0.0/8", forwarded_header=header) as http:
        assert await next_page(http, headers) == expected
    async with asked("192.168.0.1", trusted_proxies="10.0.0.0/8") as http:
        assert await next_page(http, headers) == "http://inside:8000"


async def test_the_public_url_is_above_all(asked: Ask) -> None:
    async with asked(public_url="https://ghanti.example.com/", trusted_proxies="10.0.0.0/8") as http:
        assert await next_page(http, {**TOLD, f"{X}host": "other.example"}) == "https://ghanti.example.com"


@pytest.mark.parametrize("client", ["::ffff:10.0.0.1", "10.255.0.1"])
async def test_networks_and_mapped_addresses(asked: Ask, client: str) -> None:
    async with asked(client, trusted_proxies="192.0.2.1, 10.0.0.0/8") as http:
        assert await next_page(http, TOLD) == "https://ghanti.example"


async def test_cookies_are_secure_when_the_proxy_speaks_https(asked: Ask, tenant: Tenant) -> None:
    credentials = {"email": tenant.email, "password": PASSWORD}
    async with asked(trusted_proxies=PROXY) as http:
        answer = await http.post("auths/login/", json=credentials, headers=TOLD)
        assert all("Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))
    async with asked() as http:
        answer = await http.post("auths/login/", json=credentials, headers=TOLD)
        assert not any("Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))


async def tries(http: httpx.AsyncClient, clients: list[str]) -> list[int]:
    """The statuses of unknown credentials from clients behind the proxy, in turn."""
    answers = []
    for client in clients:
        headers = {"Authorization": "Bearer wrong", f"{X}for": client}
        answers.append((await http.get("campaign/", headers=headers)).status_code)
    return answers


async def test_limits_are_of_the_client_and_not_of_the_proxy(asked: Ask) -> None:
    limit = {"api_failures_per_minute": "2"}
    async with asked(trusted_proxies="10.0.0.0/8", **limit) as http:
        there = ["192.0.2.1", "evil, 192.0.2.1", "192.0.2.1:4000, 10.0.0.9", "192.0.2.1", "192.0.2.2"]
        assert await tries(http, there) == [401, 401, 429, 429, 401]
        forged = {"Authorization": "Bearer wrong", f"{X}for": "192.0.2.1", "forwarded": "for=198.51.100.1"}
        assert (await http.get("campaign/", headers=forged)).status_code == 429
    async with asked(**limit) as http:
        assert await tries(http, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]) == [401, 401, 429]
