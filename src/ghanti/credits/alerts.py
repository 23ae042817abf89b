"""When a balance is said to be low, empty or restored: once each until credits come in from outside.

What is held and given back again does not count as coming in, so that nothing is said over and over while
calls go on. An event is a row of the transaction that makes it true; whoever is to be told of events, such
as a web hook, begins at ``_say``.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import parts_repository, repository
from ghanti.credits.models import Alert, Currency, EventKind
from ghanti.credits.schemas import Standing
from ghanti.database.session import after_commit
from ghanti.settings import get_settings

logger = logging.getLogger(__name__)


def threshold(standing: Standing) -> int:
    """At which balance it is low: the account's own, else a percentage of what there was after a purchase."""
    if standing.low is not None:
        return standing.low
    return standing.level * get_settings().low_balance_percent // 100


async def went_out(session: AsyncSession, account_id: int, currency: Currency, after: Standing) -> None:
    """Credits went; called after every entry that takes some."""
    if after.balance == 0:
        await starved(session, account_id, currency, after)
    elif after.alert is Alert.NONE and after.balance <= threshold(after):
        await _set(session, account_id, currency, after, Alert.LOW)


async def starved(
    session: AsyncSession, account_id: int, currency: Currency, after: Standing, plan_id: int | None = None
) -> None:
    """There is nothing left, or too little for a plan to go on."""
    if after.alert is not Alert.EMPTY:
        await _set(session, account_id, currency, after, Alert.EMPTY, plan_id)


async def came_in(session: AsyncSession, account_id: int, currency: Currency, after: Standing) -> None:
    """Credits came from outside, and ``after`` has the level that they made."""
    if after.balance > threshold(after):
        if after.alert is not Alert.NONE:
            await _set(session, account_id, currency, after, Alert.NONE)
    elif after.balance > 0:
        await _set(session, account_id, currency, after, Alert.LOW)


async def set_low(session: AsyncSession, account_id: int, currency: Currency, low: int | None) -> None:
    """Give a currency a threshold of its own, or the default one; says so when the balance is below it."""
    before = await repository.standing(session, account_id, currency)
    await repository.change(session, account_id, currency, low=low)
    after = replace(before, low=low)
    is_low = 0 < after.balance <= threshold(after)
    if is_low and before.alert is Alert.NONE:
        await _set(session, account_id, currency, after, Alert.LOW)
    elif not is_low and before.alert is Alert.LOW:
        await repository.change(session, account_id, currency, alert=Alert.NONE)


async def _set(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    after: Standing,
    alert: Alert,
    plan_id: int | None = None,
) -> None:
    await repository.change(session, account_id, currency, alert=alert)
    kind = EventKind(alert) if alert is not Alert.NONE else EventKind.RESTORED
    await _say(session, account_id, currency, kind, after, plan_id)


async def _say(
    session: AsyncSession,
    account_id: int,
    currency: Currency,
    kind: EventKind,
    after: Standing,
    plan_id: int | None,
) -> None:
    await parts_repository.add_event(session, account_id, currency, kind, after, threshold(after), plan_id)
    told = partial(
        logger.info, "account %d: %s credits are %s, %d left", account_id, currency, kind, after.balance
    )
    after_commit(session, told)
