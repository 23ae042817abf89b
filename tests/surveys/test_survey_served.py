"""A survey from its creation to its report, over a served instance and simulated phones."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt

from audio_files import as_pcm, audio_file, sound
from ghanti.media.correlate import compare
from recordings import read_wav
from serving import Served, wait_until

PRESSES, LISTENS = "9841077794", "9841077711"
"""The first presses 1, then 5 and #; both hum at 400 Hz (docs/simulator.md)."""

QUESTION_SECONDS = 2.0

STEPS = [
    {
        "content_type": "say",
        "text_or_url": "{name}, पानी?",
        "response_type": "dtmf",
        "input_name": "water",
        "valid_answers": ["1", "2"],
        "timeout_seconds": 4,
        "tries": 1,
    },
    {
        "content_type": "say",
        "text_or_url": "कति दिन?",
        "response_type": "dtmf",
        "input_name": "days",
        "max_digits": 3,
        "timeout_seconds": 4,
        "tries": 1,
    },
    {
        "content_type": "info",
        "text_or_url": "भन्नुहोस्",
    },
    {
        "content_type": "play",
        "text_or_url": "",
        "response_type": "raw_record",
        "input_name": "said",
        "max_record_seconds": 3,
    },
]


def _campaign(served: Served, client: httpx.Client) -> dict[str, Any]:
    body = {
        "name": "water",
        "services": "SURVEY",
        "user_phone": [served.number_id],
        "message": "",
        "steps": STEPS,
    }
    answer = client.post("campaign/create/", json=body)
    assert answer.status_code == 201, answer.text
    campaign: dict[str, Any] = answer.json()
    return campaign


def _ended(client: httpx.Client, campaign_id: int) -> bool:
    status = client.get(f"campaign/{campaign_id}/").json()["status"]
    assert status in ("Running", "Completed"), status
    return bool(status == "Completed")


def _stored(client: httpx.Client, campaign_id: int) -> list[dict[str, Any]] | None:
    """What each contact answered, once no recording is pending."""
    results = client.get(f"download/survey/{campaign_id}/report/?format=json").json()["results"]
    states = [result["answers"].get("said", {}).get("state") for result in results]
    return results if "pending" not in states else None


def test_a_survey_is_asked_answered_and_reported(served: Served, tmp_path: Path) -> None:
    with served.client() as client:
        campaign = _campaign(served, client)
        campaign_id = campaign["id"]
        files = {"3": ("question.mp3", audio_file("mp3", QUESTION_SECONDS), None)}
        answer = client.post(f"campaign/create/{campaign_id}/survey/", files=files)
        assert answer.status_code == 200, answer.text
        for number, name in ((PRESSES, "राम"), (LISTENS, "सीता")):
            contact = {"number": number, "other_variables": {"name": name}}
            assert client.post(f"campaign/{campaign_id}/add-contact/", json=contact).status_code == 201
        assert client.post(f"run-survey/{campaign_id}/").status_code == 200
        wait_until(lambda: _ended(client, campaign_id), "the survey is over")
        first, second = wait_until(lambda: _stored(client, campaign_id), "both recordings are stored")
        assert (first["status"], second["status"]) == ("completed", "completed")
        assert first["answers"]["water"] == {"value": "1"}
        assert first["answers"]["days"] == {"value": "5"}
        assert second["answers"]["water"] == second["answers"]["days"] == {"value": None}
        assert (first["answered"], second["answered"]) == (3, 1)
        for result in (first, second):
            _hums(client, result["answers"]["said"]["recording"], tmp_path)
        report = client.get(f"download/survey/{campaign['survey']['id']}/report/").content
        lines = list(csv.DictReader(io.StringIO(report.decode("utf-8-sig"))))
        assert [(line["number"], line["water"], line["days"]) for line in lines] == [
            (PRESSES, "1", "5"),
            (LISTENS, "", ""),
        ]
        for line in lines:
            _hums(client, line["said"], tmp_path)
    question = as_pcm(sound(QUESTION_SECONDS))
    for number in (PRESSES, LISTENS):
        assert compare(_heard(served, number), question).score > 0.9


def _heard(served: Served, number: str) -> npt.NDArray[np.int16]:
    """What a phone heard of its call, which is over."""
    ends = [line for line in served.phone_log() if line["event"] == "end" and line["number"].endswith(number)]
    assert len(ends) == 1
    return read_wav(ends[0]["wav"]).astype(np.int16)


def _hums(client: httpx.Client, link: str, folder: Path) -> None:
    """The recording is what the phone spoke: a tone of 400 Hz."""
    file = folder / "said.wav"
    file.write_bytes(client.get(link, headers={"Authorization": ""}).content)
    heard = read_wav(file)
    assert len(heard) > 8000
    hum = np.sin(2 * np.pi * 400 * np.arange(len(heard)) / 8000) * 1000
    assert compare(heard.astype(np.int16), hum.astype(np.int16)).score > 0.9
    loudest = np.argmax(np.abs(np.fft.rfft(heard))) * 8000 / len(heard)
    assert abs(loudest - 400) < 2
