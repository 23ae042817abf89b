"""The SQL of one-time passwords."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    ScalarSelect,
    cast,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.credits.repository import Balances
from ghanti.dialing.models import Attempt, Target, TargetState
from ghanti.otp.models import SentOtp, Way
from ghanti.otp.schemas import Limit, Scope
from ghanti.speech.models import Voice

# Literally as the index has it.
_OPEN_DIGITS = literal_column("-4", Integer)


async def lock_account(session: AsyncSession, account_id: int) -> None:
    """Let the account's one-time passwords be ordered one after the other until the transaction ends."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('ghanti otp', :account_id))"),
        {"account_id": account_id},
    )


async def waits(session: AsyncSession, account_id: int, number: str, limits: Sequence[Limit]) -> list[float]:
    """Seconds until each limit lets one more pass; 0 when it does now."""
    if not limits:
        return []
    row = (await session.execute(select(*(_wait(account_id, number, limit) for limit in limits)))).one()
    return [seconds or 0.0 for seconds in row]


def _wait(account_id: int, number: str, limit: Limit) -> ScalarSelect[Any]:
    """A limit is reached when so many were sent within its time; the oldest of them is waited for."""
    scopes: dict[Scope, ColumnElement[bool]] = {
        Scope.NUMBER: SentOtp.number == number,
        Scope.PREFIX: func.left(SentOtp.number, _OPEN_DIGITS) == func.left(number, _OPEN_DIGITS),
        Scope.ACCOUNT: true(),
    }
    # The statement's time, since an index can't be asked for what differs from row to row.
    now = func.statement_timestamp()
    return (
        select(cast(limit.seconds - func.extract("epoch", now - SentOtp.created_at), Float))
        .where(
            SentOtp.account_id == account_id,
            scopes[limit.scope],
            SentOtp.created_at > now - timedelta(seconds=limit.seconds),
        )
        .order_by(SentOtp.created_at.desc())
        .offset(limit.most - 1)
        .limit(1)
        .scalar_subquery()
    )


async def voice(session: AsyncSession, wanted: int | str) -> Voice | None:
    """A voice by its id, or by its internal or display name in any case; plain before premium ones."""
    if isinstance(wanted, int):
        named: ColumnElement[bool] = Voice.id == wanted
    else:
        name = wanted.lower()
        named = or_(func.lower(Voice.internal_name) == name, func.lower(Voice.display_name) == name)
    statement = select(Voice).where(Voice.active, named).order_by(Voice.is_premium, Voice.id).limit(1)
    return (await session.scalars(statement)).one_or_none()


async def promised(session: AsyncSession, account_id: int, expiry_seconds: int) -> Balances:
    """What those that wait for their turn are to hold, and the balance does not know of yet."""
    since = func.statement_timestamp() - timedelta(seconds=expiry_seconds)
    rows = await session.execute(
        select(SentOtp.way, func.sum(SentOtp.credits))
        .join(Target, (Target.account_id == SentOtp.account_id) & (Target.id == SentOtp.target_id))
        .where(
            SentOtp.account_id == account_id,
            SentOtp.created_at > since,
            Target.state == TargetState.WAITING,
        )
        .group_by(SentOtp.way)
    )
    sums = {row[0]: int(row[1]) for row in rows}
    return Balances(phone=sums.get(Way.VOICE, 0), sms=sums.get(Way.TEXT, 0))


async def add(session: AsyncSession, row: SentOtp) -> None:
    """Insert it, and note the moment: of rows under one account's lock the later one is the younger."""
    row.created_at = func.clock_timestamp()
    session.add(row)
    await session.flush()
    await session.refresh(row)


async def total(session: AsyncSession, account_id: int) -> int:
    statement = select(func.count()).select_from(SentOtp).where(SentOtp.account_id == account_id)
    return int(await session.scalar(statement) or 0)


async def page(session: AsyncSession, account_id: int, limit: int, offset: int) -> Sequence[Any]:
    """Rows of (SentOtp, state, outcome, reason, credits, attempt state, held, delivery), the newest first."""
    newest = (
        select(SentOtp.id)
        .where(SentOtp.account_id == account_id)
        .order_by(SentOtp.id.desc())
        .limit(limit)
        .offset(offset)
    )
    ids = list(await session.scalars(newest))
    statement = (
        select(
            SentOtp,
            Target.state,
            Target.outcome,
            Target.reason,
            Target.credits,
            Attempt.state.label("attempt_state"),
            Attempt.held,
            Attempt.delivery,
        )
        .outerjoin(Target, (Target.account_id == SentOtp.account_id) & (Target.id == SentOtp.target_id))
        .outerjoin(Attempt, (Attempt.account_id == Target.account_id) & (Attempt.id == Target.attempt_id))
        .where(SentOtp.account_id == account_id, SentOtp.id.in_(ids))
        .order_by(SentOtp.id.desc())
    )
    return (await session.execute(statement)).all()


async def erase(session: AsyncSession, keep_days: int, limit: int) -> int:
    """Erase codes and texts that are older, also from their plans; answers of how many."""
    old = (
        select(SentOtp.account_id, SentOtp.id)
        .where(SentOtp.code.is_not(None), SentOtp.created_at < func.now() - timedelta(days=keep_days))
        .order_by(SentOtp.created_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("old")
    )
    rows = await session.execute(
        update(SentOtp)
        .where(SentOtp.account_id == old.c.account_id, SentOtp.id == old.c.id)
        .values(code=None, message=None)
        .returning(SentOtp.account_id, SentOtp.plan_id)
        .execution_options(synchronize_session=False)
    )
    erased = rows.all()
    await session.execute(
        text(
            """
            UPDATE plans p SET call_content = NULL, sms_content = NULL
              FROM unnest(CAST(:accounts AS bigint[]), CAST(:plans AS bigint[])) AS v (account_id, id)
             WHERE p.account_id = v.account_id AND p.id = v.id AND p.state = 'finished'
            """
        ),
        {"accounts": [row.account_id for row in erased], "plans": [row.plan_id for row in erased]},
    )
    return len(erased)
