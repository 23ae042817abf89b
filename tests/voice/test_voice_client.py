"""The dialler's end of the socket, with a voice process that hangs or talks nonsense."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ghanti.voice import protocol
from ghanti.voice.client import VoiceClient, VoiceGoneError

DEADLINE = 30.0


@pytest.mark.parametrize(
    ("answer", "within", "error"),
    [
        (b"", 1.0, VoiceGoneError),
        (b"nonsense\n", DEADLINE, protocol.ProtocolError),
        (protocol.encode(protocol.Refusal(detail="no")), DEADLINE, protocol.ProtocolError),
    ],
)
async def test_a_failed_greeting_leaves_no_connection_open(
    tmp_path: Path, answer: bytes, within: float, error: type[Exception]
) -> None:
    accepted: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()
    server = await asyncio.start_unix_server(lambda *streams: accepted.set_result(streams), tmp_path / "s")
    connecting = asyncio.create_task(VoiceClient.connect(tmp_path / "s", within=within))
    async with asyncio.timeout(DEADLINE):
        reader, writer = await accepted
        writer.write(answer)
        with pytest.raises(error):
            await connecting
        # What it said, and then the end of the connection.
        assert protocol.parse_command(await reader.read()) == protocol.Hello()
    writer.close()
    await writer.wait_closed()
    server.close()
