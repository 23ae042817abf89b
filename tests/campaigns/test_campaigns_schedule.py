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
BERLIN = ZoneInfo("Europe/Berlin")
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
    assert start_of(schedule, NOW, KATHMANDU) == start


def test_a_start_long_past_is_refused() -> None:
    with pytest.raises(InvalidError):
        start_of(NOW - timedelta(hours=24, seconds=1), NOW, KATHMANDU)


def test_today_may_have_more_than_24_hours() -> None:
    midnight = datetime(2025, 10, 26, tzinfo=BERLIN).astimezone(UTC)
    end = datetime(2025, 10, 26, 23, 59, tzinfo=BERLIN).astimezone(UTC)
    assert end - midnight > timedelta(hours=24)
    assert start_of(midnight, end, BERLIN) is None
    with pytest.raises(InvalidError):
        start_of(midnight, end + timedelta(minutes=2), BERLIN)


@pytest.mark.parametrize(
    ("written", "zone", "meant"),
    [
        ("2025-07-09", KATHMANDU, "2025-07-08T18:15:00Z"),
        ("2025-07-09T14:46", KATHMANDU, "2025-07-09T09:01:00Z"),
        (" 2025-07-09 14:46:30 ", KATHMANDU, "2025-07-09T09:01:30Z"),
        ("2025-07-09T09:01:00.500Z", KATHMANDU, "2025-07-09T09:01:00.5Z"),
        ("2025-07-09T09:01:00.123456789Z", KATHMANDU, "2025-07-09T09:01:00.123456Z"),
        ("2025-07-09T14:46:00+05:45", BERLIN, "2025-07-09T09:01:00Z"),
        ("2025-07-09T11:01", BERLIN, "2025-07-09T09:01:00Z"),
        ("2025-03-30T02:30", BERLIN, "2025-03-30T01:30:00Z"),
        ("2025-10-26T02:30", BERLIN, "2025-10-26T00:30:00Z"),
        ("2042-12-31T23:59:59-12:00", KATHMANDU, "2043-01-01T11:59:59Z"),
    ],
)
def test_times(written: str, zone: ZoneInfo, meant: str) -> None:
    parsed = parse_schedule(written, zone)
    assert parsed == datetime.fromisoformat(meant)
    assert parsed.tzinfo is UTC
    assert bikram_sambat(parsed, zone)


@pytest.mark.parametrize("written", ["", "x", "2025-13-01", "0001-01-01", "9999-12-31T23:59:59-23:59"])
def test_no_schedules(written: str) -> None:
    with pytest.raises(InvalidError):
        parse_schedule(written, KATHMANDU)


def test_statuses_cover_every_state() -> None:
    assert set(statuses.FINAL) == set(Outcome)
    assert set(statuses.IN_FLIGHT) == set(AttemptState)
    assert set(statuses.SMS_DELIVERY) == set(Delivery)
