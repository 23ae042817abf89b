"""The SQL of what a survey's contacts answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns.schemas import OWNER_KIND
from ghanti.contacts.models import Contact
from ghanti.dialing.models import Answer, Plan, Target

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


async def lines_after(
    session: AsyncSession,
    account_id: int,
    campaign_id: int,
    plans: Sequence[int],
    contact_id: int,
    limit: int,
) -> Sequence[Any]:
    """The next contacts after one, in the order in which they were added, each with its call and answers.

    Rows of id, number, variables, of the call (null without one) state, outcome, attempts, attempt_state,
    duration_ms, sent_at and ended_at, and ``answers``: by the step's name [state, keys, media_key, ms].

    A contact's call and its answers are looked up one by one: what stands behind ``OFFSET 0`` or ``LIMIT``
    the planner, which may have no statistics of them yet, cannot join in another way.
    """
    rows = await session.execute(
        text(
            """
            SELECT contact.*, call.state, call.outcome, call.attempts, attempt.*, given.answers
              FROM (SELECT id, number_sent AS number, variables FROM contacts
                     WHERE account_id = :account_id AND campaign_id = :campaign_id AND id > :contact_id
                     ORDER BY id LIMIT :limit) contact
              LEFT JOIN LATERAL (
                   SELECT id, state, outcome, attempts, attempt_id FROM targets
                    WHERE account_id = :account_id AND contact_id = contact.id
                      AND plan_id = ANY(:plans) AND channel = 'call'
                    ORDER BY id DESC LIMIT 1) call ON true
              LEFT JOIN LATERAL (
                   SELECT attempts.state AS attempt_state, duration_ms, sent_at, ended_at FROM attempts
                    WHERE account_id = :account_id AND attempts.id = call.attempt_id OFFSET 0) attempt ON true
              LEFT JOIN LATERAL (
                   SELECT jsonb_object_agg(
                              name, jsonb_build_array(answers.state, keys, media_key, ms)) AS answers
                     FROM answers
                    WHERE account_id = :account_id AND target_id = call.id OFFSET 0) given ON true
             ORDER BY contact.id
            """
        ),
        {
            "account_id": account_id,
            "campaign_id": campaign_id,
            "plans": list(plans),
            "contact_id": contact_id,
            "limit": limit,
        },
    )
    return rows.all()


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
