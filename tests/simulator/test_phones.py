"""Simulated phones as a caller on the wire finds them."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path

import numpy as np
import pytest
from phones_caller import TELEPHONE_EVENT, Caller

from ghanti.media import g711
from phones_bank import DEADLINE, Bank, read_ready
from processes import wait_for_end
from recordings import read_wav

Open = Callable[..., Awaitable[Caller]]
StartBank = Callable[..., Bank]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    phones = Bank(tmp_path_factory.mktemp("phones"), "--ring-seconds", "0.1", "--starts", "100")
    yield phones
    assert phones.stop() == 0


@pytest.fixture
def start_bank(tmp_path: Path) -> Iterator[StartBank]:
    with ExitStack() as stack:

        def start(*options: str) -> Bank:
            phones = Bank(tmp_path, *options)
            stack.callback(phones.stop)
            return phones

        yield start


@pytest.fixture
async def caller() -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_caller(number: str, bank: Bank) -> Caller:
            opened = await Caller(number, bank.port).open()
            stack.callback(opened.close)
            return opened

        yield open_caller


def noise(seconds: float) -> bytes:
    """Noise of the telephone band, in µ-law: each moment of it correlates only with itself."""
    white = np.random.default_rng(seed=7).standard_normal(int(8000 * seconds))
    band = np.convolve(white, np.hanning(8), mode="same")
    return g711.pcm_to_ulaw((band / np.abs(band).max() * 16000).astype(np.int16))


def best_correlation(part: np.ndarray, whole: np.ndarray) -> float:
    """The normalised correlation of a part at the place where it fits best."""
    products = np.correlate(whole, part, mode="valid")
    energies = np.convolve(whole**2, np.ones(len(part)), mode="valid")
    return float(np.max(products / np.sqrt(np.maximum(energies, 1.0) * np.sum(part**2))))


@pytest.mark.parametrize(
    ("digits", "code", "behaviour"),
    [
        ("90", 486, "busy"),
        ("92", 603, "reject"),
        ("95", 404, "not_found"),
        ("96", 480, "unavailable"),
        ("97", 503, "service_unavailable"),
    ],
)
async def test_a_phone_that_takes_no_call(
    bank: Bank, caller: Open, digits: str, code: int, behaviour: str
) -> None:
    call = await caller(f"98412345{digits}", bank)
    call.invite()
    assert (await call.final()).code == code
    end = await bank.end_of(call.call_id)
    assert (end["behaviour"], end["code"], end["answered"]) == (behaviour, code, False)
    assert (end["hungup_by"], end["wav"]) == ("phone", None)


async def test_a_trunk_failure_comes_before_any_ringing(bank: Bank, caller: Open) -> None:
    call = await caller("9841230197", bank)
    call.invite()
    await call.final()
    assert [message.code for message in call.received] == [503]


async def test_a_refusal_is_repeated_until_acknowledged(bank: Bank, caller: Open) -> None:
    call = await caller("9841230190", bank)
    call.invite()
    await call.messages(3)
    assert {message.code for message in call.received} == {486}
    assert len({message.headers["to"][0] for message in call.received}) == 1
    await call.final()
    assert len(bank.lines(event="end", call_id=call.call_id)) == 1


async def test_an_answered_phone_hears_and_is_heard(bank: Bank, caller: Open) -> None:
    said = noise(3.0)
    call = await caller("+9779841234501", bank)
    await call.answered()
    await call.speak(said)
    await call.hang_up()
    end = await bank.end_of(call.call_id)
    assert (end["answered"], end["hungup_by"], end["behaviour"]) == (True, "caller", "answer")
    assert Path(end["wav"]) == bank.recordings / "+9779841234501-1.wav"

    heard = read_wav(end["wav"])
    sent = g711.ulaw_to_pcm(said).astype(float)
    for start in range(4000, 20000, 4000):
        assert best_correlation(sent[start : start + 4000], heard) > 0.95

    spoken = g711.ulaw_to_pcm(b"".join(packet.payload for packet in call.heard if packet.payload_type == 0))
    spectrum = np.abs(np.fft.rfft(spoken[-4000:]))
    assert np.argmax(spectrum) * 2 == 400


async def test_each_recording_has_a_file_of_its_own(bank: Bank, caller: Open) -> None:
    wavs = []
    for _ in range(2):
        call = await caller("9841234502", bank)
        await call.answered()
        await call.hang_up()
        wavs.append(Path((await bank.end_of(call.call_id))["wav"]).name)
    assert wavs == ["9841234502-1.wav", "9841234502-2.wav"]


async def test_every_invite_is_logged_once(bank: Bank, caller: Open) -> None:
    first, second = await caller("9841234503", bank), await caller("9841234503", bank)
    first.invite()
    first.invite()
    assert (await first.final()).code == 200
    first.invite()
    await second.answered()
    await first.hang_up()
    await second.hang_up()
    lines = bank.lines(event="invite", number="9841234503")
    assert [line["call_id"] for line in lines] == [first.call_id, second.call_id]
    assert all("+97715970425" in line["from"] for line in lines)


async def test_a_retransmitted_invite_to_a_busy_phone_is_one_line(bank: Bank, caller: Open) -> None:
    call = await caller("9841234490", bank)
    call.invite()
    await call.final()
    call.invite()
    await call.messages(2)
    assert len(bank.lines(event="invite", call_id=call.call_id)) == 1


async def test_a_phone_that_never_answers_rings_until_cancelled(bank: Bank, caller: Open) -> None:
    call = await caller("9841234591", bank)
    call.invite()
    await call.response(180)
    call.send("CANCEL")
    await call.response(200, "CANCEL")
    assert (await call.final()).code == 487
    end = await bank.end_of(call.call_id)
    assert (end["code"], end["hungup_by"], end["answered"]) == (487, "caller", False)


async def test_a_phone_still_ringing_can_be_cancelled(start_bank: StartBank, caller: Open) -> None:
    bank = start_bank("--ring-seconds", "600")
    call = await caller("9841234504", bank)
    call.invite()
    await call.response(180)
    call.send("CANCEL")
    await call.response(200, "CANCEL")
    assert (await call.final()).code == 487
    end = await bank.end_of(call.call_id)
    assert (end["code"], end["hungup_by"], end["answered"]) == (487, "caller", False)


async def test_a_phone_hangs_up_in_mid_call(bank: Bank, caller: Open) -> None:
    call = await caller("9841234593", bank)
    await call.answered()
    bye = await call.request("BYE")
    assert bye.headers["call-id"] == [call.call_id]
    end = await bank.end_of(call.call_id)
    assert (end["answered"], end["hungup_by"], end["behaviour"]) == (True, "phone", "hang_up")


async def test_keys_are_pressed_as_telephone_events(bank: Bank, caller: Open) -> None:
    call = await caller("9841234594", bank)
    await call.answered()
    await call.speak(noise(4.5))
    await call.hang_up()
    events = [packet for packet in call.heard if packet.payload_type == TELEPHONE_EVENT]
    ended = {packet.timestamp: packet.payload[0] for packet in events if packet.payload[1] & 0x80}
    assert [ended[timestamp] for timestamp in sorted(ended)] == [1, 5, 11]
    assert (await bank.end_of(call.call_id))["keys"] == "15#"


async def test_a_phone_hangs_up_when_the_caller_vanishes(start_bank: StartBank, caller: Open) -> None:
    bank = start_bank("--rtp-timeout", "1", "--ring-seconds", "0")
    call = await caller("9841234505", bank)
    await call.answered()
    await call.speak(noise(0.5))
    call.close()
    end = await bank.end_of(call.call_id)
    assert (end["hungup_by"], end["reason"]) == ("phone", "no RTP from the caller")
    assert len(bank.lines(event="invite", call_id=call.call_id)) == 1


async def test_calls_over_the_limit_are_refused(start_bank: StartBank, caller: Open) -> None:
    bank = start_bank("--calls", "1", "--ring-seconds", "0")
    assert bank.ready == {"ready": True, "port": bank.port, "limit": 1}
    first, second = await caller("9841234506", bank), await caller("9841234507", bank)
    await first.answered()
    second.invite()
    assert (await second.final()).code == 503
    end = await bank.end_of(second.call_id)
    assert (end["code"], end["reason"]) == (503, "limit of 1 calls at once")
    await first.hang_up()
    await bank.end_of(first.call_id)
    third = await caller("9841234508", bank)
    await third.answered()
    await third.hang_up()


async def test_starts_over_the_limit_are_refused(start_bank: StartBank, caller: Open) -> None:
    bank = start_bank("--starts", "0.001")
    first, second = await caller("9841234590", bank), await caller("9841234590", bank)
    first.invite()
    assert (await first.final()).code == 486
    second.invite()
    assert (await second.final()).code == 503
    assert len(bank.lines(event="invite", number="9841234590")) == 2


async def test_forty_calls_at_ten_a_second(bank: Bank, caller: Open) -> None:
    async def place(index: int) -> str:
        await asyncio.sleep(index / 10)
        call = await caller(f"98500000{index:02}", bank)
        await call.answered()
        await call.speak(noise(2.0))
        await call.hang_up()
        return call.call_id

    ids = await asyncio.gather(*(place(index) for index in range(40)))
    ends = [await bank.end_of(call_id) for call_id in ids]
    assert all(end["answered"] and end["hungup_by"] == "caller" for end in ends)
    assert len({end["wav"] for end in ends}) == 40
    assert all(len(read_wav(end["wav"])) > 8000 for end in ends)


async def test_options_is_answered(bank: Bank, caller: Open) -> None:
    call = await caller("ping", bank)
    call.send("OPTIONS")
    assert await call.response(200, "OPTIONS")


async def test_junk_is_dropped(bank: Bank, caller: Open) -> None:
    call = await caller("9841234690", bank)
    for junk in (
        "",
        "\r\n\r\n",
        "INVITE\r\n\r\n",
        "INVITE sip:x SIP/2.0\r\nVia: x\r\n\r\n",
        "SIP/2.0 999 ?\r\n\r\n",
    ):
        call._put(junk)
    call.invite()
    assert (await call.final()).code == 486


async def test_sigterm_hangs_up_and_ends(tmp_path: Path, caller: Open) -> None:
    bank = Bank(tmp_path, "--ring-seconds", "0")
    call = await caller("9841234509", bank)
    await call.answered()
    stopped = asyncio.create_task(asyncio.to_thread(bank.stop))
    await call.request("BYE")
    assert await stopped == 0
    end = await bank.end_of(call.call_id)
    assert (end["answered"], end["hungup_by"]) == (True, "phone")


def test_the_phones_end_with_their_parent(tmp_path: Path) -> None:
    phones = [sys.executable, "-m", "ghanti.simulator.phones", "--recordings", str(tmp_path), "--log"]
    starter = "import subprocess, sys, time; subprocess.Popen(sys.argv[1:]); time.sleep(600)"
    parent = subprocess.Popen(
        [sys.executable, "-c", starter, *phones, str(tmp_path / "log")], stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    with parent.stdout:
        read_ready(parent)
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        wait_for_end(int(children[0]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--address", "0.0.0.0"], "not 0.0.0.0"),
        (["--address", "phones.example"], "not an IPv4 address"),
        (["--address", "192.0.2.1"], "can't listen on 192.0.2.1"),
    ],
)
def test_an_impossible_address_is_named(tmp_path: Path, options: list[str], said: str) -> None:
    command = [sys.executable, "-m", "ghanti.simulator.phones", "--recordings", str(tmp_path), *options]
    done = subprocess.run(
        [*command, "--log", str(tmp_path / "log")], capture_output=True, text=True, timeout=DEADLINE
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
