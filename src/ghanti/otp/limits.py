"""Limits against pumping: how often an account may send, to one number, to numbers alike, and in all.

They are counted in the database under a lock of the account's, so that requests at once, also to
several processes, can't pass them together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import ThrottledError
from ghanti.otp import repository
from ghanti.otp.schemas import Limit, Scope
from ghanti.settings import Settings

_TEN_MINUTES, _DAY = 600, 86_400


def limits_of(settings: Settings) -> list[Limit]:
    """The limits in force; a setting of 0 is none."""
    every = (
        Limit(Scope.NUMBER, 1, settings.otp_gap_seconds),
        Limit(Scope.NUMBER, settings.otp_number_limit, _TEN_MINUTES),
        Limit(Scope.PREFIX, settings.otp_prefix_limit, _TEN_MINUTES),
        Limit(Scope.ACCOUNT, settings.otp_minute_limit, 60),
        Limit(Scope.ACCOUNT, settings.otp_day_limit, _DAY),
    )
    return [limit for limit in every if limit.most and limit.seconds]


async def check(session: AsyncSession, account_id: int, number: str, limits: Sequence[Limit]) -> None:
    """Let one more pass, or raise ThrottledError with the limit that lasts longest.

    Whoever passes holds the account's lock until the transaction ends, with its row in it.
    """
    await repository.lock_account(session, account_id)
    waits = await repository.waits(session, account_id, number, limits)
    seconds, limit = max(zip(waits, limits, strict=True), key=lambda pair: pair[0], default=(0.0, None))
    if limit is not None and seconds > 0:
        raise ThrottledError(f"{limit.sentence} Try again later.", max(1, math.ceil(seconds)))
