"""When a campaign starts: reading what callers write, and saying it in the Bikram Sambat calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import nepali_datetime

from ghanti.accounts.errors import InvalidError

LATEST_START = timedelta(hours=24)
"""A start that passed longer ago is refused at run: a mistyped year must never call anybody."""

_FIRST_YEAR, _LAST_YEAR = 1970, 2042
"""Years that both the database and the Bikram Sambat tables hold."""


def parse_schedule(value: str, zone: ZoneInfo) -> datetime:
    """ISO 8601 date or time, in UTC. Without offset it is in ``zone``; a date alone is its midnight there.

    Of a local time that comes twice, as clocks are put back, the first is meant; one that clocks skip, as
    they are put forward, is as much later (PEP 495).

    Raises InvalidError for anything else.
    """
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        raise InvalidError.of(
            "schedule", "Enter a date or a date and time in ISO 8601 form, such as 2025-07-08T14:00:00."
        ) from None
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise InvalidError.of("schedule", f"The year must be between {_FIRST_YEAR} and {_LAST_YEAR}.")
    # In UTC, because a time that a zone skips or has twice equals none in another zone.
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def start_of(schedule: datetime | None, now: datetime, zone: ZoneInfo) -> datetime | None:
    """When a run ordered ``now`` begins: None is at once.

    Raises InvalidError when the schedule passed more than a day ago and was not today, which has 25 hours
    where clocks are put back.
    """
    if schedule is None:
        return None
    if schedule > now:
        return schedule
    today = schedule.astimezone(zone).date() == now.astimezone(zone).date()
    if now - schedule > LATEST_START and not today:
        raise InvalidError.of(
            "schedule", "The scheduled time passed more than 24 hours ago. Set a new one, or null to run now."
        )
    return None


def bikram_sambat(moment: datetime, zone: ZoneInfo) -> str:
    """``2082-03-25 at 14:46:00``: the local date in the Bikram Sambat calendar, and the local time."""
    local = moment.astimezone(zone)
    date = nepali_datetime.date.from_datetime_date(local.date())
    return f"{date.year:04}-{date.month:02}-{date.day:02} at {local:%H:%M:%S}"
