"""One-time passwords from end to end: over HTTP, out to simulated phones and an SMSC, nowhere in clear."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clear_text import files_with, tables_with
from ghanti.media.correlate import similarity
from ghanti.media.wav import read_wav
from ghanti.otp.spoken import spoken
from ghanti.speech.engines.espeak import Espeak
from ghanti.speech.text import normalise
from ghanti.speech.voices import VOICES
from serving import Served, wait_until

MESSAGE = "तपाईंको कोड {otp} हो"
KEPT_IN_CLEAR = {"simulator"}
"""What the phones themselves heard and read is no part of the server."""


def send(served: Served, **fields: Any) -> dict[str, Any]:
    body = {"message": MESSAGE, "otp_options": "personnel", "company_name": "घण्टी", **fields}
    with served.client() as client:
        answer = client.post("auths/send/otp/", json=body)
    assert answer.status_code == 200, answer.text
    details: dict[str, Any] = answer.json()["data"]["details"]
    return details


def listed(served: Served, otp_id: int) -> dict[str, Any]:
    with served.client() as client:
        rows = client.get("auths/list/send-otps/?limit=100").json()["results"]["data"]
    return next(row for row in rows if row["id"] == otp_id)


def balances(served: Served) -> dict[str, int]:
    with served.client() as client:
        found = client.get("dashboard/").json()
    return {currency: found[f"remaining_{currency}_credits"] for currency in ("sms", "phone")}


def places_in_clear(served: Served, clear: str) -> list[str]:
    with served.connect() as connection:
        tables = tables_with(connection, clear)
    files: list[Path] = []
    for part in served.data.iterdir():
        if part.name not in KEPT_IN_CLEAR:
            files += files_with(part, clear) if part.is_dir() else []
    return [*tables, *map(str, files)]


def test_a_text_arrives_with_its_code(served: Served) -> None:
    before = balances(served)
    sent = send(served, number="9841770001", sms_send_options="text", otp="R4T9V2X7")
    assert (sent["credits_used"], sent["remaining_sms_credits"]) == (1, before["sms"] - 1)

    def arrived() -> list[dict[str, Any]]:
        return [text for text in served.texts() if text["to"].endswith("9841770001")]

    [text] = wait_until(arrived, "the text arrives")
    assert text["text"] == "घण्टी: तपाईंको कोड R4T9V2X7 हो"
    wait_until(lambda: listed(served, sent["id"])["delivery"] == "delivered", "its receipt is in")
    row = listed(served, sent["id"])
    assert (row["status"], row["otp"], row["credits_used"]) == ("completed", "R4T9V2X7", 1)
    assert row["message"] == text["text"]
    assert balances(served) == {"sms": before["sms"] - 1, "phone": before["phone"]}
    assert files_with(served.data / "simulator", "R4T9V2X7"), "the phone read it"
    assert places_in_clear(served, "R4T9V2X7") == []


def test_a_call_reads_its_code(served: Served) -> None:
    before = balances(served)
    sent = send(served, number="9841770002", sms_send_options="voice", otp="4071", voice_input="rija")
    assert sent["remaining_phone_credits"] == before["phone"] - sent["credits_used"]

    def ended() -> list[dict[str, Any]]:
        return [
            line
            for line in served.phone_log()
            if line["event"] == "end" and line["number"].endswith("9841770002")
        ]

    [call] = wait_until(ended, "the call is over")
    assert (call["answered"], call["hungup_by"]) == (True, "caller")
    wait_until(lambda: listed(served, sent["id"])["status"] == "completed", "the outcome is recorded")
    assert listed(served, sent["id"])["credits_used"] == 1
    assert balances(served) == {"sms": before["sms"], "phone": before["phone"] - 1}
    heard, _rate = read_wav(Path(call["wav"]))
    assert similarity(heard, _rendered("4071")) > 0.9
    assert similarity(heard, _rendered("4072")) < 0.5


def test_a_code_that_was_read_is_nowhere_in_clear(served: Served) -> None:
    code = "K8M3P6Q1"
    sent = send(served, number="9841770003", sms_send_options="voice", otp=code)
    wait_until(lambda: listed(served, sent["id"])["status"] == "completed", "the call is over")
    said = normalise(spoken(MESSAGE, code, "घण्टी", "np"), "np")
    for clear in (code, said[: len(said) // 2]):
        assert places_in_clear(served, clear) == []

    def secret_audio() -> list[Path]:
        return list((served.data / "media" / "secret").glob("*"))

    wait_until(lambda: not secret_audio(), "its audio is gone")


def test_a_number_that_is_busy_costs_nothing(served: Served) -> None:
    before = balances(served)
    sent = send(served, number="9841770090", sms_send_options="voice", otp="5566")
    wait_until(lambda: listed(served, sent["id"])["status"] == "unanswered", "the phone is busy")
    assert listed(served, sent["id"])["credits_used"] == 0
    assert balances(served) == before


def test_old_codes_are_erased_by_the_running_server(served: Served) -> None:
    sent = send(served, number="9841770005", sms_send_options="text", otp="667788")
    wait_until(lambda: listed(served, sent["id"])["status"] == "completed", "it is sent")
    with served.connect() as connection:
        connection.execute(
            "UPDATE sent_otps SET created_at = created_at - interval '30 days' WHERE id = %s", [sent["id"]]
        )
    served.kill("speech")  # It looks for old codes when it starts, and every hour.
    served.wait_back("speech")
    wait_until(lambda: listed(served, sent["id"])["otp"] == "", "the code is erased")
    row = listed(served, sent["id"])
    assert (row["message"], row["phone_number"], row["status"]) == ("", "9841770005", "completed")


@pytest.fixture
def someone_else(served: Served) -> dict[str, str]:
    made = served.ghanti(
        *("account", "create", "clinic@example.com", "--password", "correct horse"),
        *("--phone-credits", "10", "--sms-credits", "10"),
    )
    return {"Authorization": f"Bearer {made['api_token']}"}


def test_a_second_account_sees_none(served: Served, someone_else: dict[str, str]) -> None:
    send(served, number="9841770004", sms_send_options="text", otp="778899")
    with served.client() as client:
        page = client.get("auths/list/send-otps/", headers=someone_else).json()
    assert (page["count"], page["results"]["data"]) == (0, [])


def _rendered(code: str) -> Any:
    words = normalise(spoken(MESSAGE, code, "घण्टी", "np"), "np")
    return Espeak().synthesise(words, VOICES[0].engine_voice, 1.0)
