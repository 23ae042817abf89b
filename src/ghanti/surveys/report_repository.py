"""The SQL of what a survey's contacts answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns.schemas import OWNER_KIND
from ghanti.contacts.models import Contact
from ghanti.dialing.models import Answer, Attempt, Channel, Plan, Target

MOST_VALUES = 100
"""Different answers to one question that the summary counts, the most frequent first."""


async def hold_still(session: AsyncSession) -> None:
    """Have all that is read next belong to one moment; first in a transaction."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))


async def plan_ids(session: AsyncSession, account_id: int, campaign_id: int) -> Sequence[int]:
    """The campaign's own plans: those of test calls are none of them."""
    statement = select(Plan.id).where(
        Plan.account_id == account_id, Plan.owner_kind == OWNER_KIND, Plan.owner_id == campaign_id
    )
    return (await session.scalars(statement)).all()


async def contacts_after(
    session: AsyncSession, account_id: int, campaign_id: int, contact_id: int, limit: int
) -> Sequence[Any]:
    """The next contacts after one, in the order in which they were added: id, number and variables."""
    statement = (
        select(Contact.id, Contact.number_sent.label("number"), Contact.variables)
        .where(Contact.account_id == account_id, Contact.campaign_id == campaign_id, Contact.id > contact_id)
        .order_by(Contact.id)
        .limit(limit)
    )
    return (await session.execute(statement)).all()


async def calls(
    session: AsyncSession, account_id: int, plans: Sequence[int], contact_ids: Sequence[int]
) -> dict[int, Any]:
    """The call of each of these contacts that has one, by the contact's id."""
    statement = (
        select(
            Target.contact_id,
            Target.id,
            Target.state,
            Target.outcome,
            Target.attempts,
            Attempt.state.label("attempt_state"),
            Attempt.duration_ms,
            Attempt.sent_at,
            Attempt.ended_at,
        )
        .outerjoin(Attempt, (Attempt.account_id == Target.account_id) & (Attempt.id == Target.attempt_id))
        .where(
            Target.account_id == account_id,
            Target.contact_id.in_(contact_ids),
            Target.plan_id.in_(plans),
            Target.channel == Channel.CALL,
        )
        .order_by(Target.id)
    )
    return {row.contact_id: row for row in await session.execute(statement)}


async def answers(
    session: AsyncSession, account_id: int, target_ids: Sequence[int]
) -> dict[int, dict[str, Answer]]:
    """What was answered in each of these calls, by the target's id and the step's name."""
    statement = select(Answer).where(Answer.account_id == account_id, Answer.target_id.in_(target_ids))
    found: dict[int, dict[str, Answer]] = {}
    for answer in await session.scalars(statement):
        found.setdefault(answer.target_id, {})[answer.name] = answer
        session.expunge(answer)  # A report must not keep all answers in memory.
    return found


async def counts(session: AsyncSession, account_id: int, plans: Sequence[int]) -> Sequence[Any]:
    """How many gave each answer, as rows of (name, state, pressed, answers).

    Of answers to one question the ``MOST_VALUES`` most frequent.
    """
    grouped = (
        select(Answer.name, Answer.state, Answer.keys.label("pressed"), func.count().label("answers"))
        .join(Target, (Target.account_id == Answer.account_id) & (Target.id == Answer.target_id))
        .where(Answer.account_id == account_id, Target.plan_id.in_(plans))
        .group_by(Answer.name, Answer.state, Answer.keys)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=(grouped.c.name, grouped.c.state), order_by=(grouped.c.answers.desc(), grouped.c.pressed)
    )
    ranked = select(grouped, place.label("place")).subquery()
    statement = select(ranked).where(ranked.c.place <= MOST_VALUES).order_by(ranked.c.name, ranked.c.place)
    return (await session.execute(statement)).all()


async def totals(session: AsyncSession, account_id: int, plans: Sequence[int]) -> dict[str, int]:
    """How many answered each question, by the step's name."""
    statement = (
        select(Answer.name, func.count())
        .join(Target, (Target.account_id == Answer.account_id) & (Target.id == Answer.target_id))
        .where(
            Answer.account_id == account_id,
            Target.plan_id.in_(plans),
            (Answer.keys.is_not(None)) | (Answer.media_key.is_not(None)),
        )
        .group_by(Answer.name)
    )
    return {row[0]: row[1] for row in await session.execute(statement)}


async def contact_count(session: AsyncSession, account_id: int, campaign_id: int) -> int:
    statement = select(func.count()).where(
        Contact.account_id == account_id, Contact.campaign_id == campaign_id
    )
    return await session.scalar(statement) or 0
