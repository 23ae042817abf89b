"""Fetching addresses that strangers name: never one of our own network, never for long, never much.

A server that fetches what it is told to can be told to fetch what only it can reach (OWASP: server-side
request forgery). So the name is resolved here, each address is judged, and the connection is made to that
very address: a name that resolves to another one a moment later gains nothing. Redirects are judged alike.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from types import TracebackType
from typing import IO

import httpx

from ghanti.networks import Address, Network, networks
from ghanti.networks import address as numbered
from ghanti.settings import Settings
from ghanti.turns import Turns

_MOST_REDIRECTS = 5
_AT_ONCE = 8
"""Files that one process fetches at a time."""

_EACH = 2
"""Of those, how many of one account."""

_TURN_SECONDS = 5.0
_IN_MEMORY = 1 << 20

_GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All of IPv6 that is routed on the internet (RFC 4291, section 2.4)."""

_PROTOCOLS = IPv4Network("192.0.0.0/24")
"""Of the protocols' own (RFC 6890, section 2.1), of which Python 3.11 takes most for public."""

_NAT64 = IPv6Network("64:ff9b::/96")


# It logs each URL, and a URL may be a secret.
logging.getLogger("httpx").setLevel(logging.WARNING)


class FetchRefusedError(ValueError):
    """Nothing was fetched; ``message`` says why, as one sentence for the one who named the address."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NoAnswerError(FetchRefusedError):
    """Nobody answered, or not in time: another try may fare better."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered. Use as a context manager: the file goes with it.

    Attributes:
        file: the content, open at its beginning; in memory or, when large, a temporary file.
        size: its length in bytes.
        content_type: as the server calls it, without parameters, in lower case; may be empty.
    """

    file: IO[bytes]
    size: int
    content_type: str

    def __enter__(self) -> Fetched:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request was answered with; no more of the answer is read.

    Attributes:
        status: of HTTP.
        retry_after: the seconds after which the server wants to be asked again, if it says so.
    """

    status: int
    retry_after: int | None


class SafeFetcher:
    """Fetches from the public internet, and from the networks that the settings allow besides.

    Args:
        at_once: how many requests may be under way.
        each: how many of those may be of one account.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        tls: ssl.SSLContext | None = None,
        at_once: int = _AT_ONCE,
        each: int = _EACH,
    ) -> None:
        self._allowed = networks(settings.fetch_networks)
        self._tls = tls
        self._turns = Turns(at_once, each)
        # Threads of their own: slow name servers must not keep others from theirs.
        self._lookups = ThreadPoolExecutor(at_once, "lookup")

    async def fetch(self, url: str, *, account_id: int, max_bytes: int, seconds: float) -> Fetched:
        """GET an http or https URL, following redirects; all of it takes ``seconds`` at most.

        Raises:
            FetchRefusedError: the URL is none that is fetched, or it did not answer with a file of at
                most ``max_bytes``.
            NoTurnError: too many fetches are under way, of the account or of all.
        """
        address = check_address(url)
        end = await self._turns.take_within(_TURN_SECONDS, account_id, "fetches of files")
        try:
            async with self._answer("GET", address, seconds, redirects=True) as response:
                return await _read(response, max_bytes)
        finally:
            end()

    async def send(
        self,
        method: str,
        url: str,
        *,
        account_id: int,
        headers: Mapping[str, str],
        params: Sequence[tuple[str, str]],
        body: bytes | None,
        seconds: float,
    ) -> Sent:
        """Send a request to an http or https URL within ``seconds``; a redirect is an answer like others.

        Raises:
            NoAnswerError: nobody answered in time.
            FetchRefusedError: the URL is none that is asked.
            NoTurnError: too many requests are under way, of the account or of all.
        """
        address = check_address(url).copy_merge_params(list(params)) if params else check_address(url)
        end = await self._turns.take_within(_TURN_SECONDS, account_id, "requests")
        try:
            async with self._answer(
                method, address, seconds, redirects=False, headers=headers, body=body
            ) as response:
                after = response.headers.get("retry-after", "")
                # Its other form, a date, is rare, and nobody's clock is to be trusted.
                return Sent(response.status_code, int(after) if after.isdecimal() else None)
        finally:
            end()

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        address: httpx.URL,
        seconds: float,
        *,
        redirects: bool,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """The answer to one request as it begins; the block, too, must end within ``seconds``."""
        if self._tls is None:
            # Reads all certificates of all authorities, so only once.
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        try:
            async with (
                asyncio.timeout(seconds),
                httpx.AsyncClient(
                    transport=_Guard(self._allowed, self._tls, self._lookups),
                    follow_redirects=redirects,
                    max_redirects=_MOST_REDIRECTS,
                    timeout=seconds,
                    trust_env=False,
                    headers={"Accept-Encoding": "identity", "User-Agent": "Ghanti"},
                ) as client,
                client.stream(method, address, headers=headers, content=body) as response,
            ):
                yield response
        except TimeoutError:
            raise NoAnswerError(f"The address does not answer within {seconds:g} s.") from None
        except httpx.TooManyRedirects:
            raise FetchRefusedError(f"The address redirects more than {_MOST_REDIRECTS} times.") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise NoAnswerError("The address does not answer.") from None


class _Guard(httpx.AsyncBaseTransport):
    """Connects only to addresses that it has judged, by their numbers."""

    def __init__(self, allowed: Sequence[Network], tls: ssl.SSLContext, lookups: Executor) -> None:
        self._allowed = allowed
        self._lookups = lookups
        self._inner = httpx.AsyncHTTPTransport(verify=tls, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        check_address(str(request.url))
        host = request.url.host
        failure: httpx.ConnectError | None = None
        for address in await self._judged(host, request.url.port or 0):
            request_to_it = httpx.Request(
                request.method,
                request.url.copy_with(host=str(address)),
                headers=request.headers,  # with the Host that was asked for
                stream=request.stream,
                extensions={**request.extensions, "sni_hostname": host},
            )
            try:
                return await _without_its_body(await self._inner.handle_async_request(request_to_it))
            except httpx.ConnectError as error:
                failure = error
        assert failure is not None
        raise failure

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _judged(self, host: str, port: int) -> list[Address]:
        """The addresses of a host that may be connected to; at least one."""
        try:
            found = await asyncio.get_running_loop().run_in_executor(
                self._lookups, partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            )
        except (OSError, UnicodeError):
            raise NoAnswerError("The address does not exist.") from None
        addresses = dict.fromkeys(numbered(str(item[4][0])) for item in found)
        good = [address for address in addresses if self._may(address)]
        if not good:
            raise FetchRefusedError("The address is not on the public internet.")
        return good

    def _may(self, address: Address) -> bool:
        return _is_public(address) or any(address in network for network in self._allowed)


async def _without_its_body(response: httpx.Response) -> httpx.Response:
    """A redirect reduced to where it leads: httpx would read all of what comes with it, and unpack it."""
    if not response.has_redirect_location:
        return response
    await response.aclose()
    location = [(name, value) for name, value in response.headers.raw if name.lower() == b"location"]
    return httpx.Response(response.status_code, headers=location)


async def _read(response: httpx.Response, max_bytes: int) -> Fetched:
    if response.status_code != httpx.codes.OK:
        raise FetchRefusedError(f"The address answers with status {response.status_code}.")
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise FetchRefusedError("The address answers compressed, though it was asked not to.")
    file = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - the caller closes it
    try:
        size = 0
        async for chunk in response.aiter_raw():
            size += len(chunk)
            if size > max_bytes:
                raise FetchRefusedError(f"The file is larger than {max_bytes / (1 << 20):g} MB.")
            file.write(chunk)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return Fetched(file, size, response.headers.get("content-type", "").partition(";")[0].strip().lower())


def check_address(url: str) -> httpx.URL:
    """An absolute http or https URL, read. Raises FetchRefusedError for what is none."""
    try:
        address = httpx.URL(url.strip())
    except (httpx.InvalidURL, UnicodeError, ValueError):
        raise FetchRefusedError("The address is no URL.") from None
    if address.scheme not in ("http", "https") or not address.host:
        raise FetchRefusedError("The address must begin with http:// or https://.")
    return address


def _is_public(address: Address) -> bool:
    """Whether it is on the public internet: not private, loopback, link-local, shared or multicast.

    Of an IPv6 address that stands for an IPv4 one, that one is judged.
    """
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_multicast and address not in _PROTOCOLS
    inner = _embedded(address)
    if inner is not None:
        return _is_public(inner)
    return address in _GLOBAL_UNICAST and address.is_global


def _embedded(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address in one that is 6to4, Teredo or NAT64 (RFC 3056, 4380, 6052)."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.sixtofour or (teredo[1] if teredo else None)
