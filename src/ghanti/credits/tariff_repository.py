"""The SQL of tariffs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits.tariff import EVERYTHING, Tariff
from ghanti.credits.tariff_models import TariffVersion

_FOUNDING_LOCK = 0x7461726966


async def in_force(session: AsyncSession) -> Sequence[Any]:
    """Of each prefix that has prices now the version that holds, by prefix."""
    rows = await session.execute(
        text(
            """
            SELECT prefix, pulse_seconds, credits_per_pulse, credits_per_segment, valid_from
              FROM (SELECT DISTINCT ON (prefix) * FROM tariffs WHERE valid_from <= clock_timestamp()
                     ORDER BY prefix, valid_from DESC, id DESC) newest
             WHERE pulse_seconds IS NOT NULL ORDER BY prefix COLLATE "C"
            """
        )
    )
    return rows.all()


async def to_come(session: AsyncSession) -> Sequence[Any]:
    """Versions that are not in force yet, the next first; without prices where a prefix will be removed."""
    rows = await session.execute(
        text(
            """
            SELECT prefix, pulse_seconds, credits_per_pulse, credits_per_segment, valid_from
              FROM tariffs WHERE valid_from > clock_timestamp() ORDER BY valid_from, id
            """
        )
    )
    return rows.all()


async def found(session: AsyncSession, tariff: Tariff) -> None:
    """Make the tariff of everything, unless there is one. Of two at once the first makes it."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _FOUNDING_LOCK})
    await session.execute(
        text(
            """
            INSERT INTO tariffs (prefix, pulse_seconds, credits_per_pulse, credits_per_segment)
            SELECT :prefix, :pulse_seconds, :credits_per_pulse, :credits_per_segment
             WHERE NOT EXISTS (SELECT FROM tariffs WHERE prefix = :prefix)
            """
        ),
        {
            "prefix": EVERYTHING,
            "pulse_seconds": tariff.pulse_seconds,
            "credits_per_pulse": tariff.credits_per_pulse,
            "credits_per_segment": tariff.credits_per_segment,
        },
    )


async def clock(session: AsyncSession) -> datetime:
    now: datetime = (await session.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return now


async def add(
    session: AsyncSession, prices: Sequence[tuple[str, Tariff | None]], valid_from: datetime
) -> None:
    """Versions from a moment on; without a tariff the prefix has none of its own."""
    session.add_all(
        TariffVersion(
            prefix=prefix,
            pulse_seconds=tariff and tariff.pulse_seconds,
            credits_per_pulse=tariff and tariff.credits_per_pulse,
            credits_per_segment=tariff and tariff.credits_per_segment,
            valid_from=valid_from,
        )
        for prefix, tariff in prices
    )
    await session.flush()


async def drop_planned(session: AsyncSession, prefix: str, since: datetime) -> int:
    """Forget versions that were to come into force then or later; answers how many."""
    dropped = await session.scalars(
        delete(TariffVersion)
        .where(TariffVersion.prefix == prefix, TariffVersion.valid_from >= since)
        .returning(TariffVersion.id)
    )
    return len(dropped.all())
