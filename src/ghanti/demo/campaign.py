"""The campaign, ordered over HTTP with the calls that a TingTing client makes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ghanti.demo.people import MESSAGE, SMS_MESSAGE
from ghanti.demo.server import DemoError

CAMPAIGN_SECONDS = 300
_POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Progress:
    """What the campaign list and the contact list say at one moment."""

    status: str
    percent: int
    contacts: list[dict[str, Any]]
    credits: int


class DemoCampaign:
    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.Client(
            base_url=f"{url}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        self.id = 0
        self.voice: dict[str, Any] = {}

    def create(self) -> None:
        dialers = self._call("GET", "active-broker-phone/")
        self.voice = self._call("GET", "voice-models/")[0]
        made = self._call(
            "POST",
            "campaign/create/",
            json={
                "name": "खानेपानी महसुल",
                "services": "SMS & PHONE",
                "user_phone": [dialer["id"] for dialer in dialers],
                "message": MESSAGE,
                "sms_message": SMS_MESSAGE,
                "description": "ghanti demo",
            },
        )
        self.id = made["id"]
        self._call(
            "PATCH",
            f"campaign/create/{self.id}/message/",
            json={"voice": self.voice["id"], "category": "Text"},
        )

    def upload(self, workbook: Path) -> dict[str, Any]:
        with workbook.open("rb") as file:
            answer: dict[str, Any] = self._call(
                "PATCH", f"campaign/create/{self.id}/detail/", files={"bulk_file": (workbook.name, file)}
            )
        return answer

    def run(self) -> dict[str, Any]:
        answer: dict[str, Any] = self._call("POST", f"run-campaign/{self.id}/")
        return answer

    def watch(self) -> Iterator[Progress]:
        """Progress until the campaign is over. Raises DemoError when it takes too long."""
        deadline = time.monotonic() + CAMPAIGN_SECONDS
        while time.monotonic() < deadline:
            progress = self.progress()
            yield progress
            if progress.status in ("Completed", "Terminated"):
                return
            time.sleep(_POLL_SECONDS)
        raise DemoError(f"the campaign was not over after {CAMPAIGN_SECONDS} s")

    def progress(self) -> Progress:
        campaign = self._call("GET", f"campaign/{self.id}/")
        contacts: list[dict[str, Any]] = []
        credits = 0
        page: dict[str, Any] = {"next": f"campaign-detail/{self.id}/?limit=100"}
        while page["next"]:
            page = self._call("GET", page["next"])
            contacts += page["results"]
            credits = page["total_credits_consumed"]
        return Progress(campaign["status"], campaign["progress_percent"], contacts, credits)

    def report(self, path: Path) -> None:
        response = self._http.get(f"download/report/{self.id}/")
        _check(response)
        path.write_bytes(response.content)

    def _call(self, method: str, path: str, **arguments: Any) -> Any:
        response = self._http.request(method, path, **arguments)
        _check(response)
        return response.json()


def _check(response: httpx.Response) -> None:
    if not response.is_success:
        raise DemoError(f"{response.request.method} {response.url}: {response.status_code} {response.text}")
