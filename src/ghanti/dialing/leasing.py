"""The tick's transaction: what gateway, account and plan allow, granted at once.

Locks are taken in one order, gateway -> balance -> plan -> targets, here and everywhere.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits import service as credits
from ghanti.credits.repository import Balances
from ghanti.dialing import attempts, closing, gateways, repository
from ghanti.dialing.attempts import Lease
from ghanti.dialing.claims import Claims, PlanKey
from ghanti.dialing.closing import HUNG_UP, WITHDRAWN
from ghanti.dialing.gateways import Gateway, Room, smsc_gateway, trunk_gateway
from ghanti.dialing.models import URGENT, Channel, Outcome, Plan, PlanClass, PlanState
from ghanti.dialing.pacing import DeficitRoundRobin, allowance
from ghanti.dialing.spending import committed
from ghanti.trunks import service as trunks

__all__ = ["Gateway", "Leaser", "smsc_gateway", "trunk_gateway"]

_LOOKAHEAD = 50
"""How far to look past targets whose price cannot be held, for some whose price can."""


@dataclass(frozen=True, slots=True, order=True)
class _Turn:
    account_id: int
    plan_id: int
    share: int

    @property
    def key(self) -> PlanKey:
        return self.account_id, self.plan_id


class Leaser:
    """Grants leases to one worker; what it remembers it may lose: whose turn it is, and what was locked."""

    def __init__(self, worker: UUID, channel: Channel, tick: float, lease_seconds: float, home: str) -> None:
        self._worker = worker
        self._channel = channel
        self._tick = timedelta(seconds=tick)
        self._lease_seconds = lease_seconds
        self._home = home
        self._turns: dict[str, DeficitRoundRobin] = defaultdict(DeficitRoundRobin)
        self._claims = Claims()

    async def grant(self, session: AsyncSession, gateway: Gateway, free: int, kept: int = 0) -> list[Lease]:
        """First commit of an attempt's three. The caller commits, and only then goes on.

        ``free`` is how many the worker has room for, ``kept`` how many of those only urgent classes may have.
        """
        if free <= 0:
            return []
        state = await gateways.lock(session, gateway, self._tick)
        if state is None:
            return []
        room = state.room(free, kept)
        if not room.urgent:
            return []
        turns = await self._turn(session, room, state.now)
        # The gateway is held, so nothing is waited for: one account's lock would stop every account.
        claimed = await self._claims.take(session, [turn.key for turn in turns])
        leases: list[Lease] = []
        for turn in sorted(turns):
            if turn.key in claimed:
                leases += await self._grant_plan(session, gateway, turn, state.now)
        if leases:
            parts = sum(_parts(lease) for lease in leases)
            await gateways.set_next_start(session, gateway, state.allowed.after(parts))
        return leases

    async def _turn(self, session: AsyncSession, room: Room, now: datetime) -> list[_Turn]:
        """Due plans with their shares. Classes go in order: a lower one gets what a higher leaves."""
        due: dict[str, dict[int, Any]] = {}
        rows = await _due_plans(session, self._channel, room.urgent)
        free = await self._claims.drop_held(session, [(row.account_id, row.id) for row in rows])
        for row in rows:
            if (row.account_id, row.id) in free:
                due.setdefault(row.plan_class, {})[row.id] = row
        turns = []
        for plan_class, plans in due.items():
            waiting = {
                plan_id: min(row.waiting, self._paced(row.pace, row.next_start_at, now, row.waiting))
                for plan_id, row in plans.items()
            }
            shares = self._turns[plan_class].shares(waiting, room.left(plan_class))
            for plan_id, share in shares.items():
                turns.append(_Turn(plans[plan_id].account_id, plan_id, share))
                room.take(plan_class, share)
        return turns

    def _paced(self, pace: Decimal | None, next_start_at: datetime, now: datetime, most: int) -> int:
        """Of so many starts, those that a plan's own pace allows now; texts have none."""
        if pace is None or self._channel is not Channel.CALL:
            return most
        return min(most, allowance(now, next_start_at, float(pace), self._tick).starts)

    async def _grant_plan(
        self, session: AsyncSession, gateway: Gateway, turn: _Turn, now: datetime
    ) -> list[Lease]:
        account_id, plan_id = turn.account_id, turn.plan_id
        balance = (await credits.lock(session, [account_id])).get(account_id, Balances())
        plan = await repository.lock_plan(session, account_id, plan_id)
        if plan is None or not _runnable(plan):
            return []
        # Once more, now that it is locked: another gateway's tick may have had its starts.
        share = self._paced(plan.pace, plan.next_start_at, now, turn.share)
        left, limited = await self._budget(session, plan, balance)
        targets = await self._refuse(session, plan, await _take(session, plan, self._channel, share))
        affordable = _affordable(targets, left)
        if targets and not affordable:
            # Those in front cost too much, others behind them may not.
            ahead = await self._refuse(session, plan, await _take(session, plan, self._channel, _LOOKAHEAD))
            affordable = _affordable(ahead, left)[:share]
        if targets and not affordable:
            await _starve(session, plan, self._channel, limited)
            return []
        if affordable and plan.state == PlanState.PAUSED:
            await _resume(session, plan, self._channel, balance)
        if affordable and plan.pace is not None and self._channel is Channel.CALL:
            allowed = allowance(now, plan.next_start_at, float(plan.pace), self._tick)
            plan.next_start_at = allowed.after(len(affordable))
        return await self._lease(session, gateway, plan, affordable)

    async def _refuse(self, session: AsyncSession, plan: Plan, targets: list[Any]) -> list[Any]:
        refusals = {
            row.id: (Outcome.INVALID_NUMBER, refusal)
            for row in targets
            if (refusal := trunks.destination_refusal(row.number, self._home))
        }
        refusals |= {row.id: (Outcome.CANCELLED, WITHDRAWN) for row in targets if row.withdrawn}
        refusals |= {row.id: (Outcome.CANCELLED, HUNG_UP) for row in targets if row.hung_up}
        await closing.refuse(session, plan, refusals, self._worker)
        return [row for row in targets if row.id not in refusals]

    async def _budget(self, session: AsyncSession, plan: Plan, balance: Balances) -> tuple[int, bool]:
        """What balance and credit limit leave to hold, and whether it is the limit that is less."""
        left = balance.of(attempts.currency(self._channel))
        if plan.credit_limit is None:
            return left, False
        under_limit = plan.credit_limit - await committed(session, plan.account_id, plan.id)
        return min(left, under_limit), under_limit < left

    async def _lease(
        self, session: AsyncSession, gateway: Gateway, plan: Plan, targets: list[Any]
    ) -> list[Lease]:
        if not targets:
            return []
        said = plan.call_content if self._channel is Channel.CALL else plan.sms_content
        leases = [
            Lease(
                # An attempt's id is never used twice: a voice process refuses one that it has seen.
                attempt_id=row.sid if row.sid is not None and row.attempt_id is None else uuid4(),
                account_id=plan.account_id,
                plan_id=plan.id,
                target_id=row.id,
                contact_id=row.contact_id,
                number=row.number,
                content=row.content or {},
                held=row.units,
                pulse_seconds=row.pulse_seconds,
                price=row.price,
                ring_seconds=plan.ring_seconds,
                caller_number=plan.caller_numbers[row.id % len(plan.caller_numbers)]
                if plan.caller_numbers
                else None,
                said=said or {},
                urgent=plan.plan_class in URGENT,
            )
            for row in targets
        ]
        await credits.reserve(
            session,
            plan.account_id,
            attempts.currency(self._channel),
            sum(lease.held for lease in leases),
            plan.id,
            leases[0].attempt_id,
        )
        await attempts.insert_leases(
            session, leases, self._channel, self._worker, self._lease_seconds, **{gateway.column: gateway.id}
        )
        return leases


def _parts(lease: Lease) -> int:
    """What a lease takes of its gateway's pace: an SMSC counts the parts of a message."""
    return int(lease.content.get("parts", 1))


def _affordable(targets: list[Any], left: int) -> list[Any]:
    """The targets, in their order, that can be held one after the other."""
    chosen = []
    for row in targets:
        if row.units <= left:
            left -= row.units
            chosen.append(row)
    return chosen


def _runnable(plan: Plan) -> bool:
    return plan.state == PlanState.RUNNING or (
        plan.state == PlanState.PAUSED and plan.state_reason == "credits"
    )


async def _starve(session: AsyncSession, plan: Plan, channel: Channel, limited: bool) -> None:
    """Nothing can be held: the limit ends the plan once all is settled, an empty balance pauses it.

    What is urgent ends too: somebody waits by the phone now, and not until credits are bought.
    """
    if await _live(session, plan):
        return
    if not limited:
        await credits.starved(session, plan.account_id, attempts.currency(channel), plan.id)
    if limited or plan.plan_class in URGENT:
        await closing.stop(session, plan, "credit_limit" if limited else "credits")
    elif plan.state == PlanState.RUNNING:
        plan.state, plan.state_reason = PlanState.PAUSED, "credits"
        await session.flush()


async def _resume(session: AsyncSession, plan: Plan, channel: Channel, balance: Balances) -> None:
    """Run on, unless the other channel still starves: what this one can afford goes meanwhile."""
    other = Channel.SMS if channel is Channel.CALL else Channel.CALL
    ahead = [row.units for row in await _take(session, plan, other, _LOOKAHEAD)]
    if not ahead or min(ahead) <= balance.of(attempts.currency(other)):
        plan.state, plan.state_reason = PlanState.RUNNING, None
        await session.flush()


async def _due_plans(session: AsyncSession, channel: Channel, starts: int) -> list[Any]:
    """Runnable plans that have ready targets now, at most ``starts`` counted each; urgent classes first."""
    rows = await session.execute(
        text(
            """
            SELECT p.account_id, p.id, p.plan_class, p.pace, p.next_start_at, due.waiting
              FROM plans p
              LEFT JOIN LATERAL (
                   SELECT CASE :channel WHEN 'call' THEN b.phone ELSE b.sms END AS credits
                     FROM credit_balances b WHERE b.account_id = p.account_id) balance ON true
              JOIN LATERAL (
                   SELECT count(*) AS waiting, min(units) AS least FROM (
                          SELECT units FROM targets t
                           WHERE t.account_id = p.account_id AND t.plan_id = p.id AND t.channel = :channel
                             AND t.state = 'waiting' AND t.ready AND t.due_at <= now()
                             AND (p.state = 'running' OR balance.credits > 0)
                           ORDER BY t.due_at, t.id
                           LIMIT CASE p.state WHEN 'running' THEN :starts ELSE :ahead END) ready
                   ) due ON due.waiting > 0
             WHERE p.starts_at <= now() AND (p.expires_at IS NULL OR p.expires_at > now())
               AND (p.state = 'running'
                    OR (p.state = 'paused' AND p.state_reason = 'credits' AND balance.credits >= due.least))
             ORDER BY array_position(CAST(:classes AS text[]), p.plan_class), p.id
            """
        ),
        {"channel": channel, "starts": starts, "ahead": _LOOKAHEAD, "classes": list(PlanClass)},
    )
    return list(rows)


async def _take(session: AsyncSession, plan: Plan, channel: Channel, limit: int) -> list[Any]:
    rows = await session.execute(
        text(
            """
            SELECT id, contact_id, number, content, units, pulse_seconds, price, withdrawn, hung_up, sid,
                   attempt_id
              FROM targets
             WHERE account_id = :account_id AND plan_id = :plan_id AND channel = :channel
               AND state = 'waiting' AND ready AND due_at <= now()
             ORDER BY due_at, id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
            """
        ),
        {"account_id": plan.account_id, "plan_id": plan.id, "channel": channel, "limit": limit},
    )
    return list(rows)


async def _live(session: AsyncSession, plan: Plan) -> bool:
    return bool(
        await session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM targets WHERE account_id = :account_id AND plan_id = :plan_id"
                " AND state = 'active')"
            ),
            {"account_id": plan.account_id, "plan_id": plan.id},
        )
    )
