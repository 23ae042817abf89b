"""Simulated phones called by SIPp, which nobody here wrote."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from phones_bank import DEADLINE, Bank

pytestmark = pytest.mark.peers


@pytest.fixture(scope="module")
def sipp() -> str:
    path = shutil.which("sipp")
    if path is None:
        pytest.skip("needs SIPp (make peers)")
    return path


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    phones = Bank(tmp_path, "--ring-seconds", "0.2", "--rtp-timeout", "2")
    yield phones
    assert phones.stop() == 0


def command(sipp: str, bank: Bank, number: str, *options: str) -> list[str]:
    target = [f"127.0.0.1:{bank.port}", "-i", "127.0.0.1", "-s", number, "-nostdin", "-timeout", "60"]
    return [sipp, "-sn", "uac", *target, "-p", "0", *options]


async def test_forty_calls_at_ten_a_second(sipp: str, bank: Bank, tmp_path: Path) -> None:
    options = ["-m", "40", "-r", "10", "-d", "1000"]
    done = await asyncio.to_thread(
        subprocess.run, command(sipp, bank, "9841234500", *options), cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 0, done.stdout[-2000:]
    invites = bank.lines(event="invite", number="9841234500")
    assert len(invites) == 40
    for invite in invites:
        end = await bank.end_of(invite["call_id"])
        assert (end["answered"], end["hungup_by"]) == (True, "caller")


@pytest.mark.parametrize(
    ("digits", "code"), [("90", 486), ("92", 603), ("95", 404), ("96", 480), ("97", 503)]
)
def test_refusals_are_understood(sipp: str, bank: Bank, tmp_path: Path, digits: str, code: int) -> None:
    options = ["-m", "1", "-trace_err", "-error_file", "errors"]
    done = subprocess.run(
        command(sipp, bank, f"98412345{digits}", *options), cwd=tmp_path, capture_output=True
    )
    assert done.returncode == 1
    assert f"SIP/2.0 {code} " in (tmp_path / "errors").read_text()


async def test_invites_of_a_killed_caller_stay_logged(sipp: str, bank: Bank, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *command(sipp, bank, "9841234501", "-m", "3", "-r", "10", "-d", "60000"),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    async with asyncio.timeout(DEADLINE):
        while len(list(bank.recordings.glob("*.wav"))) < 3:  # noqa: ASYNC110 - a folder has no event
            await asyncio.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    invites = bank.lines(event="invite", number="9841234501")
    assert len(invites) == 3
    for invite in invites:
        end = await bank.end_of(invite["call_id"])
        assert (end["hungup_by"], end["reason"]) == ("phone", "no RTP from the caller")
