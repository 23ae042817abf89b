"""What proxies in front of the server say of a request: from where, by which scheme, to which host.

Only those that are trusted are believed, since any client can write the same headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from ghanti.networks import Network, address, networks
from ghanti.settings import ForwardedHeader

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_PAIR = re.compile(r'\s*([A-Za-z]+)=(?:"([^"]*)"|([^";,\s]*))\s*')


@dataclass(frozen=True, slots=True)
class _Hop:
    """What one proxy says of what it received; the client is an address, or nothing that we can use."""

    client: str | None = None
    scheme: str | None = None
    host: str | None = None


class TrustedProxies:
    """ASGI middleware that gives a request the client, scheme and host that the trusted proxies name.

    It reads ``Forwarded`` (RFC 7239), or ``X-Forwarded-For``, ``-Proto`` and ``-Host``: whichever they write,
    for the others come as a client sent them.
    Each proxy adds to the right, so that the chain is read from there and only as far as it is trusted.
    """

    def __init__(self, app: ASGIApp, trusted: str, header: ForwardedHeader) -> None:
        self._app = app
        self._trusted = networks(trusted)
        self._header = header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("client") and _within(scope["client"][0], self._trusted):
            scope = self._told(scope)
        await self._app(scope, receive, send)

    def _told(self, scope: Scope) -> Scope:
        told: dict[str, Any] = {}
        for hop in _hops(scope["headers"], self._header):
            if hop.scheme is not None:
                told["scheme"] = hop.scheme
            if hop.host is not None:
                told["headers"] = [
                    *((name, value) for name, value in scope["headers"] if name != b"host"),
                    (b"host", hop.host.encode()),
                ]
            if hop.client is None:
                break
            told["client"] = (hop.client, 0)
            if not _within(hop.client, self._trusted):
                break
        return {**scope, **told}


def _hops(headers: Iterable[tuple[bytes, bytes]], header: ForwardedHeader) -> list[_Hop]:
    """What the proxies say, the nearest first."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.decode("latin-1"), []).extend(value.decode("latin-1").split(","))
    if header is ForwardedHeader.FORWARDED:
        return [_element(element) for element in reversed(found.get("forwarded", []))]
    clients = found.get("x-forwarded-for", [""])
    # Proxies set the other two anew or pass them on: they say nothing of each hop, and the nearest counts.
    nearest = _Hop(
        _client(clients[-1]),
        _scheme(found.get("x-forwarded-proto", [""])[-1]),
        _host(found.get("x-forwarded-host", [""])[-1]),
    )
    return [nearest, *(_Hop(_client(text)) for text in reversed(clients[:-1]))]


def _element(text: str) -> _Hop:
    """One element of ``Forwarded`` (RFC 7239, section 4)."""
    pairs = {match[1].lower(): match[2] or match[3] or "" for match in _PAIR.finditer(text)}
    return _Hop(_client(pairs.get("for", "")), _scheme(pairs.get("proto", "")), _host(pairs.get("host", "")))


def _client(text: str) -> str | None:
    """An address without its port and brackets; None for ``unknown``, pseudonyms and nonsense."""
    bare = text.strip()
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    try:
        return str(address(bare))
    except ValueError:
        return None


def _scheme(text: str) -> str | None:
    scheme = text.strip().lower()
    return scheme if scheme in ("http", "https") else None


def _host(text: str) -> str | None:
    host = text.strip()
    return host if _HOST.fullmatch(host) else None


def _within(text: str, trusted: Sequence[Network]) -> bool:
    try:
        found = address(text)
    except ValueError:
        return False
    return any(found in network for network in trusted)
