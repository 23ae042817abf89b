"""How those who order plans learn what became of them.

The engine imports none of its customers. Each registers for its ``owner_kind``; outcome handlers
run in the transaction that records the outcomes, and one that raises is undone alone: the
outcomes stand, and the alarm is logged. A database that goes away takes all of it along.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.outage import DATABASE_ERRORS
from ghanti.dialing.models import Channel, Outcome, Plan

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TargetOutcome:
    """A target that became final; ``contact_id`` is None for a number that is no contact.

    ``dialled`` tells whether any attempt at it was sent. Of a ``provisional`` outcome the owner hears again:
    of the truth that replaces it, or that it stands.
    """

    account_id: int
    plan_id: int
    target_id: int
    contact_id: int | None
    channel: Channel
    outcome: Outcome
    owner_id: int
    dialled: bool
    provisional: bool = False


OutcomeHandler = Callable[[AsyncSession, list[TargetOutcome]], Awaitable[None]]
PlanHandler = Callable[[AsyncSession, Plan], Awaitable[None]]

_outcome: dict[str, tuple[OutcomeHandler, ...]] = {}
_started: dict[str, PlanHandler] = {}
_finished: dict[str, PlanHandler] = {}


def register(owner_kind: str, *told: OutcomeHandler) -> None:
    """Who is told of outcomes, one after the other; of one that fails the others know nothing."""
    _outcome[owner_kind] = told


def register_started(owner_kind: str, handler: PlanHandler) -> None:
    """Called once, when a plan's start time has come."""
    _started[owner_kind] = handler


def register_finished(owner_kind: str, handler: PlanHandler) -> None:
    """Called once, when a plan has no open target left or was stopped (see ``plan.state_reason``)."""
    _finished[owner_kind] = handler


async def outcomes(session: AsyncSession, owner_kind: str, batch: list[TargetOutcome]) -> None:
    for handler in _outcome.get(owner_kind, ()) if batch else ():
        try:
            async with session.begin_nested():
                await handler(session, batch)
        except DATABASE_ERRORS:
            raise  # The transaction is gone with it: whoever records these outcomes does so again.
        except Exception:
            logger.exception("the outcome handler of %s failed for %d targets", owner_kind, len(batch))


async def started(session: AsyncSession, plan: Plan) -> None:
    if handler := _started.get(plan.owner_kind):
        await handler(session, plan)


async def finished(session: AsyncSession, plan: Plan) -> None:
    if handler := _finished.get(plan.owner_kind):
        await handler(session, plan)
