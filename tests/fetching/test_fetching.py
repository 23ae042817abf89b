"""Addresses that strangers name: what is fetched, and above all what is not."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

import anyio
import pytest
import trustme
from httpcore._backends.anyio import AnyIOStream

from ghanti import fetching
from ghanti.fetching import Fetched, FetchRefusedError, SafeFetcher
from ghanti.networks import address, networks
from ghanti.settings import Settings
from ghanti.turns import NoTurnError

LONG = 20.0
Answer = Callable[[str, asyncio.StreamWriter], Awaitable[None]]


class Site:
    """A web server on a loopback address that answers as told and remembers what it was asked."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        self.answers: dict[str, Answer] = {}
        self.url = ""
        self.port = 0
        self.under_way: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.under_way.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            self.heads.append(head)
            await self.answers[head.split()[1]](head, writer)
            await writer.drain()
        await self.end(writer)

    async def end(self, writer: asyncio.StreamWriter) -> None:
        self.under_way.discard(writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def says(self, path: str, body: bytes, status: str = "200 OK", **headers: str) -> str:
        async def answer(head: str, writer: asyncio.StreamWriter) -> None:
            lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
            top = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines, "", ""])
            writer.write(top.encode("latin-1") + body)

        self.answers[path] = answer
        return f"{self.url}{path}"


@contextlib.asynccontextmanager
async def a_site(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.serve, host, 0, ssl=tls)
    site.port = server.sockets[0].getsockname()[1]
    site.url = f"http{'s' if tls else ''}://{host}:{site.port}"
    try:
        yield site
    finally:
        server.close()
        for writer in list(site.under_way):
            await site.end(writer)
        await server.wait_closed()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with a_site() as started:
        yield started


def fetcher(allowed: str = "127.0.0.1", **options: Any) -> SafeFetcher:
    return SafeFetcher(Settings(fetch_networks=allowed), **options)


async def refusal(url: str, allowed: str = "127.0.0.1", *, most: int = 1000, seconds: float = LONG) -> str:
    with pytest.raises(FetchRefusedError) as caught:
        await fetcher(allowed).fetch(url, account_id=1, max_bytes=most, seconds=seconds)
    assert caught.value.message.endswith(".")
    return caught.value.message


async def content(fetched: Fetched) -> bytes:
    with fetched:
        return fetched.file.read()


async def test_a_file_is_fetched(site: Site) -> None:
    url = site.says("/a.mp3?x=1", b"\x00sound", Content_Type="Audio/MPEG; charset=binary")
    fetched = await fetcher().fetch(f" {url}\n", account_id=1, max_bytes=6, seconds=LONG)
    assert (fetched.size, fetched.content_type) == (6, "audio/mpeg")
    assert await content(fetched) == b"\x00sound"
    assert f"Host: 127.0.0.1:{site.port}" in site.heads[0]
    assert "Accept-Encoding: identity" in site.heads[0]


async def test_a_large_one_lies_on_the_disk_and_goes_with_its_end(site: Site) -> None:
    url = site.says("/", b"x" * (3 << 20))
    with await fetcher().fetch(url, account_id=1, max_bytes=4 << 20, seconds=LONG) as fetched:
        assert fetched.size == 3 << 20
        assert len(fetched.file.read()) == fetched.size
    assert fetched.file.closed


OURS = [
    "127.0.0.1",
    "127.8.9.1",
    "localhost",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "127.1",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "198.18.0.1",
    "192.0.0.8",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a9fe:a9fe]",
    "[::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "[fe80::1]",
    "[fec0::1]",
    "[fc00::1]",
    "[fd12::1]",
    "[ff02::1]",
    "[2001:db8::1]",
]


@pytest.mark.parametrize("host", OURS)
async def test_addresses_that_are_not_public(host: str) -> None:
    assert await refusal(f"http://{host}:1/", "") == "The address is not on the public internet."


PUBLIC = ["8.8.8.8", "1.1.1.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::"]


@pytest.mark.parametrize("number", PUBLIC)
async def test_addresses_that_are_public_are_connected_to(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[str] = []

    async def connect_tcp(remote_host: str, *arguments: Any, **options: Any) -> Any:
        reached.append(remote_host)
        raise OSError("no network in a test")

    monkeypatch.setattr(anyio, "connect_tcp", connect_tcp)
    host = f"[{number}]" if ":" in number else number
    assert await refusal(f"http://{host}/", "") == "The address does not answer."
    assert [ip_address(found) for found in reached] == [ip_address(number)]


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.com/a", "gopher://x", "//x/y", "/a.mp3", "नमस्ते", "http://", ""],
)
async def test_what_is_no_address_of_the_web(url: str) -> None:
    assert "address" in await refusal(url)


@pytest.mark.parametrize("url", ["http://a..b/", "http://[::1", "http://x:99999/", "http://no.invalid/"])
async def test_what_does_not_exist(url: str) -> None:
    assert "address" in await refusal(url)


class Names:
    """Names of a test's own, resolved in place of the network's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.known: dict[str, list[str]] = {}
        self.asked: list[str] = []
        self.slow = threading.Event()
        self.slow.set()
        self.reached = asyncio.Event()
        loop = asyncio.get_running_loop()
        resolve = socket.getaddrinfo

        def getaddrinfo(host: Any, port: Any, *more: Any, **options: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            self.asked.append(name)
            if name == "slow.test":
                loop.call_soon_threadsafe(self.reached.set)
                self.slow.wait(LONG)
            if name in self.known:
                return [(socket.AF_INET, 1, 6, "", (number, port)) for number in self.known[name]]
            return resolve(host, port, *more, **options)

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


async def test_a_name_is_resolved_once_and_its_judged_address_connected_to(site: Site, names: Names) -> None:
    """Or else a second answer of the name server could be one that was never judged."""
    names.known["files.test"] = ["127.0.0.1"]
    site.says("/a", b"x")
    fetched = await fetcher().fetch(
        f"http://files.test:{site.port}/a", account_id=1, max_bytes=9, seconds=LONG
    )
    assert await content(fetched) == b"x"
    assert names.asked.count("files.test") == 1
    assert f"Host: files.test:{site.port}" in site.heads[0]


async def test_of_several_addresses_only_those_that_may_be(site: Site, names: Names) -> None:
    async with a_site("127.0.0.2") as inside:
        names.known["files.test"] = ["127.0.0.2", "127.0.0.1"]
        site.says("/a", b"x")
        url = f"http://files.test:{site.port}/a"
        assert await content(await fetcher().fetch(url, account_id=1, max_bytes=9, seconds=LONG)) == b"x"
        assert inside.heads == []
        assert "public" in await refusal(url, "127.0.0.3")


async def test_a_second_address_is_tried_when_the_first_does_not_answer(site: Site, names: Names) -> None:
    names.known["files.test"] = ["127.0.0.9", "127.0.0.1"]
    site.says("/a", b"x")
    fetched = await fetcher("127.0.0.0/8").fetch(
        f"http://files.test:{site.port}/a", account_id=1, max_bytes=9, seconds=LONG
    )
    assert await content(fetched) == b"x"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
async def test_redirects_are_judged_like_the_first(site: Site, status: str) -> None:
    async with a_site("127.0.0.2") as inside:
        inside.says("/secret", b"secret")
        site.says("/good", b"x")
        near = site.says("/near", b"", status, Location="/good")
        assert await content(await fetcher().fetch(near, account_id=1, max_bytes=9, seconds=LONG)) == b"x"
        far = site.says("/far", b"", status, Location=f"{inside.url}/secret")
        assert await refusal(far) == "The address is not on the public internet."
        assert inside.heads == []


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of what is read from connections, as it is read."""
    sizes: list[int] = []
    receive = AnyIOStream.read

    async def counted(stream: AnyIOStream, *options: Any, **more: Any) -> bytes:
        data = await receive(stream, *options, **more)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(AnyIOStream, "read", counted)
    return sizes


async def test_what_comes_with_a_redirect_is_not_unpacked(site: Site) -> None:
    """However it is packed: nobody looks at it."""
    site.says("/b", b"x")
    packed = site.says("/a", b"no gzip", "302 Found", Location="/b", Content_Encoding="gzip")
    assert await content(await fetcher().fetch(packed, account_id=1, max_bytes=9, seconds=LONG)) == b"x"


async def test_what_comes_with_a_redirect_is_not_read(site: Site, read: list[int]) -> None:
    async def large(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 300000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(bytes(65_536))
            await writer.drain()

    site.says("/b", b"x")
    site.answers["/a"] = large
    url = f"{site.url}/a"
    assert await content(await fetcher().fetch(url, account_id=1, max_bytes=9, seconds=LONG)) == b"x"
    assert 0 < sum(read) < 1 << 20


async def test_an_account_has_two_fetches_at_a_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_TURN_SECONDS", 0.05)
    asked, let = asyncio.Semaphore(0), asyncio.Event()

    async def slow(head: str, writer: asyncio.StreamWriter) -> None:
        asked.release()
        await let.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

    site.answers["/slow"] = slow
    good = site.says("/good", b"x")
    safe = fetcher()

    async def fetch(url: str, account_id: int) -> bytes:
        return await content(await safe.fetch(url, account_id=account_id, max_bytes=9, seconds=LONG))

    under_way = [asyncio.create_task(fetch(f"{site.url}/slow", 1)) for _ in range(2)]
    for _ in under_way:
        await asked.acquire()
    with pytest.raises(NoTurnError, match="fetches"):
        await fetch(good, 1)
    assert await fetch(good, 2) == b"x"
    let.set()
    assert await asyncio.gather(*under_way) == [b"x", b"x"]
    assert await fetch(good, 1) == b"x"


async def test_slow_name_servers_keep_nobody_from_the_threads(site: Site, names: Names) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    names.slow.clear()
    names.known["slow.test"] = ["127.0.0.1"]
    site.says("/a", b"x")
    url = f"http://slow.test:{site.port}/a"
    safe = fetcher()
    await asyncio.to_thread(int)
    fetching_it = asyncio.create_task(safe.fetch(url, account_id=1, max_bytes=9, seconds=LONG))
    try:
        async with asyncio.timeout(LONG / 2):
            await names.reached.wait()
            assert await asyncio.to_thread(int) == 0
    finally:
        names.slow.set()
    assert await content(await fetching_it) == b"x"


@pytest.mark.parametrize("where", ["file:///etc/passwd", "gopher://127.0.0.1/", "http://[::1", "data:,x"])
async def test_redirects_out_of_the_web(site: Site, where: str) -> None:
    assert "address" in await refusal(site.says("/a", b"", "302 Found", Location=where))


async def test_redirects_without_end(site: Site) -> None:
    assert "redirects" in await refusal(site.says("/a", b"", "302 Found", Location="/a"))
    assert len(site.heads) == 6


async def test_what_is_too_large_by_its_header_or_not(site: Site) -> None:
    assert "larger" in await refusal(site.says("/a", b"x" * 1001))

    async def endless(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x" * 65_536)
            await writer.drain()

    site.answers["/endless"] = endless
    assert "larger" in await refusal(f"{site.url}/endless", most=1 << 20)


async def test_what_is_too_slow(site: Site) -> None:
    async def drip(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async def drip_headers(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    site.answers |= {"/drip": drip, "/headers": drip_headers}
    for path in site.answers:
        assert await refusal(site.url + path, seconds=0.4) == "The address does not answer within 0.4 s."


@pytest.mark.parametrize("status", ["204 No Content", "206 Partial", "404 Not Found", "500 Error"])
async def test_other_statuses(site: Site, status: str) -> None:
    message = await refusal(site.says("/a", b"", status))
    assert message == f"The address answers with status {status[:3]}."


async def test_compressed_answers_which_might_unpack_to_anything(site: Site) -> None:
    packed = gzip.compress(bytes(100_000))
    assert "compressed" in await refusal(site.says("/a", packed, Content_Encoding="gzip"))


async def test_answers_that_are_no_http(site: Site) -> None:
    async def babble(head: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.example.com ESMTP\r\n")

    site.answers["/a"] = babble
    assert await refusal(f"{site.url}/a") == "The address does not answer."
    cut = site.says("/cut", b"", "200 OK\r\nX: y")
    site.answers["/cut"] = site.answers.pop("/cut")
    assert await content(await fetcher().fetch(cut, account_id=1, max_bytes=9, seconds=LONG)) == b""


async def test_certificates_are_of_the_name_that_was_asked_for(names: Names) -> None:
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("files.test").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with a_site(tls=server) as site:
        names.known |= {"files.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]}
        site.says("/a", b"x")
        url = f"https://files.test:{site.port}/a"
        safe = fetcher(tls=trusting)
        assert await content(await safe.fetch(url, account_id=1, max_bytes=9, seconds=LONG)) == b"x"
        with pytest.raises(FetchRefusedError, match="does not answer"):
            await safe.fetch(url.replace("files", "other"), account_id=1, max_bytes=9, seconds=LONG)
        assert await refusal(url) == "The address does not answer."


async def test_proxies_of_the_environment_are_not_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_site("127.0.0.2") as proxy:
        for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        url = site.says("/a", b"x")
        assert await content(await fetcher().fetch(url, account_id=1, max_bytes=9, seconds=LONG)) == b"x"
        assert proxy.heads == []


def test_lists_of_networks() -> None:
    assert [str(network) for network in networks("10.0.0.0/8, 192.0.2.7 ,fd00::/8,")] == [
        "10.0.0.0/8",
        "192.0.2.7/32",
        "fd00::/8",
    ]
    assert networks("") == []
    for wrong in ("10.0.0.1/8", "example.com", "10.0.0.0/33"):
        with pytest.raises(ValueError, match=wrong.partition("/")[0]):
            Settings(fetch_networks=wrong)
    assert str(address("::ffff:192.0.2.7")) == "192.0.2.7"
    assert str(address("fe80::1%eth0")) == "fe80::1"
