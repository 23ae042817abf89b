"""Recording what became of attempts: outcome, charge, retry or final, figures, handlers; one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import service as credits
from ghanti.credits.tariff import Tariff
from ghanti.dialing import answers, attempts, erasing, handlers, repository
from ghanti.dialing.models import AttemptState, Channel, Delivery, Outcome, PlanState, TargetState
from ghanti.dialing.repository import FigureDelta
from ghanti.dialing.spending import LateCharges


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """What a channel says of an ended attempt; None leaves what is known already.

    Durations are in ms; ``parts`` are accepted SMS parts. A ``provisional`` outcome stands until the
    channel says better, see ``record``.
    """

    attempt_id: UUID
    outcome: Outcome
    reason: str
    ended_at: datetime
    provisional: bool = False
    answered_at: datetime | None = None
    duration_ms: int | None = None
    played_ms: int | None = None
    total_ms: int | None = None
    sip_code: int | None = None
    hungup_by: str | None = None
    keys: str | None = None
    parts: int = 0
    delivery: Delivery | None = None


async def record(session: AsyncSession, batch: Sequence[AttemptOutcome], worker: UUID) -> set[UUID]:
    """Record a batch; answers the attempts that it ended. One that had ended already is left as it was.

    Each is charged by the price that it was held at.

    Only a provisional outcome is replaced, once, by one that is not; whoever was told of the first is
    then told of the second too.
    """
    if not batch:
        return set()
    by_id = {outcome.attempt_id: outcome for outcome in await _complete(session, batch)}
    locked = [
        row
        for row in await attempts.lock_for_outcome(session, list(by_id))
        if not (row.provisional and by_id[row.id].provisional)
    ]
    if not locked:
        return set()
    charges = await _charges(session, locked, by_id)
    await attempts.end(session, [_ended(row, by_id[row.id], charges[row.id]) for row in locked])
    await erasing.forget_ended(session, [row for row in locked if row.withdrawn])
    retries = {row.id: _retry(row, by_id[row.id]) for row in locked}
    await attempts.end_targets(
        session, [_target(row, by_id[row.id], charges[row.id], retries[row.id]) for row in locked]
    )
    await _settle(session, locked, charges)
    await repository.add_figures(
        session,
        worker,
        [d for row in locked for d in _figures(row, by_id[row.id], charges[row.id], retries[row.id])],
    )
    await _tell(session, [(row, by_id[row.id]) for row in locked if retries[row.id] is None])
    return {row.id for row in locked}


async def _complete(session: AsyncSession, batch: Sequence[AttemptOutcome]) -> list[AttemptOutcome]:
    """Calls that broke off behind their last answer are complete: another would have nothing to ask."""
    broken = [o.attempt_id for o in batch if o.outcome in (Outcome.HUNGUP, Outcome.UNKNOWN)]
    done = await answers.all_answered(session, broken) if broken else set()
    return [
        replace(o, outcome=Outcome.COMPLETED, reason=f"all answered, then {o.reason}")
        if o.attempt_id in done
        else o
        for o in batch
    ]


async def _charges(
    session: AsyncSession, locked: Sequence[Any], by_id: Mapping[UUID, AttemptOutcome]
) -> dict[UUID, int]:
    """Never more than was held; for late events, whose holds were given back, no more than is left."""
    charges: dict[UUID, int] = {}
    late = LateCharges(session)
    for row in locked:
        cost = min(_cost(row, by_id[row.id]), int(row.held))
        charges[row.id] = await late.take(row, cost) if row.provisional else cost
    return charges


def _cost(row: Any, outcome: AttemptOutcome) -> int:
    tariff = Tariff.held_at(row.pulse_seconds, row.price)
    if row.channel == Channel.SMS:
        return tariff.message(outcome.parts)
    return tariff.call(outcome.duration_ms or 0) if outcome.answered_at is not None else 0


def _ended(row: Any, outcome: AttemptOutcome, charged: int) -> dict[str, Any]:
    return {
        "account_id": row.account_id,
        "id": row.id,
        "outcome": outcome.outcome,
        "reason": outcome.reason,
        "provisional": outcome.provisional,
        "charged": charged,
        "answered_at": outcome.answered_at,
        "ended_at": outcome.ended_at,
        "sip_code": outcome.sip_code,
        "hungup_by": outcome.hungup_by,
        "duration_ms": row.duration_ms if outcome.duration_ms is None else outcome.duration_ms,
        "played_ms": row.played_ms if outcome.played_ms is None else outcome.played_ms,
        "total_ms": row.total_ms if outcome.total_ms is None else outcome.total_ms,
        "keys": row.keys if outcome.keys is None else outcome.keys,
        "delivery": outcome.delivery,
    }


def _retry(row: Any, outcome: AttemptOutcome) -> timedelta | None:
    """How long until a retry, or None when the outcome is final.

    Only calls that were sent are tried again: of what cannot even be ordered, no tries are counted.
    """
    rule = row.retries.get(outcome.outcome)
    if (
        rule is None
        or row.channel != Channel.CALL
        or row.state == AttemptState.LEASED
        or row.withdrawn
        or row.hung_up
        or row.target_state == TargetState.FINAL
        or outcome.outcome in (Outcome.CANCELLED, Outcome.INVALID_NUMBER)
    ):
        return None
    if row.plan_state not in (PlanState.RUNNING, PlanState.PAUSED) or row.sent_attempts > rule["times"]:
        return None
    return timedelta(seconds=rule["gap_seconds"])


def _target(row: Any, outcome: AttemptOutcome, charged: int, retry: timedelta | None) -> dict[str, Any]:
    return {
        "account_id": row.account_id,
        "id": row.target_id,
        "credits": charged,
        "outcome": outcome.outcome if retry is None else None,
        "reason": outcome.reason,
        "due_at": None if retry is None else outcome.ended_at + retry,
    }


async def _settle(session: AsyncSession, locked: Sequence[Any], charges: dict[UUID, int]) -> None:
    """One ledger entry a plan and currency for what was held; late charges are entries of their own."""
    held: dict[tuple[int, int, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in locked:
        if row.provisional:
            await _charge_late(session, row, charges[row.id])
            continue
        sums = held[(row.account_id, row.plan_id, row.channel)]
        sums[0] += row.held
        sums[1] += charges[row.id]
    batch = locked[0].id
    for (account_id, plan_id, channel), (was_held, charged) in sorted(held.items()):
        await credits.settle(
            session, account_id, attempts.currency(channel), was_held, charged, plan_id, batch
        )


async def _charge_late(session: AsyncSession, row: Any, charged: int) -> None:
    currency = attempts.currency(row.channel)
    await credits.charge_late(session, row.account_id, currency, charged, row.plan_id, row.id)


def _figures(row: Any, outcome: AttemptOutcome, charged: int, retry: timedelta | None) -> list[FigureDelta]:
    final = int(retry is None)
    deltas = [FigureDelta(row.account_id, row.plan_id, row.channel, outcome.outcome, final, charged)]
    if row.target_state == TargetState.FINAL:
        deltas.append(FigureDelta(row.account_id, row.plan_id, row.channel, row.target_outcome, -1, 0))
    return deltas


async def _tell(session: AsyncSession, final: Sequence[tuple[Any, AttemptOutcome]]) -> None:
    batches: dict[str, list[handlers.TargetOutcome]] = defaultdict(list)
    for row, outcome in final:
        batches[row.owner_kind].append(
            handlers.TargetOutcome(
                row.account_id,
                row.plan_id,
                row.target_id,
                row.contact_id,
                Channel(row.channel),
                outcome.outcome,
                row.owner_id,
                dialled=row.sent_attempts > 0,
                provisional=outcome.provisional,
            )
        )
    for owner_kind, batch in batches.items():
        await handlers.outcomes(session, owner_kind, batch)
