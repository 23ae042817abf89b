"""An Audio campaign from the upload to the phones that hear it."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from audio_files import as_pcm, audio_file, sound
from ghanti.media.correlate import similarity
from recordings import read_wav
from serving import Served, wait_until

SECONDS = 6


def heard(served: Served, numbers: set[str]) -> dict[str, str]:
    """The recordings of the phones that took a call and whose call is over, by number."""
    ended = [line for line in served.phone_log() if line["event"] == "end" and line["number"] in numbers]
    return {line["number"]: line["wav"] for line in ended if line.get("wav")}


@pytest.mark.parametrize(("kind", "prefix"), [("mp3", "98413100"), ("m4a", "98413200")])
def test_every_phone_hears_the_uploaded_file(served: Served, kind: str, prefix: str) -> None:
    numbers = [f"{prefix}{ending:02d}" for ending in range(10, 15)]
    with served.client() as http:
        campaign = _campaign(http, audio_file(kind, SECONDS), str(served.number_id))
        added = http.post(
            f"campaign/{campaign['id']}/add-contact/",
            json={"contacts": [{"number": number} for number in numbers]},
        )
        assert added.status_code == 201, added.text
        run = http.post(f"run-campaign/{campaign['id']}/")
        assert run.status_code == 200, run.text
        wait_until(
            lambda: http.get(f"campaign/{campaign['id']}/").json()["status"] == "Completed",
            "the campaign is over",
        )
        page = http.get(f"campaign-detail/{campaign['id']}/").json()
        for contact in page["results"]:
            assert (contact["status"], contact["playback"], contact["credit_consumed"]) == (
                "completed",
                "100",
                1,
            )
    called = {f"+977{number}" for number in numbers}
    wait_until(lambda: heard(served, called).keys() == called, "every phone has its recording")
    original, other = as_pcm(sound(SECONDS)), as_pcm(sound(SECONDS, seed=2))
    for wav in heard(served, called).values():
        recording = read_wav(wav).astype(np.int16)
        assert similarity(recording, original) > 0.9
        assert similarity(recording, other) < 0.5


def _campaign(http: httpx.Client, data: bytes, phone: str) -> dict[str, Any]:
    form = {"name": "audio", "services": "PHONE", "category": "Audio", "user_phone": [phone]}
    answer = http.post("campaign/create/", data=form, files={"audio_file": ("message", data)})
    assert answer.status_code == 201, answer.text
    campaign: dict[str, Any] = answer.json()
    assert http.get(campaign["audio_file"]).content == data
    return campaign
