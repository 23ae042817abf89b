"""Calls through a trunk that demands digest (407) of INVITE and BYE."""

from __future__ import annotations

from pathlib import Path

import pytest
from voice_peers import CREDENTIALS, Phones, Trunks, Voice, correlation, message, write_message

pytestmark = pytest.mark.peers


async def test_digest_lets_the_call_through(
    voice: Voice, phone: Phones, trunk: Trunks, tmp_path: Path
) -> None:
    callee = await phone("answer")
    port = await trunk(_00=callee.port)
    sent = message(2.0)
    audio = {"message": write_message(tmp_path / "a.ulaw", sent)}
    attempt = await voice.dial(port, audio=audio, trunk=CREDENTIALS)
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.played_ms, ended.sip_code) == ("completed", 2000, 200)
    assert correlation(sent, callee.ear.samples()) >= 0.98
    # The scenario ends with the BYE, which had to pass the challenge too.
    assert await callee.succeeded()


async def test_a_wrong_password_is_told_apart(
    voice: Voice, phone: Phones, trunk: Trunks, tmp_path: Path
) -> None:
    callee = await phone("answer")
    port = await trunk(_00=callee.port)
    audio = {"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    wrong = CREDENTIALS | {"password": "wrong"}
    ended = await voice.ended(await voice.dial(port, audio=audio, trunk=wrong))
    assert (ended.reason, ended.sip_code, ended.answered) == ("auth", 407, False)
    ended = await voice.ended(await voice.dial(port, audio=audio))
    assert (ended.reason, ended.sip_code) == ("auth", 407)


async def test_outcomes_pass_the_trunk(voice: Voice, phone: Phones, trunk: Trunks, tmp_path: Path) -> None:
    busy, ringing = await phone("reject", response="486 Busy Here"), await phone("ring")
    down, leaving = await phone("reject", response="503 Service Unavailable"), await phone("leave")
    port = await trunk(_01=busy.port, _02=ringing.port, _03=down.port, _04=leaving.port)
    audio = {"message": write_message(tmp_path / "a.ulaw", message(6.0))}
    order = {"audio": audio, "trunk": CREDENTIALS, "ring_seconds": 2}
    attempts = {
        n: await voice.dial(port, to=f"+97798410000{n}", **order) for n in ("01", "02", "03", "04", "05")
    }
    ends = {}
    while len(ends) < len(attempts):
        ended = await voice.next_end()
        ends[ended.attempt] = (ended.reason, ended.sip_code)
    assert ends == {
        attempts["01"]: ("busy", 486),
        attempts["02"]: ("no_answer", 487),
        # Kamailio turns a 503 from behind it into 500 (RFC 3261, 16.7).
        attempts["03"]: ("failed", 500),
        attempts["04"]: ("hungup", 200),
        attempts["05"]: ("invalid_number", 404),
    }
    for callee in (busy, ringing, down, leaving):
        assert await callee.succeeded()
