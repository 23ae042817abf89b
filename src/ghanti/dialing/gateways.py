"""Trunks and SMSCs as the tick sees them: what pace, channels and reserve allow now, and to whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.dialing.models import URGENT, PlanClass
from ghanti.dialing.pacing import Allowance, allowance, reserved_channels, reserved_starts

_OTP_ONLY = 1
"""Of the channels kept for urgent classes, those that only passwords may have."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """A trunk or an SMSC; ``limit`` names what bounds the attempts live on it at one time."""

    table: str
    id: int
    rate: str
    limit: str

    @property
    def column(self) -> str:
        """The attempts' column that names it."""
        return f"{self.table[:-1]}_id"


def trunk_gateway(trunk_id: int) -> Gateway:
    return Gateway("trunks", trunk_id, "cps", "max_calls")


def smsc_gateway(smsc_id: int) -> Gateway:
    return Gateway("smscs", smsc_id, "messages_per_second", "window_size")


@dataclass(frozen=True, slots=True)
class State:
    """A locked gateway by the database's clock; ``live``, ``urgent`` and ``otp`` count attempts on it."""

    now: datetime
    allowed: Allowance
    capacity: int
    reserved: int
    live: int
    urgent: int
    otp: int

    def room(self, free: int, kept: int) -> Room:
        """What a worker with ``free`` places may lease, ``kept`` of which are for urgent classes."""
        return Room(
            urgent=max(0, min(self.allowed.urgent, free, self.capacity - self.live)),
            shared_starts=min(self.allowed.shared, free - min(kept, _OTP_ONLY)),
            shared_channels=self.capacity - min(self.reserved, _OTP_ONLY) - (self.live - self.otp),
            starts=min(self.allowed.starts, free - kept),
            channels=self.capacity - self.reserved - (self.live - self.urgent),
        )


@dataclass(slots=True)
class Room:
    """What one tick may still grant.

    Passwords may have all of ``urgent``, demo calls what is shared of it: one start and one channel of the
    reserve are the passwords' alone. Of what is shared the others may have as many as pace (``starts``) and
    ``channels`` leave outside the reserve, which what is urgent uses up first.
    """

    urgent: int
    shared_starts: int
    shared_channels: int
    starts: int
    channels: int

    def left(self, plan_class: str) -> int:
        """Starts that plans of a class may have."""
        if plan_class == PlanClass.OTP:
            return self.urgent
        shared = max(0, min(self.urgent, self.shared_starts, self.shared_channels))
        return shared if plan_class in URGENT else max(0, min(shared, self.starts, self.channels))

    def take(self, plan_class: str, count: int) -> None:
        self.urgent -= count
        self.starts -= count
        self.shared_starts -= count
        if plan_class != PlanClass.OTP:
            self.shared_channels -= count
        if plan_class not in URGENT:
            self.channels -= count


async def lock(session: AsyncSession, gateway: Gateway, tick: timedelta) -> State | None:
    """The gateway, locked; None when it is not in use."""
    row = (
        await session.execute(
            text(
                f"SELECT next_start_at, {gateway.rate} AS rate, {gateway.limit} AS capacity,"  # noqa: S608
                f" reserved_percent, clock_timestamp() AS now"
                f" FROM {gateway.table} WHERE id = :id AND active FOR NO KEY UPDATE"
            ),
            {"id": gateway.id},
        )
    ).one_or_none()
    if row is None:
        return None
    # Counted after the lock is held: what another worker leased meanwhile is seen.
    live = (
        await session.execute(
            text(
                f"""
                SELECT count(*) AS total, count(*) FILTER (WHERE p.plan_class = ANY(:urgent)) AS urgent,
                       count(*) FILTER (WHERE p.plan_class = 'otp') AS otp
                  FROM attempts a
                  JOIN plans p ON p.account_id = a.account_id AND p.id = a.plan_id AND p.state <> 'finished'
                 WHERE a.state <> 'ended' AND a.{gateway.column} = :id
                """  # noqa: S608
            ),
            {"id": gateway.id, "urgent": sorted(URGENT)},
        )
    ).one()
    rate = float(row.rate)
    return State(
        now=row.now,
        allowed=allowance(
            row.now, row.next_start_at, rate, tick, reserved_starts(rate, row.reserved_percent)
        ),
        capacity=row.capacity,
        reserved=reserved_channels(row.capacity, row.reserved_percent),
        live=live.total,
        urgent=live.urgent,
        otp=live.otp,
    )


async def set_next_start(session: AsyncSession, gateway: Gateway, moment: datetime) -> None:
    await session.execute(
        text(f"UPDATE {gateway.table} SET next_start_at = :moment WHERE id = :id"),  # noqa: S608
        {"moment": moment, "id": gateway.id},
    )
