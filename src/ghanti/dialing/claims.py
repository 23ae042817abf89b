"""Locks for those who must never wait for one: what somebody else holds is left for the next time.

Some transactions hold an account's balance or a plan for long. Whoever serves many accounts in turn would,
waiting for one of them, keep all the others waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import service as credits

PlanKey = tuple[int, int]
"""Account and plan."""

_PATIENCE_SECONDS = 0.02
_ASK_SECONDS = 0.004


class Claims:
    """Locks plans, each after its account's balance; it remembers only what was held the last time."""

    def __init__(self) -> None:
        self._held: set[PlanKey] = set()

    async def drop_held(self, session: AsyncSession, due: Collection[PlanKey]) -> set[PlanKey]:
        """Those of the due plans that may have a turn: all but what was held the last time, and still is."""
        asked = self._held & set(due)
        self._held = asked - await claim(session, asked)
        return set(due) - self._held

    async def take(self, session: AsyncSession, wanted: Collection[PlanKey]) -> set[PlanKey]:
        """Lock what nobody else holds; answers which.

        Most locks are gone in some milliseconds, so it asks for that long; for what is held longer, once.
        """
        missing = set(wanted)
        end = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while missing := missing - await claim(session, missing):
            if asyncio.get_running_loop().time() >= end:
                break
            await asyncio.sleep(_ASK_SECONDS)
        self._held |= missing
        return set(wanted) - missing


async def claim(session: AsyncSession, wanted: Collection[PlanKey]) -> set[PlanKey]:
    """Lock balances, then plans, of which nobody else holds either; answers which plans. It never waits."""
    if not wanted:
        return set()
    free = await credits.lock_free(session, sorted({account_id for account_id, _ in wanted}))
    keys = sorted(key for key in wanted if key[0] in free)
    rows = await session.execute(
        text(
            """
            SELECT p.account_id, p.id
              FROM unnest(CAST(:accounts AS bigint[]), CAST(:ids AS bigint[])) AS v (account_id, id)
              JOIN plans p ON p.account_id = v.account_id AND p.id = v.id
             ORDER BY p.account_id, p.id FOR NO KEY UPDATE OF p SKIP LOCKED
            """
        ),
        {"accounts": [account_id for account_id, _ in keys], "ids": [plan_id for _, plan_id in keys]},
    )
    return {(row.account_id, row.id) for row in rows}
