"""Plans by who ordered them, and their targets by whom they would reach: what owners may find and change.

An owner is named by its kind and its id, as in ``PlanOrder``. What has begun is never changed here: a plan
that was tried stays, a target that is being called stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, null, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.dialing import closing
from ghanti.dialing.models import Outcome, Plan, PlanState, Target, TargetState
from ghanti.dialing.repository import NOBODY


async def plans(
    session: AsyncSession, account_id: int, owner_kind: str, owner_ids: Sequence[int]
) -> Sequence[Plan]:
    """The plans that these owners ordered, oldest first."""
    statement = select(Plan).where(*_owned(account_id, owner_kind, owner_ids)).order_by(Plan.id)
    return (await session.scalars(statement)).all()


async def lock_open_plans(session: AsyncSession, account_id: int, owner_kind: str, owner_id: int) -> None:
    """Lock an owner's unfinished plans; to be done before the owner's own row is locked.

    The engine, which ends plans and then tells their owners, takes the two in that order.
    """
    await session.execute(
        select(Plan.id)
        .where(*_owned(account_id, owner_kind, [owner_id]), Plan.state != PlanState.FINISHED)
        .order_by(Plan.id)
        .with_for_update(key_share=True)
    )


async def withdraw_plan(session: AsyncSession, account_id: int, plan_id: int) -> bool:
    """Forget a plan that has not begun, with its targets; answers False when it has."""
    attempted = select(Target.id).where(
        Target.account_id == account_id, Target.plan_id == plan_id, Target.attempt_id.is_not(None)
    )
    result = await session.execute(
        delete(Plan)
        .where(
            Plan.account_id == account_id,
            Plan.id == plan_id,
            Plan.starts_at > func.clock_timestamp(),
            ~attempted.exists(),
        )
        .returning(Plan.id)
        .execution_options(synchronize_session=False)
    )
    return result.one_or_none() is not None


async def forget_finished_plans(
    session: AsyncSession, account_id: int, owner_kind: str, owner_id: int
) -> None:
    """Remove an owner's finished plans with their targets and attempts; the ledger stays."""
    await session.execute(
        delete(Plan)
        .where(*_owned(account_id, owner_kind, [owner_id]), Plan.state == PlanState.FINISHED)
        .execution_options(synchronize_session=False)
    )


async def lock_contact(session: AsyncSession, account_id: int, contact_id: int) -> bool:
    """Lock the open targets of a contact, so that none is leased meanwhile; answers whether one is active."""
    statement = (
        select(Target.state)
        .where(
            Target.account_id == account_id,
            Target.contact_id == contact_id,
            Target.state != TargetState.FINAL,
        )
        .order_by(Target.id)
        .with_for_update()
    )
    return TargetState.ACTIVE in (await session.scalars(statement)).all()


async def renumber_waiting(
    session: AsyncSession, account_id: int, contact_id: int, number: str, carrier: str
) -> None:
    """Let the waiting targets of a contact have its new number."""
    await _update_waiting(session, account_id, contact_id, number=number, carrier=carrier)


async def unprepare_waiting(session: AsyncSession, account_id: int, contact_id: int) -> None:
    """Have what was made ready with former variables made ready again."""
    await _update_waiting(session, account_id, contact_id, ready=False, content=null())


async def cancel_waiting(session: AsyncSession, account_id: int, contact_id: int, reason: str) -> None:
    """End the waiting targets of a contact, free of charge."""
    waiting = await session.execute(
        select(Target.id, Target.plan_id).where(*_waiting(account_id, contact_id)).order_by(Target.id)
    )
    for target_id, plan_id in waiting.all():
        plan = await session.get_one(Plan, (account_id, plan_id))
        await closing.refuse(session, plan, {target_id: (Outcome.CANCELLED, reason)}, NOBODY)


def _owned(account_id: int, owner_kind: str, owner_ids: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    return (Plan.account_id == account_id, Plan.owner_kind == owner_kind, Plan.owner_id.in_(owner_ids))


def _waiting(account_id: int, contact_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Target.account_id == account_id,
        Target.contact_id == contact_id,
        Target.state == TargetState.WAITING,
    )


async def _update_waiting(session: AsyncSession, account_id: int, contact_id: int, **values: Any) -> None:
    await session.execute(
        update(Target)
        .where(*_waiting(account_id, contact_id))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
