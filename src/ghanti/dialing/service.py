"""What those above the engine may ask of it: make plans, add targets, stop, read figures.

What a plan says, its ``call_content`` and ``sms_content``, is described in ``contents.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits.repository import Balances
from ghanti.credits.tariff import Tariffs
from ghanti.dialing import closing, ordered, repository
from ghanti.dialing.models import Channel, Plan, PlanClass, PlanState
from ghanti.dialing.repository import PlanFigures


@dataclass(frozen=True, slots=True)
class PlanOrder:
    account_id: int
    owner_kind: str
    owner_id: int
    plan_class: PlanClass = PlanClass.BULK
    call_content: dict[str, Any] | None = None
    sms_content: dict[str, Any] | None = None
    caller_numbers: list[str] = field(default_factory=list)
    credit_limit: int | None = None
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    ring_seconds: int = 30
    retries: dict[str, Any] = field(default_factory=dict)
    pace: Decimal | None = None
    """Call starts a second; None is as fast as the trunks allow."""
    text_instead: bool = False
    """Whether ``text_instead`` may be asked for: it is then open until what became of its calls is sure."""


async def create_plan(session: AsyncSession, order: PlanOrder) -> Plan:
    """A running plan; the tick reads ``starts_at``. Add its targets in the same transaction.

    Targets that wait at ``expires_at`` end as expired, free of charge.
    """
    plan = Plan(
        account_id=order.account_id,
        plan_class=order.plan_class,
        owner_kind=order.owner_kind,
        owner_id=order.owner_id,
        state=PlanState.RUNNING,
        call_content=order.call_content,
        sms_content=order.sms_content,
        caller_numbers=order.caller_numbers,
        credit_limit=order.credit_limit or None,
        starts_at=order.starts_at or func.now(),
        expires_at=order.expires_at,
        ring_seconds=order.ring_seconds,
        retries=order.retries,
        pace=order.pace,
        text_instead=order.text_instead,
    )
    session.add(plan)
    await session.flush()
    await session.refresh(plan)
    return plan


async def add_targets(
    session: AsyncSession,
    plan: Plan,
    channels: Sequence[Channel],
    contact_ids: Sequence[int] | None = None,
    *,
    repeat: bool = False,
) -> int:
    """Targets for the contacts of the campaign that the plan's owner id names, or for those of them named.

    A contact that plans of this kind of owner have reached before is left out, unless ``repeat`` is set.
    Answers how many were added; 0 when the plan ended meanwhile.
    """
    if not await _open(session, plan):
        return 0
    total = 0
    for channel in channels:
        added = await repository.insert_targets(session, plan, channel, contact_ids, repeat=repeat)
        await _count_added(session, plan, channel, added)
        total += added
    return total


async def add_number(session: AsyncSession, plan: Plan, channel: Channel, number: str, carrier: str) -> int:
    """A target for a number that is no contact's, in E.164; answers its id. The plan must be open."""
    if not await _open(session, plan):
        raise ValueError(f"plan {plan.id} takes no more targets")
    target_id = await repository.insert_number(session, plan, channel, number, carrier)
    await _count_added(session, plan, channel, 1)
    return target_id


async def add_numbers(
    session: AsyncSession, plan: Plan, channel: Channel, numbers: Sequence[ordered.Number]
) -> bool:
    """Targets for numbers, each known by a sid from now on; answers False when the plan ended meanwhile."""
    if not await _open(session, plan):
        return False
    await ordered.insert(session, plan, channel, numbers)
    await _count_added(session, plan, channel, len(numbers))
    return True


async def least(session: AsyncSession, plan: Plan, tariffs: Tariffs) -> Balances:
    """What one pulse of each call and one segment of each text of the plan cost."""
    phone = sms = 0
    for row in await repository.count_heads(session, plan, tariffs.longest):
        tariff = tariffs.of(row.head)
        if row.channel == Channel.CALL:
            phone += row.targets * tariff.credits_per_pulse
        else:
            sms += row.targets * tariff.credits_per_segment
    return Balances(phone, sms)


async def promise(session: AsyncSession, plan: Plan, units: int) -> None:
    """Note what each target of a new plan will hold, estimated until its content is ready."""
    await repository.set_units(session, plan, units)


async def text_instead(session: AsyncSession, account_id: int, target_ids: Sequence[int]) -> None:
    """Have a text follow each of these calls, once, in the transaction that ends them; the plan waits for it.

    For handlers of outcomes. The text is the plan's ``sms_content``, and is held and charged as any.
    """
    added = await repository.insert_texts(session, account_id, target_ids)
    await repository.add_figures(
        session,
        repository.NOBODY,
        [
            repository.FigureDelta(account_id, plan_id, Channel.SMS, repository.ADDED, count, 0)
            for plan_id, count in added.items()
        ],
    )


async def set_pace(session: AsyncSession, account_id: int, plan_id: int, pace: Decimal | None) -> None:
    """Bound the call starts of a plan anew, from now on; None leaves them to the trunks."""
    plan = await repository.lock_plan(session, account_id, plan_id)
    if plan is not None:
        plan.pace = pace
        plan.next_start_at = func.now()


async def _open(session: AsyncSession, plan: Plan) -> bool:
    locked = await repository.lock_plan(session, plan.account_id, plan.id)
    return locked is not None and locked.state in (PlanState.RUNNING, PlanState.PAUSED)


async def _count_added(session: AsyncSession, plan: Plan, channel: Channel, added: int) -> None:
    await repository.add_figures(
        session,
        repository.NOBODY,
        [repository.FigureDelta(plan.account_id, plan.id, channel, repository.ADDED, added, 0)],
    )


async def stop_plan(session: AsyncSession, account_id: int, plan_id: int, reason: str) -> bool:
    """Dial nothing more. Workers hang up what is live; answers whether there was anything to stop."""
    plan = await closing.lock_with_balance(session, account_id, plan_id)
    if plan is None or plan.state in (PlanState.STOPPED, PlanState.FINISHED):
        return False
    await closing.stop(session, plan, reason)
    return True


async def set_credit_limit(
    session: AsyncSession, account_id: int, plan_id: int, credit_limit: int | None
) -> None:
    plan = await repository.lock_plan(session, account_id, plan_id)
    if plan is not None:
        plan.credit_limit = credit_limit or None


async def live_plan(session: AsyncSession, account_id: int, owner_kind: str, owner_id: int) -> Plan | None:
    """The owner's plan that runs, waits for its start or is paused."""
    return await repository.live_plan(session, account_id, owner_kind, owner_id)


async def figures(session: AsyncSession, account_id: int, plan_ids: Sequence[int]) -> dict[int, PlanFigures]:
    return await repository.read_figures(session, account_id, plan_ids)
