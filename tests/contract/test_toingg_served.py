"""The first generation at a served instance, from the shell as its documents print it, and to real phones."""

from __future__ import annotations

import json
import shlex
import subprocess
from typing import Any

import httpx
import pytest

from serving import Served, wait_until

PRINTED = (
    'curl -X POST "http://localhost:8000/make_toingg/?apiKey=your_api_key_here" -H "accept: application/json"'
    ' -H "Content-Type: application/json"'
    ' -d \'{ "campaign": "test_campaign", "name": "John Doe", "phoneNumber": "1234567890" }\''
)


@pytest.fixture(scope="module")
def _once() -> set[str]:
    """What was made ready for the tests of this file."""
    return set()


@pytest.fixture
def key(served: Served, _once: set[str]) -> str:
    """A new key of the account, which has the campaigns ``test_campaign`` and ``long``."""
    with served.client() as client:
        made: str = client.post("auths/generate-api-keys/", json={"face": "toingg"}).json()["token"]
        if "campaigns" not in _once:
            for name, message in (("test_campaign", "Namaste {name}"), ("long", "Namaste. " * 100)):
                body = {"name": name, "services": "PHONE", "user_phone": [], "message": message}
                assert client.post("campaign/create/", json=body).status_code == httpx.codes.CREATED
            _once.add("campaigns")
    return made


def _shell(line: str, served: Served, key: str, number: str | None = None) -> Any:
    """What a printed line of curl is answered here, with the key and, if given, another number."""
    line = line.replace("http://localhost:8000", served.url).replace("your_api_key_here", key)
    if number is not None:
        line = line.replace("1234567890", number)
    done = subprocess.run([*shlex.split(line), "-sS"], capture_output=True, check=True, timeout=60, text=True)
    return json.loads(done.stdout)


def _seen(served: Served, number: str, event: str) -> dict[str, Any] | None:
    """What a phone saw of a call, once it did."""
    lines = [line for line in served.phone_log() if line["number"].endswith(number)]
    return next((line for line in lines if line["event"] == event), None)


def _order(served: Served, key: str, path: str, body: Any = None, **query: str) -> Any:
    answer = httpx.post(
        f"{served.url}/api{path}",
        params={**query, "apiKey": key},
        json=body,
        timeout=30,
        verify=served.verify,
    )
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


def _status(served: Served, key: str, sid: str) -> str:
    """What the third generation tells of a call that the first one made."""
    headers = {"Authorization": f"Bearer {key}"}
    answer = httpx.get(
        f"{served.url}/api/v3/call_status", params={"callId": sid}, headers=headers, timeout=30
    )
    status: str = answer.json()["result"]["status"]
    return status


@pytest.mark.parametrize(("base", "number"), [("", "9841870001"), ("/api", "9841870002")])
def test_the_printed_line_calls(served: Served, key: str, base: str, number: str) -> None:
    line = PRINTED.replace(":8000/", f":8000{base}/")
    sid = _shell(line, served, key, number)
    assert sid[:2] == "CA"
    wait_until(lambda: _seen(served, number, "invite"), "the phone rings")
    _order(served, key, "/hang_up_call/", callSid=sid)


def test_the_printed_line_with_its_printed_number(served: Served, key: str) -> None:
    """It belongs to nobody, and is told so in the printed shape."""
    answer = _shell(PRINTED, served, key)
    assert [item["loc"] for item in answer["detail"]] == [["body", "phoneNumber"]]
    assert answer["detail"][0].keys() == {"loc", "msg", "type"}


def test_the_printed_line_with_its_printed_key(served: Served) -> None:
    assert _shell(PRINTED, served, "your_api_key_here").keys() == {"detail"}


@pytest.mark.parametrize(("number", "answered"), [("9841870091", False), ("9841870003", True)])
def test_that_very_call_is_hung_up(served: Served, key: str, number: str, answered: bool) -> None:
    """One that rings and one that was answered; another of the same campaign goes on."""
    other = number[:-2] + ("04" if answered else "05")
    sids = {
        called: _order(served, key, "/make_toingg/", {"campaign": "long", "name": "S", "phoneNumber": called})
        for called in (number, other)
    }
    for called in sids:
        wait_until(lambda called=called: _seen(served, called, "invite"), f"{called} rings")
    expected = "in-progress" if answered else "ringing"
    wait_until(lambda: _status(served, key, sids[number]) == expected, f"it is {expected}")
    assert _order(served, key, "/hang_up_call/", callSid=sids[number])["status"] == expected
    end = wait_until(lambda: _seen(served, number, "end"), "the phone is left alone")
    assert end["hungup_by"] == "caller"
    assert _seen(served, other, "end") is None
    _order(served, key, "/hang_up_call/", callSid=sids[other])


def test_a_list_is_called(served: Served, key: str) -> None:
    numbers = ["9841870010", "12", "9841870011"]
    people = [{"clientName": "S", "clientNumber": number} for number in numbers]
    answer = _order(served, key, "/make_batch_toingg/", {"campaign": "test_campaign", "numberList": people})
    assert [result["status"] for result in answer["results"]] == ["queued", "refused", "queued"]
    for number in (numbers[0], numbers[2]):
        wait_until(lambda number=number: _seen(served, number, "invite"), f"{number} rings")


def test_a_message_arrives(served: Served, key: str) -> None:
    text = "Dear {name}, your bill of {amount} is due."
    body = {"name": "Sita", "phoneNumber": "9841870020", "message": text, "amount": 250}
    assert _order(served, key, "/send_sms/", body)[:2] == "SM"
    wait_until(
        lambda: [
            message for message in served.texts() if "Dear Sita, your bill of 250 is due." in str(message)
        ],
        "the text arrives",
    )


def test_no_log_holds_the_key(served: Served, key: str) -> None:
    logs = [served.output, *(served.data / "log").glob("*.log")]
    assert len(logs) > 1
    for log in logs:
        assert key not in log.read_text(encoding="utf-8", errors="replace"), log
