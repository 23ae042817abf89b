"""Calls through the digest trunk to baresip, a whole user agent: what it decoded is what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from voice_peers import CREDENTIALS, Trunks, Voice, correlation, message, write_message

from phones_bank import Bank
from recordings import read_wav

pytestmark = pytest.mark.peers


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    """The simulator's phones, chosen by the last two digits of the number."""
    pytest.importorskip("baresip", reason="needs baresip-python (make setup)")
    phones = Bank(tmp_path)
    yield phones
    assert phones.stop() == 0


@pytest.mark.parametrize("codec", ["PCMU", "PCMA"])
async def test_baresip_hears_the_message(
    voice: Voice, trunk: Trunks, bank: Bank, tmp_path: Path, codec: str
) -> None:
    port = await trunk(_00=bank.port)
    sent = message(3.0)
    audio = {"message": write_message(tmp_path / "a.ulaw", sent)}
    attempt = await voice.dial(port, audio=audio, trunk=CREDENTIALS | {"codecs": [codec]})
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.played_ms) == ("completed", 3000)
    heard = read_wav((await bank.end_of(f"{attempt}-1"))["wav"])
    assert correlation(sent, heard) >= 0.98
    assert correlation(message(3.0, seed=2), heard) < 0.5


async def test_baresips_keys_are_read(voice: Voice, trunk: Trunks, bank: Bank, tmp_path: Path) -> None:
    port = await trunk(_94=bank.port)
    ask = {
        "v": 1,
        "steps": [
            {"do": "play", "audio": "message"},
            {"do": "listen", "name": "q1", "max_digits": 4, "timeout_ms": 20000, "terminator": "#"},
        ],
    }
    audio = {"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    attempt = await voice.dial(port, to="+9779841000094", audio=audio, trunk=CREDENTIALS, script=ask)
    ended = await voice.ended(attempt)
    assert (ended.keys, ended.answers, ended.reason) == ("15#", {"q1": "15"}, "completed")


async def test_baresips_refusals_are_told_apart(
    voice: Voice, trunk: Trunks, bank: Bank, tmp_path: Path
) -> None:
    numbers = {"90": "busy", "91": "no_answer", "92": "rejected", "93": "hungup", "95": "invalid_number"}
    port = await trunk(**{f"_{digits}": bank.port for digits in numbers})
    order = {
        "audio": {"message": write_message(tmp_path / "a.ulaw", message(8.0))},
        "trunk": CREDENTIALS,
        "ring_seconds": 4,
    }
    expected = {
        await voice.dial(port, to=f"+97798410000{digits}", **order): reason
        for digits, reason in numbers.items()
    }
    ends: dict[Any, str] = {}
    while len(ends) < len(expected):
        ended = await voice.next_end()
        ends[ended.attempt] = ended.reason
    assert ends == expected
