"""An SMSC that does exactly what a test tells it, octet by octet."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

HEADER = struct.Struct("!IIII")
SUBMIT, DELIVER, UNBIND, BIND, ENQUIRE = 0x04, 0x05, 0x06, 0x09, 0x15
RESPONSE = 0x80000000


class Seen(NamedTuple):
    command: int
    status: int
    sequence: int
    body: bytes


class Peer:
    """The SMSC's end of one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def next(self, *commands: int) -> Seen:
        """The next PDU whose command_id is one of `commands`, or any."""
        while True:
            length, command, status, sequence = HEADER.unpack(await self._reader.readexactly(HEADER.size))
            body = await self._reader.readexactly(length - HEADER.size)
            if not commands or command in commands:
                return Seen(command, status, sequence, body)

    def send(self, command: int, sequence: int, body: bytes = b"", status: int = 0) -> None:
        self.raw(HEADER.pack(HEADER.size + len(body), command, status, sequence) + body)

    def raw(self, octets: bytes) -> None:
        self._writer.write(octets)

    def answer(self, seen: Seen, body: bytes = b"", status: int = 0) -> None:
        self.send(seen.command | RESPONSE, seen.sequence, body, status)

    async def bind(self, status: int = 0) -> Seen:
        seen = await self.next(BIND)
        self.answer(seen, b"smsc\0", status)
        return seen

    def drop(self) -> None:
        self._writer.transport.abort()


class ScriptedSmsc:
    """Connections in the order in which they came."""

    def __init__(self, port: int, peers: asyncio.Queue[Peer]) -> None:
        self.port = port
        self._peers = peers

    async def accept(self, seconds: float = 20) -> Peer:
        async with asyncio.timeout(seconds):
            return await self._peers.get()

    async def bound(self) -> Peer:
        peer = await self.accept()
        await peer.bind()
        return peer


@asynccontextmanager
async def scripted_smsc() -> AsyncIterator[ScriptedSmsc]:
    peers: asyncio.Queue[Peer] = asyncio.Queue()
    open_peers: list[Peer] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer)
        open_peers.append(peer)
        peers.put_nowait(peer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield ScriptedSmsc(server.sockets[0].getsockname()[1], peers)
    finally:
        server.close()
        for peer in open_peers:
            peer.drop()
        await asyncio.sleep(0)
