"""The SQL of plans, targets and their figures. Attempts have theirs in ``attempts.py``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.dialing.models import Channel, Outcome, Plan, PlanState, Target

NOBODY = UUID(int=0)
"""The session of figures that no worker wrote."""

ADDED = ""
"""The outcome under which added targets are counted."""


@dataclass(slots=True)
class PlanFigures:
    """Sums over a plan's targets; ``by_outcome`` is keyed by channel, then outcome."""

    targets: int = 0
    final: int = 0
    credits_phone: int = 0
    credits_sms: int = 0
    by_outcome: dict[Channel, dict[Outcome, int]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def credits(self) -> int:
        return self.credits_phone + self.credits_sms


async def lock_plan(session: AsyncSession, account_id: int, plan_id: int) -> Plan | None:
    """The plan, locked against changes of it; rows that refer to it may still be written by others."""
    statement = (
        select(Plan)
        .where(Plan.account_id == account_id, Plan.id == plan_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def live_plan(session: AsyncSession, account_id: int, owner_kind: str, owner_id: int) -> Plan | None:
    statement = (
        select(Plan)
        .where(
            Plan.account_id == account_id,
            Plan.owner_kind == owner_kind,
            Plan.owner_id == owner_id,
            Plan.state.in_([PlanState.RUNNING, PlanState.PAUSED]),
        )
        .order_by(Plan.id.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def insert_targets(
    session: AsyncSession,
    plan: Plan,
    channel: Channel,
    contact_ids: Sequence[int] | None,
    *,
    repeat: bool,
) -> int:
    """A target for each contact of the owner's campaign that has none of this channel by its owner yet."""
    result = await session.execute(
        text(
            """
            INSERT INTO targets (account_id, plan_id, contact_id, channel, number, carrier, due_at)
            SELECT c.account_id, :plan_id, c.id, :channel, c.number, c.carrier, :due_at
              FROM contacts c
             WHERE c.account_id = :account_id AND c.campaign_id = :campaign_id
               AND (CAST(:contact_ids AS bigint[]) IS NULL OR c.id = ANY(CAST(:contact_ids AS bigint[])))
               AND (:repeat OR NOT EXISTS (
                     SELECT FROM targets t JOIN plans p ON p.account_id = t.account_id AND p.id = t.plan_id
                      WHERE t.account_id = c.account_id AND t.contact_id = c.id AND t.channel = :channel
                        AND p.owner_kind = :owner_kind))
             ORDER BY c.id
            ON CONFLICT DO NOTHING
            """
        ),
        {
            "plan_id": plan.id,
            "channel": channel,
            "account_id": plan.account_id,
            "campaign_id": plan.owner_id,
            "contact_ids": None if contact_ids is None else list(contact_ids),
            "owner_kind": plan.owner_kind,
            "due_at": plan.starts_at,
            "repeat": repeat,
        },
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


async def insert_number(
    session: AsyncSession, plan: Plan, channel: Channel, number: str, carrier: str
) -> int:
    """A target without a contact; answers its id."""
    target = Target(
        account_id=plan.account_id,
        plan_id=plan.id,
        channel=channel,
        number=number,
        carrier=carrier,
        due_at=plan.starts_at,
    )
    session.add(target)
    await session.flush()
    return target.id


async def count_heads(session: AsyncSession, plan: Plan, digits: int) -> Sequence[Any]:
    """How many targets a plan has of each channel by the first digits of their numbers."""
    rows = await session.execute(
        text(
            """
            SELECT channel, left(ltrim(number, '+'), :digits) AS head, count(*) AS targets FROM targets
             WHERE account_id = :account_id AND plan_id = :plan_id GROUP BY 1, 2
            """
        ),
        {"account_id": plan.account_id, "plan_id": plan.id, "digits": digits},
    )
    return rows.all()


async def set_units(session: AsyncSession, plan: Plan, units: int) -> None:
    """What each attempt at the plan's targets is to hold."""
    await session.execute(
        update(Target)
        .where(Target.account_id == plan.account_id, Target.plan_id == plan.id)
        .values(units=units)
        .execution_options(synchronize_session=False)
    )


async def insert_texts(session: AsyncSession, account_id: int, target_ids: Sequence[int]) -> dict[int, int]:
    """A text in the same plan for the contact of each of these calls that has none; answers how many a plan.

    None is made in a plan that stopped or has no text, nor for a contact that was deleted.
    """
    rows = await session.execute(
        text(
            """
            WITH added AS (
                INSERT INTO targets (account_id, plan_id, contact_id, channel, number, carrier)
                SELECT c.account_id, t.plan_id, c.id, 'sms', c.number, c.carrier
                  FROM targets t
                  JOIN plans p ON p.account_id = t.account_id AND p.id = t.plan_id
                              AND p.state IN ('running', 'paused') AND p.sms_content IS NOT NULL
                  JOIN contacts c ON c.account_id = t.account_id AND c.id = t.contact_id
                 WHERE t.account_id = :account_id AND t.id = ANY(:ids) AND NOT t.withdrawn AND NOT t.hung_up
                 ORDER BY t.id
                ON CONFLICT DO NOTHING
                RETURNING plan_id)
            SELECT plan_id, count(*) AS added FROM added GROUP BY plan_id
            """
        ),
        {"account_id": account_id, "ids": list(target_ids)},
    )
    return {row.plan_id: row.added for row in rows}


@dataclass(frozen=True, slots=True)
class FigureDelta:
    account_id: int
    plan_id: int
    channel: str
    outcome: str
    targets: int
    credits: int


async def add_figures(session: AsyncSession, worker: UUID, deltas: Iterable[FigureDelta]) -> None:
    """Add to the figures of (plan, worker). Sorted, so that two transactions never wait in a ring."""
    sums: dict[tuple[int, int, str, str], list[int]] = {}
    for delta in deltas:
        entry = sums.setdefault((delta.account_id, delta.plan_id, delta.channel, delta.outcome), [0, 0])
        entry[0] += delta.targets
        entry[1] += delta.credits
    if not sums:
        return
    await session.execute(
        text(
            """
            INSERT INTO plan_figures AS f
                   (account_id, plan_id, session_id, channel, outcome, targets, credits)
            VALUES (:account_id, :plan_id, :session_id, :channel, :outcome, :targets, :credits)
            ON CONFLICT (account_id, plan_id, session_id, channel, outcome)
            DO UPDATE SET targets = f.targets + EXCLUDED.targets, credits = f.credits + EXCLUDED.credits
            """
        ),
        [
            {
                "account_id": key[0],
                "plan_id": key[1],
                "session_id": worker,
                "channel": key[2],
                "outcome": key[3],
                "targets": value[0],
                "credits": value[1],
            }
            for key, value in sorted(sums.items())
        ],
    )


async def read_figures(
    session: AsyncSession, account_id: int, plan_ids: Sequence[int]
) -> dict[int, PlanFigures]:
    if not plan_ids:
        return {}
    rows = await session.execute(
        text(
            """
            SELECT plan_id, channel, outcome, sum(targets)::bigint AS targets, sum(credits)::bigint AS credits
              FROM plan_figures WHERE account_id = :account_id AND plan_id = ANY(:plan_ids)
             GROUP BY plan_id, channel, outcome
            """
        ),
        {"account_id": account_id, "plan_ids": list(plan_ids)},
    )
    figures = {plan_id: PlanFigures() for plan_id in plan_ids}
    for row in rows:
        plan = figures[row.plan_id]
        if row.channel == Channel.CALL:
            plan.credits_phone += row.credits
        else:
            plan.credits_sms += row.credits
        if row.outcome == ADDED:
            plan.targets += row.targets
        else:
            plan.final += row.targets
            if row.targets:
                plan.by_outcome[Channel(row.channel)][Outcome(row.outcome)] = row.targets
    return figures


@dataclass(frozen=True, slots=True)
class FinalTarget:
    account_id: int
    plan_id: int
    target_id: int
    contact_id: int | None
    channel: str
    outcome: str
    attempts: int


async def close_waiting(
    session: AsyncSession, account_id: int, plan_id: int, outcome: Outcome, reason: str, limit: int
) -> list[FinalTarget]:
    """End at most ``limit`` targets that wait. Those that somebody works at are left for the next time."""
    rows = await session.execute(
        text(
            """
            UPDATE targets SET state = 'final', outcome = :outcome, reason = :reason, final_at = now()
             WHERE (account_id, id) IN (
                   SELECT account_id, id FROM targets
                    WHERE account_id = :account_id AND plan_id = :plan_id AND state = 'waiting'
                    ORDER BY id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED)
            RETURNING account_id, plan_id, id AS target_id, contact_id, channel, outcome, attempts
            """
        ),
        {
            "account_id": account_id,
            "plan_id": plan_id,
            "outcome": outcome,
            "reason": reason,
            "limit": limit,
        },
    )
    return [FinalTarget(*row) for row in rows]


async def close_targets(
    session: AsyncSession, account_id: int, reasons: Mapping[int, tuple[Outcome, str]]
) -> list[FinalTarget]:
    """End waiting targets by id, each with its own outcome and reason."""
    if not reasons:
        return []
    rows = await session.execute(
        text(
            """
            UPDATE targets t SET state = 'final', outcome = v.outcome, reason = v.reason, final_at = now()
              FROM unnest(CAST(:ids AS bigint[]), CAST(:outcomes AS text[]), CAST(:reasons AS text[]))
                   AS v (id, outcome, reason)
             WHERE t.account_id = :account_id AND t.id = v.id AND t.state = 'waiting'
            RETURNING t.account_id, t.plan_id, t.id AS target_id, t.contact_id, t.channel,
                      t.outcome, t.attempts
            """
        ),
        {
            "account_id": account_id,
            "ids": list(reasons),
            "outcomes": [outcome for outcome, _ in reasons.values()],
            "reasons": [reason for _, reason in reasons.values()],
        },
    )
    return [FinalTarget(*row) for row in rows]


async def close_withdrawn(
    session: AsyncSession, account_id: int, plan_id: int, withdrawn: str, hung_up: str
) -> list[FinalTarget]:
    """End targets that were withdrawn or hung up while a worker had them, and that it gave back.

    ``withdrawn`` and ``hung_up`` are the reasons of the one and the other.
    """
    rows = await session.execute(
        text(
            """
            UPDATE targets SET state = 'final', outcome = 'cancelled', final_at = now(),
                   reason = CASE WHEN withdrawn THEN :withdrawn ELSE :hung_up END
             WHERE account_id = :account_id AND plan_id = :plan_id AND (withdrawn OR hung_up)
               AND state = 'waiting'
            RETURNING account_id, plan_id, id AS target_id, contact_id, channel, outcome, attempts
            """
        ),
        {"account_id": account_id, "plan_id": plan_id, "withdrawn": withdrawn, "hung_up": hung_up},
    )
    return [FinalTarget(*row) for row in rows]


_AWAITS_TRUTH = """
    p.text_instead AND p.state <> 'stopped'
    AND EXISTS (SELECT FROM attempts a
                  JOIN targets t ON t.account_id = a.account_id AND t.id = a.target_id
                                AND t.attempt_id = a.id
                 WHERE a.account_id = p.account_id AND a.plan_id = p.id AND a.provisional)
"""
"""Of a plan ``p``: a call's outcome is provisional, and a text may follow the one that is not."""


async def live_plans(session: AsyncSession) -> list[Any]:
    """Plans that are not finished: ``near`` ones begin within a second, ``due`` ones are to be swept.

    Due is a plan whose start is to be announced, that was stopped, that expired, that has no open target
    left, or some to withdraw.
    """
    rows = await session.execute(
        text(
            f"""
            SELECT p.account_id, p.id, now() AS now, p.starts_at <= now() + interval '1 s' AS near,
                   p.state = 'stopped'
                   OR (p.starts_at <= now()
                       AND (NOT p.announced OR withdrawn.waits
                            OR (target.open IS NULL AND NOT ({_AWAITS_TRUTH}))
                            OR coalesce(p.expires_at <= now(), false))) AS due
              FROM plans p
              LEFT JOIN LATERAL (
                   SELECT true AS open FROM targets t
                    WHERE t.account_id = p.account_id AND t.plan_id = p.id AND t.state <> 'final'
                    LIMIT 1) target ON true
              LEFT JOIN LATERAL (
                   SELECT true AS waits FROM targets t
                    WHERE t.account_id = p.account_id AND t.plan_id = p.id
                      AND (t.withdrawn OR t.hung_up) AND t.state = 'waiting'
                    LIMIT 1) withdrawn ON true
             WHERE p.state <> 'finished'
            """  # noqa: S608 - made of constants
        )
    )
    return list(rows)


async def is_open(session: AsyncSession, account_id: int, plan_id: int) -> bool:
    """Whether the plan has targets that are not final, or such as a truth may change that a text follows."""
    # One statement, so one snapshot: the truth that makes a text is no longer awaited once the text is there.
    return bool(
        await session.scalar(
            text(
                f"""
                SELECT EXISTS (SELECT FROM targets WHERE account_id = :account_id AND plan_id = :plan_id
                                                     AND state <> 'final')
                       OR EXISTS (SELECT FROM plans p
                                   WHERE p.account_id = :account_id AND p.id = :plan_id AND {_AWAITS_TRUTH})
                """  # noqa: S608 - made of constants
            ),
            {"account_id": account_id, "plan_id": plan_id},
        )
    )
