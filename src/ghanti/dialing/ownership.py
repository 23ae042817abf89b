"""Plans by who ordered them, and their targets by whom they would reach: what owners may find and change.

An owner is named by its kind and its id, as in ``PlanOrder``. What has begun is never changed here: a plan
that was tried stays, a target that is being called stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, func, null, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.dialing import attempts, closing
from ghanti.dialing.models import Attempt, AttemptState, Outcome, Plan, PlanState, Target, TargetState
from ghanti.dialing.repository import ADDED, NOBODY

_FIGURES = f"""
    coalesce(sum(f.targets) FILTER (WHERE f.outcome = '{ADDED}'), 0)::bigint AS targets,
    coalesce(sum(f.targets) FILTER (WHERE f.outcome <> '{ADDED}'), 0)::bigint AS final,
    coalesce(sum(f.credits), 0)::bigint AS credits,
    (array_agg(p.state_reason ORDER BY p.id) FILTER (WHERE p.state = '{PlanState.PAUSED}'))[1]
        AS paused_reason
    FROM plans p
    LEFT JOIN plan_figures f ON f.account_id = p.account_id AND f.plan_id = p.id
"""
_PROGRESS = text(
    f"""
    SELECT p.owner_id, {_FIGURES}
     WHERE p.account_id = :account_id AND p.owner_kind = :owner_kind AND p.owner_id = ANY(:owner_ids)
     GROUP BY p.owner_id
    """
)

_RUNNING = Plan.state.in_([PlanState.RUNNING, PlanState.PAUSED])


@dataclass(frozen=True, slots=True)
class OwnerProgress:
    """Sums over all plans of an owner; ``paused_reason`` is the oldest paused plan's."""

    targets: int
    final: int
    credits: int
    paused_reason: str | None


def progress_query(account_id: str, owner_kind: str, owner_id: str) -> str:
    """A query of one row, the fields of an ``OwnerProgress`` of one owner, who is named by expressions."""
    return (
        f"SELECT {_FIGURES} WHERE p.account_id = {account_id}"
        f" AND p.owner_kind = {owner_kind} AND p.owner_id = {owner_id}"
    )


async def plans(
    session: AsyncSession, account_id: int, owner_kind: str, owner_ids: Sequence[int]
) -> Sequence[Plan]:
    """The plans that these owners ordered, oldest first."""
    statement = select(Plan).where(*_owned(account_id, owner_kind, owner_ids)).order_by(Plan.id)
    return (await session.scalars(statement)).all()


async def progress(
    session: AsyncSession, account_id: int, owner_kind: str, owner_ids: Sequence[int]
) -> dict[int, OwnerProgress]:
    """What became of all plans of each of these owners; those without any are left out."""
    rows = await session.execute(
        _PROGRESS,
        {
            "account_id": account_id,
            "owner_kind": owner_kind,
            "owner_ids": list(owner_ids),
        },
    )
    return {
        row.owner_id: OwnerProgress(row.targets, row.final, row.credits, row.paused_reason) for row in rows
    }


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


async def is_newest(session: AsyncSession, plan: Plan) -> bool:
    """Whether its owner has ordered no plan after this one."""
    newer = select(Plan.id).where(
        *_owned(plan.account_id, plan.owner_kind, [plan.owner_id]), Plan.id > plan.id
    )
    return (await session.scalars(newer.limit(1))).one_or_none() is None


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


async def end_plans(
    session: AsyncSession, account_id: int, owner_kind: str, owner_id: int, reason: str
) -> None:
    """Stop all plans of an owner that is deleted, and have them removed; the balance is locked already."""
    statement = (
        select(Plan)
        .where(*_owned(account_id, owner_kind, [owner_id]), _RUNNING)
        .order_by(Plan.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    for plan in (await session.scalars(statement)).all():
        await closing.stop(session, plan, reason)
    await forget_plans(session, account_id, owner_kind, owner_id)


async def has_open_plan(session: AsyncSession, account_id: int, owner_kind: str, owner_id: int) -> bool:
    """Whether anything that the owner ordered may still be dialled."""
    statement = select(Plan.id).where(*_owned(account_id, owner_kind, [owner_id]), _RUNNING).limit(1)
    return (await session.scalars(statement)).one_or_none() is not None


async def forget_plans(session: AsyncSession, account_id: int, owner_kind: str, owner_id: int) -> None:
    """Have the plans of an owner that is deleted removed with their targets and attempts; the ledger stays.

    All were stopped before. Their rows go in the background, once they are finished (``removal.py``).
    """
    await session.execute(
        update(Plan)
        .where(
            *_owned(account_id, owner_kind, [owner_id]),
            Plan.state.in_([PlanState.STOPPED, PlanState.FINISHED]),
        )
        .values(state_reason=closing.DELETED)
        .execution_options(synchronize_session=False)
    )


async def withdraw_contact(session: AsyncSession, account_id: int, contact_id: int) -> None:
    """Reach a contact no more, whoever ordered it; the account's balance is locked already.

    What waits ends, what was leased is given back and ends, a call in flight is hung up by its dialler and
    then settled. A text that was handed over cannot be recalled.
    """
    leased = (
        select(Attempt.id)
        .join(Target, (Target.account_id == Attempt.account_id) & (Target.attempt_id == Attempt.id))
        .where(
            Target.account_id == account_id,
            Target.contact_id == contact_id,
            Target.state == TargetState.ACTIVE,
            Attempt.state == AttemptState.LEASED,
        )
    )
    await attempts.void_leased(session, list(await session.scalars(leased)), closing.WITHDRAWN)
    await lock_contact(session, account_id, contact_id)
    await session.execute(
        update(Target)
        .where(
            Target.account_id == account_id,
            Target.contact_id == contact_id,
            Target.state == TargetState.ACTIVE,
        )
        .values(withdrawn=True)
        .execution_options(synchronize_session=False)
    )
    await _cancel_waiting(session, account_id, contact_id, closing.WITHDRAWN)


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
    """Let the waiting targets of a contact have its new number, and be made ready at its price.

    What was ordered by number stays with the number.
    """
    await _update_waiting(
        session,
        account_id,
        contact_id,
        Target.sid.is_(None),
        number=number,
        carrier=carrier,
        ready=False,
        content=null(),
    )


async def unprepare_waiting(session: AsyncSession, account_id: int, contact_id: int) -> None:
    """Have what was made ready with former variables made ready again."""
    await _update_waiting(session, account_id, contact_id, ready=False, content=null())


async def _cancel_waiting(session: AsyncSession, account_id: int, contact_id: int, reason: str) -> None:
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


async def _update_waiting(
    session: AsyncSession, account_id: int, contact_id: int, *which: ColumnElement[bool], **values: Any
) -> None:
    await session.execute(
        update(Target)
        .where(*_waiting(account_id, contact_id), *which)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
