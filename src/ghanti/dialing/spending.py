"""What plans have spent and hold, and what may be charged that nothing is held for any more.

All of it stands still while the account's balance is locked: whatever holds, charges or gives back locks it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import service as credits
from ghanti.credits.models import Currency
from ghanti.dialing import attempts


async def committed(session: AsyncSession, account_id: int, plan_id: int) -> int:
    """What the plan has spent, plus what its live attempts hold."""
    total = await session.scalar(
        text(
            """
            SELECT (SELECT coalesce(sum(credits), 0) FROM plan_figures
                     WHERE account_id = :account_id AND plan_id = :plan_id)
                 + (SELECT coalesce(sum(a.held), 0)
                      FROM targets t JOIN attempts a ON a.account_id = t.account_id AND a.id = t.attempt_id
                     WHERE t.account_id = :account_id AND t.plan_id = :plan_id AND t.state = 'active')
            """
        ),
        {"account_id": account_id, "plan_id": plan_id},
    )
    return int(total or 0)


class LateCharges:
    """Charges of one transaction for what ended before: what was held then may be held by others now."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session
        self._balances: dict[tuple[int, Currency], int] = {}
        self._limits: dict[tuple[int, int], int] = {}

    async def take(self, row: Any, cost: int) -> int:
        """Of what an attempt cost, that which its balance and its plan's credit limit still bear."""
        balance = (row.account_id, attempts.currency(row.channel))
        if balance not in self._balances:
            self._balances[balance] = (await credits.balances(self._session, row.account_id)).of(balance[1])
        cost = min(cost, self._balances[balance])
        if row.credit_limit is not None:
            plan = (row.account_id, row.plan_id)
            if plan not in self._limits:
                spent = await committed(self._session, *plan)
                self._limits[plan] = max(0, row.credit_limit - spent)
            cost = min(cost, self._limits[plan])
            self._limits[plan] -= cost
        self._balances[balance] -= cost
        return cost
