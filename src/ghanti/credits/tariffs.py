"""The rules of tariffs: the operator's prices by prefix, each from a moment on.

Whoever reckons what something will cost asks ``current(…)`` for the number's tariff. What was held is
charged by the price that it was held at, which targets and attempts keep: a new price holds for what is
made ready after it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, Pool
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import tariff_repository as repository
from ghanti.credits.tariff import EVERYTHING, Tariff, Tariffs
from ghanti.database.session import after_commit
from ghanti.settings import Settings

MOST_DIGITS = 15
"""Of an international number (E.164), and so of a prefix."""

MOST_PREFIXES = 5000
LONGEST_PULSE = 3600
DEAREST = 1_000_000

_KEPT_SECONDS = 2.0
"""For how long a process reckons by what it has read."""

_SEPARATORS = re.compile(r"[\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\-\u2010-\u2015\u2212.()]+")
_DIGIT = re.compile(r"\d")

_kept: WeakKeyDictionary[Pool, tuple[float, Tariffs]] = WeakKeyDictionary()


class TariffError(Exception):
    """A tariff that cannot be; the message says why."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A prefix and its tariff from a moment on; None where it has none of its own from then on."""

    prefix: str
    tariff: Tariff | None
    valid_from: datetime


async def current(session: AsyncSession, settings: Settings) -> Tariffs:
    """The tariffs in force, as this process read them at most two seconds ago.

    Where nobody has set any yet, the settings become the tariff of everything.
    """
    pool = _pool(session)
    read, tariffs = _kept.get(pool, (0.0, None))
    if tariffs is None or time.monotonic() - read > _KEPT_SECONDS:
        read, tariffs = time.monotonic(), await _read(session, settings)
        _kept[pool] = read, tariffs
    return tariffs


async def establish(session: AsyncSession, settings: Settings) -> None:
    """Make the settings the tariff of everything in an installation that has none; else they mean nothing."""
    await repository.found(
        session,
        Tariff(settings.pulse_seconds, settings.credits_per_pulse, settings.credits_per_segment),
    )


async def in_force(session: AsyncSession, settings: Settings) -> list[Priced]:
    """What holds now, by prefix, the tariff of everything first."""
    rows = await repository.in_force(session)
    if not any(row.prefix == EVERYTHING for row in rows):
        await establish(session, settings)
        rows = await repository.in_force(session)
    return [_priced(row) for row in rows]


async def to_come(session: AsyncSession) -> list[Priced]:
    """What will hold later, the next first."""
    return [_priced(row) for row in await repository.to_come(session)]


async def put(
    session: AsyncSession, prices: Sequence[tuple[str, Tariff]], valid_from: datetime | None = None
) -> list[Priced]:
    """Price prefixes from a moment on, at once without one; answers what was changed or planned thereby.

    Raises TariffError; then none is changed.
    """
    wanted: dict[str, Tariff] = {}
    for written, tariff in prices:
        prefix = read_prefix(written)
        if wanted.setdefault(prefix, tariff) != tariff:
            raise TariffError(f"the prefix {prefix or 'of everything'} has two prices")
        check(tariff)
    since = await _moment(session, valid_from)
    has = {row.prefix: _tariff(row) for row in await repository.in_force(session)}
    if len(has.keys() | wanted.keys()) > MOST_PREFIXES:
        raise TariffError(f"more than {MOST_PREFIXES} prefixes")
    changed = {
        prefix: tariff
        for prefix, tariff in wanted.items()
        if valid_from is not None or has.get(prefix) != tariff
    }
    await repository.add(session, list(changed.items()), since)
    _forget_after(session)
    return [Priced(prefix, tariff, since) for prefix, tariff in changed.items()]


async def remove(session: AsyncSession, written: str, valid_from: datetime | None = None) -> bool:
    """Let a prefix cost what shorter ones do, from a moment on, and drop what was planned for it after that.

    Answers whether that changes anything. Raises TariffError.
    """
    prefix = read_prefix(written)
    if prefix == EVERYTHING:
        raise TariffError("the tariff of everything stays; set it to another price")
    since = await _moment(session, valid_from)
    dropped = await repository.drop_planned(session, prefix, since)
    known = [*await repository.in_force(session), *await repository.to_come(session)]
    held = any(row.prefix == prefix for row in known)
    if held:
        await repository.add(session, [(prefix, None)], since)
    _forget_after(session)
    return held or dropped > 0


def read_prefix(written: str) -> str:
    """The digits of a prefix in international form, as in ``+977 984``, ``00977984`` or ``977-984``.

    Nothing, or ``*``, is the prefix of every number. Raises TariffError.
    """
    cleaned = _SEPARATORS.sub("", written).replace("＋", "+")
    cleaned = _DIGIT.sub(lambda digit: str(int(digit[0])), cleaned)
    if cleaned in (EVERYTHING, "*"):
        return EVERYTHING
    digits = cleaned.removeprefix("+")
    digits = digits.removeprefix("00") if digits == cleaned else digits
    if not digits or not digits.isascii() or not digits.isdigit():
        raise TariffError(f"{written!r} is no prefix: it has digits only, and perhaps a plus before them")
    if digits.startswith("0"):
        raise TariffError(f"{written!r} is no prefix: it begins with a country code, as in 977984")
    if len(digits) > MOST_DIGITS:
        raise TariffError(f"{written!r} is no prefix: no number has more than {MOST_DIGITS} digits")
    return digits


def check(tariff: Tariff) -> None:
    """Raises TariffError for a tariff that nothing can be reckoned by."""
    if not 0 < tariff.pulse_seconds <= LONGEST_PULSE:
        raise TariffError(f"a pulse has 1 to {LONGEST_PULSE} seconds, not {tariff.pulse_seconds}")
    for name, value in (
        ("credits_per_pulse", tariff.credits_per_pulse),
        ("credits_per_segment", tariff.credits_per_segment),
    ):
        if not 0 <= value <= DEAREST:
            raise TariffError(f"{name} is 0 (free) to {DEAREST}, not {value}")


async def _moment(session: AsyncSession, valid_from: datetime | None) -> datetime:
    """From when on; never in the past, where something was reckoned by another price already."""
    now = await repository.clock(session)
    if valid_from is not None and valid_from < now:
        raise TariffError(f"{valid_from.isoformat()} is past; a tariff holds from now on, or from later")
    return valid_from or now


async def _read(session: AsyncSession, settings: Settings) -> Tariffs:
    return Tariffs({p.prefix: p.tariff for p in await in_force(session, settings) if p.tariff is not None})


def _priced(row: Any) -> Priced:
    return Priced(row.prefix, None if row.pulse_seconds is None else _tariff(row), row.valid_from)


def _tariff(row: Any) -> Tariff:
    return Tariff(row.pulse_seconds, row.credits_per_pulse, row.credits_per_segment)


def _pool(session: AsyncSession) -> Pool:
    engine = session.sync_session.get_bind()
    assert isinstance(engine, Engine)
    return engine.pool


def _forget_after(session: AsyncSession) -> None:
    """What this process changes it reckons by at once."""
    pool = _pool(session)

    def forget() -> None:
        _kept.pop(pool, None)

    after_commit(session, forget)
