"""What an account did in its last days: calls, texts, what was heard of them, and what they cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns import statuses
from ghanti.campaigns.models import CampaignStatus, Services
from ghanti.credits import service as credits
from ghanti.credits.models import Currency
from ghanti.credits.repository import Balances
from ghanti.dialing.models import Channel
from ghanti.reports import dashboard_repository as repository
from ghanti.reports.dashboard_repository import AttemptSums, CreditDay

QUARTERS = ("0-25", "25-50", "50-75", "75-100")


@dataclass(frozen=True, slots=True)
class BestCampaign:
    id: int
    name: str
    services: str
    completion_percent: float
    completed: int
    ended: int


@dataclass(frozen=True, slots=True)
class Playback:
    """What the called heard: ``calls`` answered ones that are over, ``percent`` of the message on average."""

    seconds: int
    calls: int
    percent: float


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Figures of a period: the account's today and the days before it.

    Attributes:
        purchased: Credits bought, of both currencies; ``used`` likewise, holds of calls under way included.
        remaining: What is left now.
        campaigns: Of those that changed, how many there are by status.
        calls: Calls that left; ``texts`` likewise.
        duration: Of all answered calls, from answer to end.
        credits_a_call: Phone credits charged for a call, on average.
        heard: Answered calls by how much of the message was heard, by quarters in percent.
        services: Campaigns that changed by what they are, in percent.
        outcomes: Calls that are over, by their status on the wire.
        usage: Every day with the phone and the SMS credits it used, the oldest first.
    """

    purchased: int
    used: int
    remaining: Balances
    campaigns: Mapping[str, int]
    calls: int
    texts: int
    duration: timedelta
    numbers: int
    playback: Playback
    credits_a_call: float
    best: BestCampaign | None
    heard: Mapping[str, int]
    services: Mapping[str, float]
    outcomes: Mapping[str, int]
    usage: Sequence[tuple[date, int, int]]


async def dashboard(session: AsyncSession, account_id: int, zone: ZoneInfo, days: int) -> Dashboard:
    """The figures of an account's last ``days`` days, today among them."""
    today = datetime.now(UTC).astimezone(zone).date()
    first = today - timedelta(days=days - 1)
    since = datetime.combine(first, time(), zone)
    sums = await repository.attempts(session, account_id, since)
    spending = await repository.credit_days(session, account_id, since, zone)
    changed = await repository.campaigns(session, account_id, since)
    calls = [entry for entry in sums if entry.channel == Channel.CALL]
    called = sum(entry.attempts for entry in calls)
    return Dashboard(
        purchased=sum(entry.bought for entry in spending),
        used=sum(entry.spent for entry in spending),
        remaining=await credits.balances(session, account_id),
        campaigns=_by_status(changed),
        calls=called,
        texts=sum(entry.attempts for entry in sums if entry.channel == Channel.SMS),
        duration=timedelta(milliseconds=sum(entry.duration_ms for entry in calls)),
        numbers=await repository.owned_numbers(session, account_id),
        playback=_playback(calls),
        credits_a_call=round(sum(entry.charged for entry in calls) / called, 3) if called else 0.0,
        best=_best(await repository.best_campaign(session, account_id, since)),
        heard={name: sum(entry.heard[index] for entry in calls) for index, name in enumerate(QUARTERS)},
        services=_by_services(changed),
        outcomes=_outcomes(calls),
        usage=_usage(spending, first, days),
    )


def _by_status(changed: Sequence[Any]) -> dict[str, int]:
    counts = {str(status): 0 for status in CampaignStatus}
    for row in changed:
        counts[row.status] += row.campaigns
    return {"total": sum(counts.values()), **counts}


def _by_services(changed: Sequence[Any]) -> dict[str, float]:
    counts = {str(services): 0 for services in Services}
    for row in changed:
        counts[row.services] += row.campaigns
    total = sum(counts.values()) or 1
    return {services: round(100 * count / total, 1) for services, count in counts.items()}


def _playback(calls: Sequence[AttemptSums]) -> Playback:
    heard = sum(sum(entry.heard) for entry in calls)
    return Playback(
        seconds=sum(entry.played_ms for entry in calls) // 1000,
        calls=heard,
        percent=round(sum(entry.percents for entry in calls) / heard, 1) if heard else 0.0,
    )


def _best(row: Any) -> BestCampaign | None:
    if row is None:
        return None
    percent = round(100 * row.completed / row.ended, 1)
    return BestCampaign(row.id, row.name, row.services, percent, row.completed, row.ended)


def _outcomes(calls: Sequence[AttemptSums]) -> dict[str, int]:
    counts = dict.fromkeys(statuses.FINAL.values(), 0)
    for entry in calls:
        if entry.outcome is not None:
            counts[statuses.FINAL[entry.outcome]] += entry.attempts  # type: ignore[index]
    return counts


def _usage(spending: Sequence[CreditDay], first: date, days: int) -> list[tuple[date, int, int]]:
    spent: dict[tuple[date, str], int] = defaultdict(int)
    for entry in spending:
        spent[entry.day, entry.currency] = entry.spent
    every = (first + timedelta(days=number) for number in range(days))
    return [(day, spent[day, Currency.PHONE], spent[day, Currency.SMS]) for day in every]
