"""What an account is told of its credits: what there is, how long it lasts, and every entry."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import alerts, expiry, parts_repository, repository
from ghanti.credits import statement_repository as entries
from ghanti.credits.models import CreditEvent, Currency
from ghanti.credits.schemas import Standing
from ghanti.database.session import SessionFactory, transaction

HEADER: Final = ("time", "kind", "currency", "amount", "balance_after", "cause", "reference")
_LATELY_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class Period:
    """Days of an account, both included; None is without end."""

    first: date | None = None
    last: date | None = None

    def since(self, zone: ZoneInfo) -> datetime | None:
        return datetime.combine(self.first, time(), zone) if self.first else None

    def until(self, zone: ZoneInfo) -> datetime | None:
        """The moment at which the last day is over."""
        return datetime.combine(self.last + timedelta(days=1), time(), zone) if self.last else None


@dataclass(frozen=True, slots=True)
class Overview:
    """One currency of an account.

    Attributes:
        low: The balance at which it is low.
        expiring: Credits that expire first, and when; None when none do.
        days_left: How long the balance lasts at the pace of the last seven days; None if none was used.
    """

    standing: Standing
    low: int
    expiring: tuple[int, datetime] | None
    days_left: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a figure that is kept is not what its entries make of it."""

    account_id: int
    currency: Currency
    what: str
    kept: int
    found: int


async def overview(session: AsyncSession, account_id: int) -> dict[Currency, Overview]:
    """Of each currency. Raises LookupError for an account that was never opened."""
    used = await entries.spent(session, account_id, _LATELY_DAYS)
    found = await repository.standings(session, account_id)
    told = {}
    for currency, standing in found.items():
        lots, _ = expiry.shared(await parts_repository.lots(session, account_id, currency), standing)
        first = lots[0].expires_at if lots else None
        pace = used.get(currency, 0) / _LATELY_DAYS
        told[currency] = Overview(
            standing,
            alerts.threshold(standing),
            (sum(lot.unspent for lot in lots if lot.expires_at == first), first) if first else None,
            round(standing.balance / pace, 1) if pace > 0 else None,
        )
    return told


async def page(
    session: AsyncSession, account_id: int, period: Period, zone: ZoneInfo, limit: int, offset: int
) -> tuple[int, Sequence[Any]]:
    """How many entries the period has, and a page of them, the newest first."""
    return await entries.page(session, account_id, period.since(zone), period.until(zone), limit, offset)


async def events(
    session: AsyncSession, account_id: int, limit: int, offset: int
) -> tuple[int, Sequence[CreditEvent]]:
    """How many events there were, and a page of them, the newest first."""
    return await parts_repository.events(session, account_id, limit, offset)


async def as_csv(
    sessions: SessionFactory, account_id: int, period: Period, zone: ZoneInfo
) -> AsyncGenerator[bytes, None]:
    """The entries of a period, the oldest first, in UTF-8 with a byte order mark.

    The transaction is the generator's own and lasts as long as it does.
    """
    async with transaction(sessions) as session, aclosing(lines(session, account_id, period, zone)) as chunks:
        async for chunk in chunks:
            yield chunk


async def lines(
    session: AsyncSession, account_id: int, period: Period, zone: ZoneInfo
) -> AsyncGenerator[bytes, None]:
    """As ``as_csv``, in a transaction of the caller's."""
    yield b"\xef\xbb\xbf" + ",".join(HEADER).encode() + b"\n"
    rows = entries.lines(session, account_id, period.since(zone), period.until(zone), zone)
    async with aclosing(rows):
        async for chunk in rows:
            yield chunk


async def check(session: AsyncSession) -> list[Difference]:
    """Compare every account with its ledger, as of one moment: first in a transaction."""
    await entries.begin_check(session)
    return [
        Difference(row.account_id, Currency(row.currency), row.what, row.kept, row.found)
        for row in await entries.differing(session)
    ]


async def check_held(session: AsyncSession, found: Mapping[tuple[int, Currency], int]) -> list[Difference]:
    """Compare what accounts have held with what live attempts hold; after ``check``."""
    kept = await entries.held(session)
    return [
        Difference(*key, "held", kept.get(key, 0), found.get(key, 0))
        for key in sorted({*kept, *found})
        if kept.get(key, 0) != found.get(key, 0)
    ]
