"""What strangers send to the SIP port."""

from __future__ import annotations

import asyncio
import os
import re
import socket
from pathlib import Path

import pytest
from voice_peers import DEADLINE, Phones, Voice, message, write_message

pytestmark = pytest.mark.peers


def request(method: str, port: int) -> bytes:
    lines = [
        f"{method} sip:x@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method};rport",
        "From: <sip:a@127.0.0.1>;tag=1",
        "To: <sip:x@127.0.0.1>",
        f"Call-ID: stranger-{method}",
        f"CSeq: 1 {method}",
        "Contact: <sip:a@127.0.0.1>",
        "Content-Length: 0",
        "",
        "",
    ]
    return "\r\n".join(lines).encode()


@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", b"200"), ("INVITE", b"480"), ("BYE", b"481"), ("INFO", b"481")]
)
async def test_requests_of_no_call_are_answered(voice: Voice, method: str, status: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.settimeout(DEADLINE)
        stranger.sendto(request(method, stranger.getsockname()[1]), ("127.0.0.1", sip_port(voice)))
        answer = await asyncio.to_thread(stranger.recv, 4096)
    assert answer.startswith(b"SIP/2.0 " + status)


async def test_junk_disturbs_no_call(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("answer")
    attempt = await voice.dial(
        callee.port, audio={"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    )
    await voice.until(attempt, "answered")
    whole = request("INVITE", 9)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for junk in (b"", b"\0" * 400, os.urandom(1000), b"SIP/2.0 200 OK\r\n\r\n" + bytes(32), whole[:120]):
            stranger.sendto(junk, ("127.0.0.1", sip_port(voice)))
        for header in (b"Via", b"From", b"To", b"CSeq", b"Call-ID", b"Contact"):
            broken = re.sub(header + rb": [^\r]*", header + b': \xff<<;=,"', whole)
            stranger.sendto(broken, ("127.0.0.1", sip_port(voice)))
    assert (await voice.ended(attempt)).reason == "completed"
    assert await callee.succeeded()


def sip_port(voice: Voice) -> int:
    found = re.search(r"SIP on [\d.]+:(\d+)", voice.log.read_text())
    assert found is not None
    return int(found.group(1))
