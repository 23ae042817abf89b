"""The SQL of trunks, SMSCs and caller numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.trunks.models import CallerNumber, Smsc, Trunk

WayOut = TypeVar("WayOut", Trunk, Smsc)


async def trunks(session: AsyncSession, *, simulated: bool) -> Sequence[Trunk]:
    statement = select(Trunk).where(Trunk.active, Trunk.simulated == simulated).order_by(Trunk.id)
    return (await session.scalars(statement)).all()


async def smscs(session: AsyncSession, *, simulated: bool) -> Sequence[Smsc]:
    statement = select(Smsc).where(Smsc.active, Smsc.simulated == simulated).order_by(Smsc.id)
    return (await session.scalars(statement)).all()


async def named(session: AsyncSession, kind: type[WayOut], name: str) -> WayOut | None:
    return (await session.scalars(select(kind).where(kind.name == name))).one_or_none()


async def caller_numbers(session: AsyncSession, account_id: int | None) -> Sequence[CallerNumber]:
    """The account's own numbers, or the shared ones for None; oldest first."""
    owner = CallerNumber.account_id.is_(None) if account_id is None else CallerNumber.account_id == account_id
    return (await session.scalars(select(CallerNumber).where(owner).order_by(CallerNumber.id))).all()


async def usable_caller_numbers(
    session: AsyncSession, account_id: int, ids: Sequence[int] | None = None
) -> Sequence[CallerNumber]:
    """Numbers the account may show: its own and the shared ones, own first; only ``ids`` when given."""
    statement = select(CallerNumber).where(
        or_(CallerNumber.account_id == account_id, CallerNumber.account_id.is_(None))
    )
    if ids is not None:
        statement = statement.where(CallerNumber.id.in_(ids))
    return (
        await session.scalars(statement.order_by(CallerNumber.account_id.is_(None), CallerNumber.id))
    ).all()


async def caller_number(session: AsyncSession, number: str) -> CallerNumber | None:
    return (await session.scalars(select(CallerNumber).where(CallerNumber.number == number))).one_or_none()
