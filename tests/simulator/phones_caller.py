"""A caller over raw UDP, as small as SIP and RTP allow.

It shares nothing with the phones or with ghanti.voice, so that neither is proved against itself.
"""

from __future__ import annotations

import asyncio
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from phones_bank import DEADLINE

TELEPHONE_EVENT = 101


@dataclass
class Sip:
    start: str
    headers: dict[str, list[str]]
    body: str

    @classmethod
    def parse(cls, data: bytes) -> Sip:
        head, _, body = data.decode().partition("\r\n\r\n")
        start, *lines = head.split("\r\n")
        headers: dict[str, list[str]] = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers.setdefault(name.strip().lower(), []).append(value.strip())
        return cls(start, headers, body)

    @property
    def code(self) -> int:
        return int(self.start.split(" ")[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        return self.headers["cseq"][0].split(" ")[1]


@dataclass
class Rtp:
    payload_type: int
    timestamp: int
    payload: bytes

    @classmethod
    def parse(cls, data: bytes) -> Rtp:
        _, second, _, timestamp, _ = struct.unpack("!BBHII", data[:12])
        return cls(second & 0x7F, timestamp, data[12:])


class _Inbox(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._received(data)


@dataclass
class Caller:
    """One call; `open` binds its sockets to ports the kernel chooses."""

    number: str
    port: int
    call_id: str = field(default_factory=lambda: f"{uuid.uuid4()}@test")
    received: list[Sip] = field(default_factory=list)
    heard: list[Rtp] = field(default_factory=list)

    async def open(self) -> Caller:
        loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._sip, _ = await loop.create_datagram_endpoint(
            lambda: _Inbox(self._on_sip), local_addr=("127.0.0.1", 0)
        )
        self._rtp, _ = await loop.create_datagram_endpoint(
            lambda: _Inbox(self._on_rtp), local_addr=("127.0.0.1", 0)
        )
        self._branch, self._tag = f"z9hG4bK{uuid.uuid4().hex}", uuid.uuid4().hex[:8]
        self._remote_rtp: tuple[str, int] | None = None
        self.to = f"<sip:{self.number}@127.0.0.1:{self.port}>"
        return self

    def close(self) -> None:
        self._sip.close()
        self._rtp.close()

    @property
    def _here(self) -> str:
        return "127.0.0.1:{}".format(self._sip.get_extra_info("sockname")[1])

    def _on_rtp(self, data: bytes) -> None:
        if data[1] < 192:
            self.heard.append(Rtp.parse(data))

    def _on_sip(self, data: bytes) -> None:
        if data[0] >> 6 == 2:
            # RTCP goes to the port above RTP's, which the kernel may have given to this socket.
            return
        message = Sip.parse(data)
        if not message.code:
            copied = [
                f"{n}: {v}" for n in ("via", "from", "to", "call-id", "cseq") for v in message.headers[n]
            ]
            self._put("\r\n".join(["SIP/2.0 200 OK", *copied, "Content-Length: 0", "", ""]))
        self.received.append(message)
        self._news.set()

    def _put(self, text: str) -> None:
        self._sip.sendto(text.encode(), ("127.0.0.1", self.port))

    def send(
        self,
        method: str,
        *,
        cseq: int = 1,
        branch: str | None = None,
        body: str = "",
        extra: tuple[str, ...] = (),
    ) -> None:
        lines = [
            f"{method} sip:{self.number}@127.0.0.1:{self.port} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._here};branch={branch or self._branch};rport",
            f"From: <sip:+97715970425@127.0.0.1>;tag={self._tag}",
            f"To: {self.to}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:ghanti@{self._here}>",
            "Max-Forwards: 70",
            *extra,
            f"Content-Length: {len(body)}",
        ]
        self._put("\r\n".join([*lines, "", body]))

    def invite(self, *, cseq: int = 1) -> None:
        host, port = self._rtp.get_extra_info("sockname")
        sdp = [
            "v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0",
            f"m=audio {port} RTP/AVP 0 {TELEPHONE_EVENT}",
            "a=rtpmap:0 PCMU/8000", f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000",
        ]  # fmt: skip
        self.send("INVITE", cseq=cseq, body="\r\n".join([*sdp, ""]), extra=("Content-Type: application/sdp",))

    async def expect(self, wanted: Callable[[Sip], bool]) -> Sip:
        async with asyncio.timeout(DEADLINE):
            while not (found := [message for message in self.received if wanted(message)]):
                self._news.clear()
                await self._news.wait()
        return found[0]

    async def messages(self, count: int) -> None:
        await self.expect(lambda _: len(self.received) >= count)

    async def response(self, code: int, method: str = "INVITE") -> Sip:
        return await self.expect(lambda message: message.code == code and message.method == method)

    async def request(self, method: str) -> Sip:
        return await self.expect(lambda message: not message.code and message.method == method)

    async def final(self) -> Sip:
        """The INVITE's final response, acknowledged."""
        answer = await self.expect(lambda message: message.code >= 200 and message.method == "INVITE")
        self.to = answer.headers["to"][0]
        if answer.code < 300:
            ports = [line.split(" ")[1] for line in answer.body.splitlines() if line.startswith("m=audio")]
            self._remote_rtp = ("127.0.0.1", int(ports[0]))
            self._dialog("ACK", 1)
        else:
            self.send("ACK")
        return answer

    async def answered(self) -> Sip:
        self.invite()
        answer = await self.final()
        assert answer.code == 200
        return answer

    async def hang_up(self) -> None:
        self._dialog("BYE", 2)
        await self.response(200, "BYE")

    def _dialog(self, method: str, cseq: int) -> None:
        route = self.received[-1].headers.get("record-route", [])
        extra = tuple(f"Route: {value}" for value in reversed(route))
        self.send(method, cseq=cseq, branch=f"z9hG4bK{uuid.uuid4().hex}", extra=extra)

    async def speak(self, ulaw: bytes, *, first: int = 0) -> None:
        """Send µ-law audio as 20 ms packets, each at its time."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for index in range(len(ulaw) // 160):
            sequence = first + index
            header = struct.pack("!BBHII", 0x80, 0, sequence & 0xFFFF, sequence * 160, 0x6768)
            self._rtp.sendto(header + ulaw[index * 160 : index * 160 + 160], self._remote_rtp)
            await asyncio.sleep(max(0.0, begun + (index + 1) * 0.02 - loop.time()))
