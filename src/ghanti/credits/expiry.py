"""Credits that expire: those that do so first are spent first, and what is left of them goes.

Whose credits a call spends is worked out only when it matters, so that holding and settling know nothing of
it. Between two moments at which credits come in or expire they are only spent; what is unspent is then the
most lasting of what there was. At expiry, live attempts hold what expires first: that part of a lot becomes
``stale``, which a settlement spends or lets expire, but never gives back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import alerts, parts_repository, repository
from ghanti.credits.models import Currency, EntryKind
from ghanti.credits.schemas import Lot, Standing
from ghanti.database.session import SessionFactory, transaction

_ACCOUNTS = 100
"""Accounts and currencies looked up at a time."""


def shared(lots: Sequence[Lot], standing: Standing) -> tuple[list[Lot], int]:
    """Which lots are unspent, by how much, and how much is that never expires.

    What no purchase explains never expires.
    """
    lasting = min(standing.lasting, standing.unspent)
    left = standing.unspent - lasting
    kept: list[Lot] = []
    for lot in reversed(lots):
        unspent = min(lot.unspent, left)
        left -= unspent
        if unspent:
            kept.insert(0, replace(lot, unspent=unspent))
    return kept, lasting + left


async def share(
    session: AsyncSession, account_id: int, currency: Currency, standing: Standing
) -> tuple[list[Lot], int]:
    """What is ``shared`` now, written down; lots that are spent are forgotten. The balance is locked."""
    lots = await parts_repository.lots(session, account_id, currency)
    kept, lasting = shared(lots, standing)
    unspent = {lot.id: lot.unspent for lot in kept}
    for lot in lots:
        if unspent.get(lot.id, 0) != lot.unspent:
            await parts_repository.set_lot(session, account_id, lot.id, unspent.get(lot.id, 0))
    return kept, lasting


async def expire_due(sessions: SessionFactory) -> None:
    """Let everything expire whose time has come; any number of processes may do so at once."""
    while True:
        async with transaction(sessions) as session:
            found = await parts_repository.due(session, _ACCOUNTS)
        for account_id, currency in found:
            async with transaction(sessions) as session:
                await _expire(session, account_id, currency)
        if len(found) < _ACCOUNTS:
            return


async def settle_stale(
    session: AsyncSession, account_id: int, currency: Currency, after: Standing, spent: int, held: int
) -> None:
    """Of a settlement of ``held`` credits, ``spent`` for good, let the rest go as far as it has expired."""
    unspent = max(after.stale - spent, 0)
    gone = min(unspent, held - spent)
    if after.stale:
        await repository.change(session, account_id, currency, stale=unspent - gone)
    if gone:
        cause = "expired while it was held"
        after = await repository.enter(session, account_id, currency, EntryKind.EXPIRE, -gone, cause)
        await alerts.went_out(session, account_id, currency, after)


async def _expire(session: AsyncSession, account_id: int, currency: Currency) -> None:
    after = await repository.standing(session, account_id, currency)
    lots, lasting = await share(session, account_id, currency, after)
    due = [lot for lot in lots if lot.due]
    stale = after.stale
    for lot in due:
        held = min(lot.unspent, after.held - stale)
        stale += held
        await parts_repository.set_lot(session, account_id, lot.id, 0)
        if lot.unspent > held:
            after = await repository.enter(
                session,
                account_id,
                currency,
                EntryKind.EXPIRE,
                held - lot.unspent,
                f"expired: bought on {lot.created_at:%Y-%m-%d}, good until {lot.expires_at:%Y-%m-%d}",
                reference=lot.reference,
            )
    if due:
        await repository.change(session, account_id, currency, stale=stale, lasting=lasting)
        await alerts.went_out(session, account_id, currency, after)
