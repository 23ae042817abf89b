"""Plans of what was deleted: their rows go in the background, a batch a transaction.

Such a plan is finished, with the reason ``deleted``, and no list shows it: what a process that is killed
between two batches leaves behind, the next one finds.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.session import SessionFactory, transaction

BATCH = 1000
"""Targets, with their attempts and legs, that one transaction removes."""


async def remove_deleted(sessions: SessionFactory, batch: int = BATCH) -> None:
    """Remove all plans of what was deleted that have ended; no balance is locked for it."""
    while True:
        async with transaction(sessions) as session:
            if not await _remove(session, batch):
                return


async def _remove(session: AsyncSession, batch: int) -> bool:
    """Remove a batch of one plan's targets, with the last of them the plan; answers whether there was one."""
    plan = (
        await session.execute(
            text(
                """
                SELECT account_id, id AS plan_id FROM plans
                 WHERE state = 'finished' AND state_reason = 'deleted'
                 ORDER BY account_id, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
                """
            )
        )
    ).one_or_none()
    if plan is None:
        return False
    key = {"account_id": plan.account_id, "plan_id": plan.plan_id}
    gone = await session.execute(
        text(
            """
            DELETE FROM targets WHERE (account_id, id) IN (
                   SELECT account_id, id FROM targets
                    WHERE account_id = :account_id AND plan_id = :plan_id LIMIT :batch)
            """
        ),
        {**key, "batch": batch},
    )
    if gone.rowcount < batch:  # type: ignore[attr-defined]
        await session.execute(text("DELETE FROM plans WHERE account_id = :account_id AND id = :plan_id"), key)
    return True
