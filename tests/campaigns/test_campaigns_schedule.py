"""When a campaign starts, and how its date is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ghanti.accounts.errors import InvalidError
from ghanti.campaigns import statuses
from ghanti.campaigns.schedule import bikram_sambat, parse_schedule, start_of
from ghanti.dialing.models import AttemptState, Delivery, Outcome

KATHMANDU = ZoneInfo("Asia/Kathmandu")
NOW = datetime(2025, 7, 9, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (datetime(2025, 7, 9, 14, 46, tzinfo=KATHMANDU), "2082-03-25 at 14:46:00"),
        (datetime(2025, 7, 9, 9, 1, tzinfo=UTC), "2082-03-25 at 14:46:00"),
        (datetime(2025, 7, 8, 18, 14, 59, tzinfo=UTC), "2082-03-24 at 23:59:59"),
        (datetime(2025, 7, 8, 18, 15, tzinfo=UTC), "2082-03-25 at 00:00:00"),
        (datetime(2025, 4, 14, 12, tzinfo=KATHMANDU), "2082-01-01 at 12:00:00"),
        (datetime(2042, 12, 31, 12, tzinfo=KATHMANDU), "2099-09-16 at 12:00:00"),
        (datetime(1970, 1, 1, 12, tzinfo=KATHMANDU), "2026-09-17 at 12:00:00"),
    ],
)
def test_bikram_sambat(moment: datetime, said: str) -> None:
    assert bikram_sambat(moment, KATHMANDU) == said


@pytest.mark.parametrize(
    ("schedule", "start"),
    [
        (None, None),
        (NOW + timedelta(seconds=1), NOW + timedelta(seconds=1)),
        (NOW, None),
        (NOW - timedelta(hours=24), None),
        (NOW.astimezone(KATHMANDU).replace(hour=0, minute=0), None),
    ],
)
def test_start(schedule: datetime | None, start: datetime | None) -> None:
    assert start_of(schedule, NOW) == start


def test_a_start_long_past_is_refused() -> None:
    with pytest.raises(InvalidError):
        start_of(NOW - timedelta(hours=24, seconds=1), NOW)


@pytest.mark.parametrize("written", ["", "x", "2025-13-01", "0001-01-01", "9999-12-31T23:59:59-23:59"])
def test_no_schedules(written: str) -> None:
    with pytest.raises(InvalidError):
        parse_schedule(written, KATHMANDU)


def test_statuses_cover_every_state() -> None:
    assert set(statuses.FINAL) == set(Outcome)
    assert set(statuses.IN_FLIGHT) == set(AttemptState)
    assert set(statuses.SMS_DELIVERY) == set(Delivery)
