"""Calls to SIPp: every outcome, and what the callee heard."""

from __future__ import annotations

import itertools
import socket
from pathlib import Path

import pytest
from voice_peers import Phones, Voice, correlation, message, write_message

from ghanti.media import g711
from recordings import read_wav

pytestmark = pytest.mark.peers


async def test_the_whole_message_is_heard(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("answer")
    sent = message(1.51)
    audio = {"message": write_message(tmp_path / "a.ulaw", sent)}
    attempt = await voice.dial(callee.port, audio=audio)
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.hungup_by, ended.sip_code) == ("completed", "us", 200)
    assert ended.played_ms == ended.total_ms == 1510
    assert await callee.succeeded()
    assert correlation(sent, callee.ear.samples()) >= 0.98
    assert correlation(message(1.51, seed=2), callee.ear.samples()) < 0.5
    assert voice.kinds(attempt)[:3] == ["sent", "ringing", "answered"]


async def test_the_codec_and_payload_types_are_the_answers(
    voice: Voice, phone: Phones, tmp_path: Path
) -> None:
    callee = await phone("answer", formats="8 96")
    sent = message(1.0)
    audio = {"message": write_message(tmp_path / "a.ulaw", sent)}
    attempt = await voice.dial(callee.port, audio=audio)
    answered = await voice.until(attempt, "answered")
    assert answered.codec == "PCMA"
    assert (await voice.ended(attempt)).reason == "completed"
    assert {packet[1] & 0x7F for _, packet, _ in callee.ear.packets} == {8}
    assert correlation(sent, callee.ear.samples(g711.alaw_to_pcm)) >= 0.98


async def test_packets_follow_rfc_3550(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("answer")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    await voice.ended(await voice.dial(callee.port, audio=audio))
    packets = [packet for _, packet, _ in callee.ear.packets]
    assert {len(packet) for packet in packets} == {172}
    assert {packet[0] for packet in packets} == {0x80}
    assert [packet[1] >> 7 for packet in packets] == [1] + [0] * (len(packets) - 1)
    for at, step in ((2, 1), (4, 160)):
        size = 2 if at == 2 else 4
        numbers = [int.from_bytes(packet[at : at + size], "big") for packet in packets]
        assert {(b - a) % (1 << 8 * size) for a, b in itertools.pairwise(numbers)} == {step}
    assert len({packet[8:12] for packet in packets}) == 1


REASONS = {
    "486": "busy",
    "600": "busy",
    "603": "rejected",
    "403": "rejected",
    "404": "invalid_number",
    "480": "no_answer",
    "503": "failed",
    "302": "redirected",
    "401": "auth",
}


async def test_final_responses(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callees = [await phone("reject", response=f"{code} No") for code in REASONS]
    audio = {"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    codes = {
        await voice.dial(callee.port, audio=audio): code
        for callee, code in zip(callees, REASONS, strict=True)
    }
    while codes:
        ended = await voice.next_end()
        code = codes.pop(ended.attempt)
        assert (ended.sip_code, ended.reason) == (int(code), REASONS[code])
        assert not ended.answered
        assert not ended.not_sent
        assert ended.hungup_by is None
        assert ended.duration_ms == ended.played_ms == 0
    for callee in callees:
        assert await callee.succeeded()
        assert not callee.ear.packets


async def test_a_phone_that_rings_for_ever_is_cancelled(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("ring")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    ended = await voice.ended(await voice.dial(callee.port, audio=audio, ring_seconds=1))
    assert (ended.reason, ended.sip_code, ended.answered) == ("no_answer", 487, False)
    assert ended.ring_ms >= 1000
    assert await callee.succeeded()


async def test_a_ringing_call_is_cancelled_on_order(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("ring")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    attempt = await voice.dial(callee.port, audio=audio)
    await voice.until(attempt, "ringing")
    await voice.client.hang_up(attempt)
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.answered) == ("cancelled", False)
    assert await callee.succeeded()


async def test_an_answer_that_crosses_the_cancel_is_hung_up(
    voice: Voice, phone: Phones, tmp_path: Path
) -> None:
    callee = await phone("cross")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    ended = await voice.ended(await voice.dial(callee.port, audio=audio, ring_seconds=1))
    assert (ended.reason, ended.answered, ended.duration_ms, ended.hungup_by) == ("cancelled", True, 0, "us")
    assert await callee.succeeded()
    assert not callee.ear.packets


async def test_early_media_is_no_answer(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("early")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    attempt = await voice.dial(callee.port, audio=audio)
    assert (await voice.until(attempt, "ringing")).code == 183
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.answered, ended.played_ms) == ("rejected", False, 0)
    assert await callee.succeeded()
    assert not callee.ear.packets


async def test_a_trunk_that_says_nothing_leaves_the_call_unknown(voice: Voice, tmp_path: Path) -> None:
    audio = {"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        ended = await voice.ended(await voice.dial(deaf.getsockname()[1], audio=audio, ring_seconds=1))
        assert deaf.recv(4096).startswith(b"INVITE sip:+9779841000000@127.0.0.1:")
    assert (ended.reason, ended.sip_code, ended.not_sent) == ("silent", None, False)


async def test_a_callee_who_hangs_up_heard_what_was_sent(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("leave")
    sent = message(8.0)
    audio = {"message": write_message(tmp_path / "a.ulaw", sent)}
    ended = await voice.ended(await voice.dial(callee.port, audio=audio))
    assert (ended.reason, ended.hungup_by, ended.answered) == ("hungup", "callee", True)
    assert await callee.succeeded()
    # One packet may be on its way while the BYE is read.
    assert callee.ear.sounding() - ended.played_ms / 20 in (0, 1)
    assert 0 < ended.played_ms < ended.duration_ms < ended.total_ms == 8000


async def test_an_answered_call_is_hung_up_on_order(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("answer")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(8.0))}
    attempt = await voice.dial(callee.port, audio=audio)
    await voice.until(attempt, "played")
    await voice.client.hang_up(attempt)
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.hungup_by, ended.answered) == ("cancelled", "us", True)
    assert 0 < ended.played_ms < ended.total_ms
    assert await callee.succeeded()


async def test_a_call_ends_at_its_longest_duration(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("answer")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(8.0))}
    ended = await voice.ended(await voice.dial(callee.port, audio=audio, max_seconds=1))
    assert (ended.reason, ended.hungup_by) == ("max_duration", "us")
    assert await callee.succeeded()


async def test_a_longer_call_may_be_granted(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("answer")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(2.0))}
    attempt = await voice.dial(callee.port, audio=audio, max_seconds=1.5)
    await voice.until(attempt, "answered")
    await voice.client.extend(attempt, 30)
    assert (await voice.ended(attempt)).reason == "completed"


async def test_a_held_call_loses_nothing(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("hold")
    sent = message(2.0)
    audio = {"message": write_message(tmp_path / "a.ulaw", sent)}
    ended = await voice.ended(await voice.dial(callee.port, audio=audio))
    assert (ended.reason, ended.played_ms) == ("completed", 2000)
    assert ended.duration_ms > 2900
    assert correlation(sent, callee.ear.samples()) >= 0.98
    assert await callee.succeeded()
    assert sum(packet[1] >> 7 for _, packet, _ in callee.ear.packets) == 2


async def test_an_empty_reinvite_and_foreign_methods_change_nothing(
    voice: Voice, phone: Phones, tmp_path: Path
) -> None:
    callee = await phone("offerless")
    sent = message(2.0)
    audio = {"message": write_message(tmp_path / "a.ulaw", sent)}
    ended = await voice.ended(await voice.dial(callee.port, audio=audio))
    assert ended.reason == "completed"
    assert correlation(sent, callee.ear.samples()) >= 0.98
    assert await callee.succeeded()


ASK = {
    "v": 1,
    "steps": [
        {"do": "play", "audio": "message"},
        {"do": "listen", "name": "q1", "max_digits": 4, "timeout_ms": 20000, "terminator": "#"},
        {"do": "end"},
    ],
}


async def test_keys_by_telephone_event(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("answer", formats="0 97")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(20.0))}
    attempt = await voice.dial(callee.port, audio=audio, script=ASK)
    await callee.ear.heard(1)
    await voice.until(attempt, "played")
    for digit in (4, 4, 2, 11):
        callee.ear.press(digit, 97)
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.keys, ended.answers) == ("completed", "442#", {"q1": "442"})
    assert ended.played_ms < ended.total_ms
    assert [
        event.digit for event in voice.events if event.event == "key" and event.attempt == attempt
    ] == list("442#")


async def test_keys_by_info(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    callee = await phone("keys")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(20.0))}
    attempt = await voice.dial(callee.port, audio=audio, script=ASK)
    ended = await voice.ended(attempt)
    assert (ended.keys, ended.answers) == ("42#", {"q1": "42"})
    assert await callee.succeeded()


# Packets after which the lead is over and the recording runs.
RECORDING = 25
RECORD = {"v": 1, "steps": [{"do": "record", "name": "r1", "max_ms": 10000, "terminator": "#"}]}


async def test_the_callee_is_recorded_in_order(voice: Voice, phone: Phones) -> None:
    callee = await phone("answer")
    attempt = await voice.dial(callee.port, script=RECORD)
    await callee.ear.heard(RECORDING)
    said = message(1.0, seed=3)
    # The second half of the packets in pairs the wrong way round, some twice, the timestamp wrapping.
    order = list(range(26)) + [i ^ 1 for i in range(26, 50)] + [49, 48]
    await callee.ear.say(said, order)
    callee.ear.press(11, 101)
    begun = await voice.until(attempt, "answer")
    recorded = await voice.until(attempt, "answer")
    assert (await voice.ended(attempt)).reason == "completed"
    assert (begun.name, begun.kind, begun.state) == ("r1", "recording", "pending")
    assert (recorded.name, recorded.kind, recorded.state, recorded.ms) == ("r1", "recording", "stored", 1000)
    assert Path(recorded.path).parent == voice.recordings
    assert correlation(said, read_wav(recorded.path)) >= 0.98


async def test_a_recording_survives_the_callees_hangup(voice: Voice, phone: Phones) -> None:
    callee = await phone("leave")
    attempt = await voice.dial(callee.port, script=RECORD)
    await callee.ear.heard(RECORDING)
    said = message(0.5, seed=4)
    await callee.ear.say(said)
    await voice.until(attempt, "answer")
    recorded = await voice.until(attempt, "answer")
    assert (await voice.ended(attempt)).reason == "hungup"
    assert correlation(said, read_wav(recorded.path)) >= 0.98


async def test_a_call_ordered_to_end_before_any_response(voice: Voice, phone: Phones, tmp_path: Path) -> None:
    """The CANCEL waits for the first response, as RFC 3261, 9.1 wants it, and the phone rings no longer."""
    callee = await phone("ring")
    audio = {"message": write_message(tmp_path / "a.ulaw", message(1.0))}
    attempt = await voice.dial(callee.port, audio=audio)
    await voice.until(attempt, "sent")
    await voice.client.hang_up(attempt)
    ended = await voice.ended(attempt)
    assert (ended.reason, ended.answered, ended.not_sent) == ("cancelled", False, False)
    assert await callee.succeeded()
