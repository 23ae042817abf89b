"""The SQL that moves an attempt from state to state: each move one conditional UPDATE.

A move that finds the attempt elsewhere changes nothing and says so by returning no row. Only
``leased`` attempts are ever given back to the queue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import service as credits
from ghanti.credits.models import Currency
from ghanti.dialing.models import AttemptState, Channel


@dataclass(frozen=True, slots=True)
class Lease:
    """A target taken by a worker, not yet sent; ``said`` is its plan's content for the channel."""

    attempt_id: UUID
    account_id: int
    plan_id: int
    target_id: int
    contact_id: int | None
    number: str
    content: dict[str, Any]
    held: int
    ring_seconds: int
    pulse_seconds: int
    price: int  # Credits a pulse or segment, by which ``held`` was reckoned.
    caller_number: str | None = None
    said: dict[str, Any] = field(default_factory=dict)
    urgent: bool = False  # Sent before all others that wait in a channel.


async def insert_leases(
    session: AsyncSession,
    leases: Sequence[Lease],
    channel: Channel,
    worker: UUID,
    lease_seconds: float,
    *,
    trunk_id: int | None = None,
    smsc_id: int | None = None,
) -> None:
    """First commit: the attempts, and their targets taken off the queue."""
    await session.execute(
        text(
            """
            INSERT INTO attempts (account_id, id, plan_id, target_id, contact_id, channel, number, session_id,
                                  lease_until, trunk_id, smsc_id, caller_number, held, pulse_seconds, price,
                                  total_ms, leased_at)
            VALUES (:account_id, :id, :plan_id, :target_id, :contact_id, :channel, :number, :session_id,
                    clock_timestamp() + make_interval(secs => :lease), :trunk_id, :smsc_id, :caller_number,
                    :held, :pulse_seconds, :price, :total_ms, clock_timestamp())
            """
        ),
        [
            {
                "account_id": lease.account_id,
                "id": lease.attempt_id,
                "plan_id": lease.plan_id,
                "target_id": lease.target_id,
                "contact_id": lease.contact_id,
                "channel": channel,
                "number": lease.number,
                "session_id": worker,
                "lease": lease_seconds,
                "trunk_id": trunk_id,
                "smsc_id": smsc_id,
                "caller_number": lease.caller_number,
                "held": lease.held,
                "pulse_seconds": lease.pulse_seconds,
                "price": lease.price,
                "total_ms": lease.content.get("ms", 0),
            }
            for lease in leases
        ],
    )
    await session.execute(
        text(
            """
            UPDATE targets t SET state = 'active', attempt_id = v.attempt_id
              FROM unnest(CAST(:targets AS bigint[]), CAST(:attempts AS uuid[]), CAST(:accounts AS bigint[]))
                   AS v (id, attempt_id, account_id)
             WHERE t.account_id = v.account_id AND t.id = v.id
            """
        ),
        {
            "targets": [lease.target_id for lease in leases],
            "attempts": [lease.attempt_id for lease in leases],
            "accounts": [lease.account_id for lease in leases],
        },
    )


async def begin_sending(session: AsyncSession, attempt_ids: Sequence[UUID]) -> set[UUID]:
    """Second commit: not a byte leaves for an attempt that this does not return."""
    # In one order, as everywhere: two updates of many rows could else wait for each other.
    await _lock(session, "a.id = ANY(:ids) AND a.state = 'leased'", {"ids": list(attempt_ids)})
    rows = await session.execute(
        text(
            """
            WITH sending AS (
                UPDATE attempts a SET state = 'sending', sent_at = clock_timestamp()
                 WHERE a.id = ANY(:ids) AND a.state = 'leased' AND a.lease_until > clock_timestamp()
                   AND EXISTS (SELECT FROM plans p WHERE p.account_id = a.account_id AND p.id = a.plan_id
                                                     AND p.state IN ('running', 'paused'))
                   AND NOT EXISTS (SELECT FROM targets t WHERE t.account_id = a.account_id
                                      AND t.id = a.target_id AND (t.withdrawn OR t.hung_up))
                RETURNING a.account_id, a.id, a.target_id)
            UPDATE targets t SET attempts = t.attempts + 1
              FROM sending s WHERE t.account_id = s.account_id AND t.id = s.target_id
            RETURNING s.id
            """
        ),
        {"ids": list(attempt_ids)},
    )
    return set(rows.scalars())


async def _lock(session: AsyncSession, which: str, parameters: dict[str, Any]) -> None:
    await session.execute(
        text(f"SELECT FROM attempts a WHERE {which} ORDER BY a.account_id, a.id FOR NO KEY UPDATE"),
        parameters,
    )


async def insert_legs(session: AsyncSession, legs: Sequence[tuple[int, UUID, int, int, str]]) -> None:
    """Legs as (account_id, attempt_id, leg, trunk_id, call_id)."""
    await session.execute(
        text(
            "INSERT INTO legs (account_id, attempt_id, leg, trunk_id, call_id)"
            " VALUES (:account_id, :attempt_id, :leg, :trunk_id, :call_id) ON CONFLICT DO NOTHING"
        ),
        [
            {"account_id": a, "attempt_id": i, "leg": n, "trunk_id": trunk, "call_id": call_id}
            for a, i, n, trunk, call_id in legs
        ],
    )


async def end_legs(session: AsyncSession, legs: Sequence[dict[str, Any]]) -> None:
    """Close legs given as ``id``, ``leg``, ``ended_at`` and ``sip_code``."""
    if not legs:
        return
    await session.execute(
        text(
            "UPDATE legs SET ended_at = :ended_at, sip_code = :sip_code"
            " WHERE account_id = (SELECT account_id FROM attempts WHERE id = :id)"
            " AND attempt_id = :id AND leg = :leg"
        ),
        list(legs),
    )


async def set_ringing(session: AsyncSession, moments: dict[UUID, datetime]) -> None:
    await session.execute(
        text(
            """
            UPDATE attempts a SET state = 'ringing', ringing_at = v.at
              FROM unnest(CAST(:ids AS uuid[]), CAST(:at AS timestamptz[])) AS v (id, at)
             WHERE a.id = v.id AND a.state = 'sending'
            """
        ),
        {"ids": list(moments), "at": list(moments.values())},
    )


async def set_answered(session: AsyncSession, moments: dict[UUID, datetime]) -> None:
    await session.execute(
        text(
            """
            UPDATE attempts a SET state = 'answered', answered_at = v.at
              FROM unnest(CAST(:ids AS uuid[]), CAST(:at AS timestamptz[])) AS v (id, at)
             WHERE a.id = v.id AND a.state IN ('sending', 'ringing')
            """
        ),
        {"ids": list(moments), "at": list(moments.values())},
    )


async def set_played(session: AsyncSession, played: dict[UUID, int]) -> None:
    """How much of the message was heard so far, in milliseconds; it never goes back."""
    await session.execute(
        text(
            """
            UPDATE attempts a SET played_ms = v.ms,
                   duration_ms = greatest(a.duration_ms,
                       (extract(epoch FROM clock_timestamp() - a.answered_at) * 1000)::bigint)
              FROM unnest(CAST(:ids AS uuid[]), CAST(:ms AS bigint[])) AS v (id, ms)
             WHERE a.id = v.id AND a.state = 'answered' AND a.played_ms <= v.ms
            """
        ),
        {"ids": list(played), "ms": list(played.values())},
    )


async def take_back(session: AsyncSession, attempt_ids: Sequence[UUID], reason: str) -> None:
    """Give back what this worker leased and never ordered, whether or not its second commit went through."""
    await void_leased(session, attempt_ids, reason)
    await void_unsent(session, attempt_ids, reason)


async def void_leased(session: AsyncSession, attempt_ids: Sequence[UUID], reason: str) -> int:
    """Give leased attempts back to the queue with their holds: nothing had left."""
    return await _void(session, "a.id = ANY(:ids)", {"ids": list(attempt_ids)}, reason)


async def void_leased_of_plan(session: AsyncSession, account_id: int, plan_id: int) -> int:
    return await _void(
        session,
        "a.account_id = :account_id AND a.plan_id = :plan_id",
        {"account_id": account_id, "plan_id": plan_id},
        "stopped",
    )


async def void_leased_of_session(session: AsyncSession, worker: UUID) -> int:
    """What a worker, or its forerunner, had leased and not sent."""
    return await _void(session, "a.session_id = :session_id", {"session_id": worker}, "worker_lost")


async def void_expired_leases(session: AsyncSession) -> int:
    """Leases that ran out: their worker died or stalled before it sent."""
    return await _void(session, "a.lease_until < clock_timestamp()", {}, "lease_expired")


RETURN_SECONDS = 1.0
"""How long a target waits that a channel gave back: what was in the way is rarely gone in one tick."""


async def void_unsent(session: AsyncSession, attempt_ids: Sequence[UUID], reason: str) -> int:
    """Give back attempts that were to be sent, of which the channel proves that nothing left.

    Only for a channel's own word that no byte of the attempt was sent, or that of a worker that never
    ordered it; silence is no such word.
    """
    return await _void(
        session,
        "a.id = ANY(:ids)",
        {"ids": list(attempt_ids)},
        reason,
        state=AttemptState.SENDING,
        wait_seconds=RETURN_SECONDS,
    )


async def void_unsent_each(session: AsyncSession, reasons: Mapping[UUID, str]) -> None:
    """Give back attempts that were to be sent, each for its own reason (see ``void_unsent``)."""
    by_reason: dict[str, list[UUID]] = defaultdict(list)
    for attempt_id, why in reasons.items():
        by_reason[why].append(attempt_id)
    for why, attempt_ids in sorted(by_reason.items()):
        await void_unsent(session, attempt_ids, why)


async def _void(
    session: AsyncSession,
    which: str,
    parameters: dict[str, Any],
    reason: str,
    state: AttemptState = AttemptState.LEASED,
    wait_seconds: float = 0.0,
) -> int:
    parameters = {**parameters, "state": state}
    # Balances first: the order of locks that every transaction keeps.
    accounts = await session.scalars(
        text(f"SELECT DISTINCT a.account_id FROM attempts a WHERE a.state = :state AND {which}"),  # noqa: S608
        parameters,
    )
    ids = sorted(accounts)
    if not ids:
        return 0
    await credits.lock(session, ids)
    which = f"a.state = :state AND a.account_id = ANY(:accounts) AND {which}"
    parameters = {**parameters, "accounts": ids}
    await _lock(session, which, parameters)
    rows = (
        await session.execute(
            text(
                f"""
                WITH void AS (
                    UPDATE attempts a SET state = 'ended', ended_at = clock_timestamp(), reason = :reason
                     WHERE {which}
                    RETURNING a.account_id, a.id, a.plan_id, a.target_id, a.channel, a.held),
                waiting AS (
                    UPDATE targets t SET state = 'waiting', attempts = t.attempts - :sent,
                           due_at = greatest(t.due_at, now() + make_interval(secs => :wait))
                      FROM void v WHERE t.account_id = v.account_id AND t.id = v.target_id
                                  AND t.state = 'active' AND t.attempt_id = v.id)
                SELECT account_id, plan_id, channel, held, id FROM void
                """  # noqa: S608
            ),
            {
                **parameters,
                "reason": reason,
                "sent": int(state is AttemptState.SENDING),
                "wait": wait_seconds,
            },
        )
    ).all()
    released: dict[tuple[int, int, Currency], tuple[int, UUID]] = {}
    for row in rows:
        key = (row.account_id, row.plan_id, currency(row.channel))
        held, batch = released.get(key, (0, row.id))
        released[key] = (held + row.held, batch)
    for (account_id, plan_id, unit), (held, batch) in sorted(released.items()):
        await credits.settle(session, account_id, unit, held, 0, plan_id, batch)
    return len(rows)


def currency(channel: str) -> Currency:
    return Currency.PHONE if channel == Channel.CALL else Currency.SMS


async def lock_balances(session: AsyncSession, attempt_ids: Sequence[UUID]) -> None:
    """Lock the balances that these attempts' outcomes will change: before any lock on the attempts."""
    accounts = await session.scalars(
        text("SELECT DISTINCT account_id FROM attempts WHERE id = ANY(:ids)"), {"ids": list(attempt_ids)}
    )
    await credits.lock(session, sorted(accounts))


LATE_SECONDS = 7400
"""For how long after its sending an event may replace a provisional outcome: the longest call that the
voice protocol allows, and its ringing."""


async def lock_for_outcome(session: AsyncSession, attempt_ids: Sequence[UUID]) -> list[Any]:
    """Attempts that an outcome may still reach, locked after their accounts' balances."""
    await lock_balances(session, attempt_ids)
    rows = await session.execute(
        text(
            """
            SELECT a.account_id, a.id, a.plan_id, a.target_id, a.contact_id, a.channel, a.held,
                   a.pulse_seconds, a.price, a.provisional, a.state, a.answered_at, a.duration_ms,
                   a.played_ms, a.total_ms, a.keys, a.sent_at,
                   t.state AS target_state, t.outcome AS target_outcome, t.attempts AS sent_attempts,
                   t.withdrawn, t.hung_up, p.retries, p.owner_kind, p.owner_id, p.state AS plan_state,
                   p.credit_limit
              FROM attempts a
              JOIN targets t ON t.account_id = a.account_id AND t.id = a.target_id
              JOIN plans p ON p.account_id = a.account_id AND p.id = a.plan_id
             WHERE a.id = ANY(:ids) AND t.attempt_id = a.id
               AND (a.state <> 'ended'
                    OR (a.provisional AND a.sent_at > now() - make_interval(secs => :late)))
             ORDER BY a.account_id, a.id FOR NO KEY UPDATE OF a, t
            """
        ),
        {"ids": list(attempt_ids), "late": LATE_SECONDS},
    )
    return list(rows)


async def end(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Third commit: outcomes of locked attempts."""
    await session.execute(
        text(
            """
            UPDATE attempts SET state = 'ended', outcome = :outcome, reason = :reason,
                   provisional = :provisional, charged = :charged,
                   answered_at = coalesce(answered_at, CAST(:answered_at AS timestamptz)),
                   ended_at = :ended_at, sip_code = :sip_code, hungup_by = :hungup_by,
                   duration_ms = :duration_ms, played_ms = :played_ms, total_ms = :total_ms, keys = :keys,
                   delivery = :delivery
             WHERE account_id = :account_id AND id = :id
            """
        ),
        list(rows),
    )


async def end_targets(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Their targets: final, or waiting again for a retry (``outcome`` null and ``due_at`` set)."""
    await session.execute(
        text(
            """
            UPDATE targets SET credits = credits + :credits, outcome = :outcome, reason = :reason,
                   state = CASE WHEN CAST(:outcome AS text) IS NULL THEN 'waiting' ELSE 'final' END,
                   due_at = coalesce(CAST(:due_at AS timestamptz), due_at),
                   final_at = CASE WHEN CAST(:outcome AS text) IS NULL THEN NULL ELSE now() END
             WHERE account_id = :account_id AND id = :id
            """
        ),
        list(rows),
    )
