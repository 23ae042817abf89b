"""The SQL of direct calls and messages. Their targets are the engine's (``dialing/ordered.py``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns.models import Campaign
from ghanti.campaigns.schemas import DIRECT_KIND
from ghanti.dialing.models import Plan, PlanState
from ghanti.dialing.service import PlanOrder


async def campaign_named(session: AsyncSession, account_id: int, name: str) -> Campaign | None:
    """The most recently updated campaign of this name that is no draft."""
    statement = (
        select(Campaign)
        .where(Campaign.account_id == account_id, Campaign.name == name, ~Campaign.draft)
        .order_by(Campaign.updated_at.desc(), Campaign.id.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


async def read_again(session: AsyncSession, campaign: Campaign) -> bool:
    """Bring a campaign up to date, whatever the session knows of it; answers whether it is still there."""
    key = (campaign.account_id, campaign.id)
    return await session.get(Campaign, key, populate_existing=True) is not None


@dataclass(frozen=True, slots=True)
class KnownPerson:
    """The contact of a campaign that has a number."""

    contact_id: int
    variables: dict[str, Any]


async def contacts_by_number(
    session: AsyncSession, account_id: int, campaign_id: int, numbers: Sequence[str]
) -> dict[str, KnownPerson]:
    """Contacts of a campaign by those of the numbers (E.164) that they have."""
    rows = await session.execute(
        text(
            """
            SELECT number, id, variables FROM contacts
             WHERE account_id = :account_id AND campaign_id = :campaign_id
               AND number = ANY(CAST(:numbers AS text[]))
            """
        ),
        {"account_id": account_id, "campaign_id": campaign_id, "numbers": list(numbers)},
    )
    return {row.number: KnownPerson(row.id, row.variables) for row in rows}


async def clock(session: AsyncSession) -> datetime:
    """The database's, at the transaction's begin."""
    return (await session.execute(select(func.now()))).scalar_one()


async def open_plan(session: AsyncSession, order: PlanOrder, good_for: timedelta) -> Plan | None:
    """The newest open plan that says what an order would, and is good for that long; it may end just now."""
    statement = (
        select(Plan)
        .where(
            Plan.account_id == order.account_id,
            Plan.owner_kind == DIRECT_KIND,
            Plan.owner_id == order.owner_id,
            Plan.state.in_([PlanState.RUNNING, PlanState.PAUSED]),
            Plan.expires_at > func.now() + good_for,
            Plan.call_content == order.call_content
            if order.call_content is not None
            else Plan.sms_content == order.sms_content,
            Plan.caller_numbers == order.caller_numbers,
            Plan.retries == order.retries,
            Plan.pace.is_not_distinct_from(order.pace),
            Plan.ring_seconds == order.ring_seconds,
        )
        .order_by(Plan.id.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()
