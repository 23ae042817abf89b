"""Targets that are ordered by number, each known by its sid: the id of its first attempt.

One that is given back and leased again has another attempt, and is found by its sid all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import service as credits
from ghanti.credits.repository import Balances
from ghanti.database.session import dump_json, raw_connection
from ghanti.dialing import attempts, closing
from ghanti.dialing.models import Channel, Outcome, Plan, Target, TargetState
from ghanti.dialing.repository import NOBODY


@dataclass(frozen=True, slots=True)
class Number:
    """A number to reach.

    Attributes:
        number: In E.164.
        contact_id: The campaign's contact that has it, who brings values for tags and may be deleted.
        personal: What is said to this one alone (``personal.py``).
        units: What an attempt is to hold, estimated until its content is ready.
    """

    sid: UUID
    number: str
    carrier: str
    contact_id: int | None
    personal: dict[str, Any]
    units: int


async def insert(session: AsyncSession, plan: Plan, channel: Channel, numbers: Sequence[Number]) -> None:
    """Targets of a locked plan, due now."""
    now = await session.scalar(select(func.now()))
    connection = await raw_connection(session)
    async with (
        connection.cursor() as cursor,
        cursor.copy(
            "COPY targets (account_id, plan_id, contact_id, channel, number, carrier, units, sid, personal,"
            " ordered_at) FROM STDIN"
        ) as copy,
    ):
        for each in numbers:
            await copy.write_row(
                (
                    plan.account_id,
                    plan.id,
                    each.contact_id,
                    channel.value,
                    each.number,
                    each.carrier,
                    each.units,
                    each.sid,
                    dump_json(each.personal),
                    now,
                )
            )


async def promised(session: AsyncSession, account_id: int) -> Balances:
    """What those that wait are to hold, and the balance does not know of yet."""
    rows = await session.execute(
        text(
            """
            SELECT channel, sum(units)::bigint AS units FROM targets
             WHERE account_id = :account_id AND sid IS NOT NULL AND state = 'waiting'
             GROUP BY channel
            """
        ),
        {"account_id": account_id},
    )
    sums = {row.channel: row.units for row in rows}
    return Balances(phone=sums.get(Channel.CALL, 0), sms=sums.get(Channel.SMS, 0))


async def find(session: AsyncSession, account_id: int, sid: UUID) -> Any:
    """The target with its plan and its latest attempt, or None. An attempt of which nothing left is none."""
    rows = await session.execute(
        text(
            """
            SELECT t.id AS target_id, t.plan_id, t.channel, t.number, t.state, t.outcome, t.reason, t.credits,
                   t.personal, t.ordered_at, t.final_at, p.owner_id, a.id AS attempt_id,
                   a.state AS attempt_state, a.sent_at, a.ringing_at, a.answered_at, a.ended_at,
                   coalesce(a.duration_ms, 0) AS duration_ms, a.delivery
              FROM targets t
              JOIN plans p ON p.account_id = t.account_id AND p.id = t.plan_id
              LEFT JOIN attempts a ON a.account_id = t.account_id AND a.id = t.attempt_id
                                  AND (a.state <> 'ended' OR a.outcome IS NOT NULL)
             WHERE t.account_id = :account_id AND t.sid = :sid
            """
        ),
        {"account_id": account_id, "sid": sid},
    )
    return rows.one_or_none()


async def hang_up(session: AsyncSession, account_id: int, sid: UUID) -> bool:
    """Reach this one no more; answers whether there is one of this sid.

    What waits ends, what was leased is given back and ends, a call in flight is hung up by its dialler and
    then settled. A text that was handed over cannot be recalled, and what has ended stays as it is.
    """
    # While the balance is locked nothing more of the account is leased.
    await credits.lock(session, [account_id])
    found = select(Target.id, Target.plan_id, Target.state, Target.attempt_id).where(
        Target.account_id == account_id, Target.sid == sid
    )
    row = (await session.execute(found)).one_or_none()
    if row is None:
        return False
    # Attempts are locked before their targets, as whoever sends or ends them does.
    if row.attempt_id is not None:
        await attempts.void_leased(session, [row.attempt_id], closing.HUNG_UP)
    row = (await session.execute(found.with_for_update(key_share=True))).one()
    if row.state == TargetState.FINAL:
        return True
    await session.execute(
        update(Target)
        .where(Target.account_id == account_id, Target.id == row.id)
        .values(hung_up=True)
        .execution_options(synchronize_session=False)
    )
    if row.state == TargetState.WAITING:
        plan = await session.get_one(Plan, (account_id, row.plan_id))
        await closing.refuse(session, plan, {row.id: (Outcome.CANCELLED, closing.HUNG_UP)}, NOBODY)
    return True
