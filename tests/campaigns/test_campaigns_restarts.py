"""Scheduled campaigns and a server that is not always there: killed before the start, or stopped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from serving import Served, wait_until


def _scheduled(served: Served, seconds: float) -> tuple[int, datetime]:
    """A campaign of one message that was run and starts in so many seconds; its id and its start."""
    starts = datetime.now(UTC) + timedelta(seconds=seconds)
    body: dict[str, Any] = {
        "name": "scheduled",
        "services": "SMS",
        "user_phone": [served.number_id],
        "sms_message": "नमस्ते",
        "schedule": starts.isoformat(),
    }
    with served.client() as client:
        campaign = client.post("campaign/create/", json=body).json()["id"]
        added = client.post(f"campaign/{campaign}/add-contact/", json={"number": "9841000001"})
        assert added.status_code == 201, added.text
        run = client.post(f"run-campaign/{campaign}/")
        assert "Scheduled successfully" in run.json()["message"], run.text
    return campaign, starts


def _status(served: Served, campaign: int) -> str:
    with served.client() as client:
        return str(client.get(f"campaign/{campaign}/").json()["status"])


def _sent(served: Served, campaign: int) -> datetime:
    """When its message left, once it is over."""
    wait_until(lambda: _status(served, campaign) == "Completed", "the campaign is over")
    with served.connect() as connection:
        rows = connection.execute(
            "SELECT a.sent_at FROM attempts a"
            " JOIN plans p ON p.account_id = a.account_id AND p.id = a.plan_id"
            " WHERE p.owner_kind = 'campaign' AND p.owner_id = %s",
            [campaign],
        ).fetchall()
    assert len(rows) == 1
    moment: datetime = rows[0][0]
    return moment


@pytest.mark.timeout(400)
def test_scheduled_campaigns_outlive_the_server(data_folder: Path) -> None:
    served = Served(data_folder)
    served.start()
    served.wait_ready()
    served.make_account()
    try:
        missed, starts = _scheduled(served, 3)
        later, much_later = _scheduled(served, 60)
        served.kill_everything()
        wait_until(lambda: datetime.now(UTC) > starts, "the first start passed unserved")
        served.start()
        served.wait_ready()
        assert _sent(served, missed) > starts

        assert _status(served, later) == "Scheduled"
        assert served.stop() == 0
        served.start()
        served.wait_ready()
        assert datetime.now(UTC) > much_later or _status(served, later) == "Scheduled"
        assert _sent(served, later) >= much_later
    finally:
        served.close()
