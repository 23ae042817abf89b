"""The stock of targets that are ready to be dialled: which plans need more of it, and adding to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.lookups import Lookups
from ghanti.database.session import dump_json
from ghanti.dialing.models import Channel, Plan, PlanClass
from ghanti.speech.engines.base import EngineVoice

_LEAST_AHEAD = 200


class Ready(NamedTuple):
    """What a target is to hear or read, and the credits that one attempt holds, at which price."""

    target_id: int
    content: dict[str, Any]
    units: int
    pulse_seconds: int
    price: int


_ANY_LIVE = """
SELECT 1 FROM plans
 WHERE state <> 'finished' AND plan_class = ANY(CAST(%(classes)s AS text[])) LIMIT 1"""


async def any_live(lookups: Lookups, classes: Collection[PlanClass]) -> bool:
    """Whether any plan of these classes may have work: what is asked most, and costs next to nothing."""
    return bool(await lookups.rows(_ANY_LIVE, {"classes": list(classes)}))


async def unready_plans(
    session: AsyncSession, horizon_seconds: int, classes: Collection[PlanClass] = tuple(PlanClass)
) -> list[Any]:
    """Plans of these classes, and channels, with targets to prepare whose stock does not reach the horizon.

    The plans that run share the pace and so the horizon; one that waits for credits keeps a small stock.
    """
    rows = await session.execute(
        text(
            """
            WITH pace AS (
                SELECT 'call' AS channel, coalesce(sum(cps), 0) AS per_second FROM trunks WHERE active
                UNION ALL
                SELECT 'sms', coalesce(sum(messages_per_second), 0) FROM smscs WHERE active),
            due AS (
                SELECT p.account_id, p.id, p.plan_class, p.state FROM plans p
                 WHERE (p.state = 'running' OR (p.state = 'paused' AND p.state_reason = 'credits'))
                   AND p.starts_at < now() + make_interval(secs => :horizon)
                   AND p.plan_class = ANY(CAST(:classes AS text[]))),
            stock AS (
                SELECT pace.channel,
                       greatest(:least, (pace.per_second * :horizon
                                         / greatest(1, (SELECT count(*) FROM due)))::bigint) AS enough
                  FROM pace)
            SELECT p.account_id, p.id, stock.channel
              FROM due p CROSS JOIN stock
              -- A lateral LIMIT, since EXISTS may be planned as one scan of all targets of all plans.
              JOIN LATERAL (SELECT FROM targets t
                             WHERE t.account_id = p.account_id AND t.plan_id = p.id
                               AND t.channel = stock.channel
                               AND t.state = 'waiting' AND NOT t.ready LIMIT 1) unready ON true
             WHERE (SELECT count(*) FROM (
                           SELECT FROM targets t
                            WHERE t.account_id = p.account_id AND t.plan_id = p.id
                              AND t.channel = stock.channel
                              AND t.state = 'waiting' AND t.ready
                            LIMIT CASE p.state WHEN 'running' THEN stock.enough ELSE :least END) ahead)
                   < CASE p.state WHEN 'running' THEN stock.enough ELSE :least END
             ORDER BY array_position(CAST(:classes AS text[]), p.plan_class), p.id
            """
        ),
        {
            "horizon": horizon_seconds,
            "least": _LEAST_AHEAD,
            "classes": [each for each in PlanClass if each in classes],
        },
    )
    return list(rows)


async def unready(session: AsyncSession, plan: Plan, channel: Channel, limit: int) -> list[Any]:
    """The next targets without content, with what to fill it from: their contact's variables, their own."""
    rows = await session.execute(
        text(
            """
            SELECT t.id, t.number, coalesce(c.variables, '{}') AS variables, t.personal, c.updated_at
              FROM targets t
              LEFT JOIN contacts c ON c.account_id = t.account_id AND c.id = t.contact_id
             WHERE t.account_id = :account_id AND t.plan_id = :plan_id AND t.channel = :channel
               AND t.state = 'waiting' AND NOT t.ready
             ORDER BY t.due_at, t.id LIMIT :limit
            """
        ),
        {"account_id": plan.account_id, "plan_id": plan.id, "channel": channel, "limit": limit},
    )
    return list(rows)


async def lock_current(session: AsyncSession, account_id: int, rows: Sequence[Any]) -> set[int]:
    """Of these targets those that still wait for content, their contacts as they were read."""
    current = await session.scalars(
        text(
            """
            SELECT t.id
              FROM unnest(CAST(:ids AS bigint[]), CAST(:read AS timestamptz[])) AS v (id, updated_at)
              JOIN targets t ON t.account_id = :account_id AND t.id = v.id
              LEFT JOIN contacts c ON c.account_id = t.account_id AND c.id = t.contact_id
             WHERE t.state = 'waiting' AND NOT t.ready AND c.updated_at IS NOT DISTINCT FROM v.updated_at
             ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED
            """
        ),
        {
            "ids": [row.id for row in rows],
            "read": [row.updated_at for row in rows],
            "account_id": account_id,
        },
    )
    return set(current)


async def mark_ready(session: AsyncSession, account_id: int, ready: Sequence[Ready]) -> None:
    if not ready:
        return
    await session.execute(
        text(
            """
            UPDATE targets t SET ready = true, content = v.content::jsonb, units = v.units,
                   pulse_seconds = v.pulse_seconds, price = v.price
              FROM unnest(CAST(:ids AS bigint[]), CAST(:contents AS text[]), CAST(:units AS bigint[]),
                          CAST(:pulses AS int[]), CAST(:prices AS int[]))
                   AS v (id, content, units, pulse_seconds, price)
             WHERE t.account_id = :account_id AND t.id = v.id
            """
        ),
        {
            "account_id": account_id,
            "ids": [item.target_id for item in ready],
            "contents": [dump_json(item.content) for item in ready],
            "units": [item.units for item in ready],
            "pulses": [item.pulse_seconds for item in ready],
            "prices": [item.price for item in ready],
        },
    )


async def make_unready(session: AsyncSession, attempt_ids: Sequence[UUID]) -> None:
    """Have the content of these attempts' targets prepared again: their audio could not be read."""
    await session.execute(
        text(
            "UPDATE targets t SET ready = false FROM attempts a"
            " WHERE a.id = ANY(:ids) AND t.account_id = a.account_id AND t.id = a.target_id"
        ),
        {"ids": list(attempt_ids)},
    )


async def engine_voice(session: AsyncSession, voice_id: int | None) -> EngineVoice | None:
    row = (
        await session.execute(
            text("SELECT engine, engine_voice, language FROM voices WHERE id = :id"), {"id": voice_id}
        )
    ).one_or_none()
    return None if row is None else EngineVoice(row.engine, row.engine_voice, row.language)
