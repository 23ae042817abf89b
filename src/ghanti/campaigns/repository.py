"""The SQL of campaigns, and of what is counted about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns.models import Campaign
from ghanti.campaigns.schemas import DEMO_KIND, OWNER_KIND, CampaignFilter
from ghanti.contacts.models import Contact
from ghanti.dialing import ownership
from ghanti.speech.models import Voice


async def get(session: AsyncSession, account_id: int, campaign_id: int) -> Campaign | None:
    return await session.get(Campaign, (account_id, campaign_id))


async def lock(session: AsyncSession, account_id: int, campaign_id: int) -> Campaign | None:
    """The campaign, locked against other changes of it; contacts may still be added meanwhile.

    Its open plans are locked before it, since the engine, which ends plans, takes the two in that order.
    """
    await ownership.lock_open_plans(session, account_id, OWNER_KIND, campaign_id)
    statement = (
        select(Campaign)
        .where(Campaign.account_id == account_id, Campaign.id == campaign_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).one_or_none()


async def add(session: AsyncSession, campaign: Campaign) -> None:
    session.add(campaign)
    await session.flush()
    await session.refresh(campaign)


async def touch(session: AsyncSession, campaign: Campaign) -> None:
    """Write its changes, with the time of them."""
    campaign.updated_at = func.clock_timestamp()
    await session.flush()
    await session.refresh(campaign)


async def remove(session: AsyncSession, account_id: int, campaign_id: int) -> None:
    """The campaign and, by cascade, its contacts."""
    await session.execute(
        delete(Campaign)
        .where(Campaign.account_id == account_id, Campaign.id == campaign_id)
        .execution_options(synchronize_session=False)
    )


async def set_status(
    session: AsyncSession, account_id: int, campaign_id: int, status: str, reason: str | None
) -> None:
    await session.execute(
        update(Campaign)
        .where(Campaign.account_id == account_id, Campaign.id == campaign_id, Campaign.status != status)
        .values(status=status, status_reason=reason, updated_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )


async def exists(session: AsyncSession, account_id: int, campaign_id: int) -> bool:
    statement = select(Campaign.id).where(Campaign.account_id == account_id, Campaign.id == campaign_id)
    return (await session.execute(statement)).one_or_none() is not None


async def count(session: AsyncSession, account_id: int, wanted: CampaignFilter) -> int:
    statement = select(func.count()).select_from(Campaign).where(*_conditions(account_id, wanted))
    return await session.scalar(statement) or 0


async def page(
    session: AsyncSession, account_id: int, wanted: CampaignFilter, limit: int, offset: int
) -> Sequence[Any]:
    """One page of campaigns, as rows of (Campaign, Voice or None)."""
    order: tuple[ColumnElement[Any], ...] = (Campaign.updated_at.desc(), Campaign.id.desc())
    if wanted.oldest_first:
        order = (Campaign.updated_at.asc(), Campaign.id.asc())
    statement = (
        select(Campaign, Voice)
        .outerjoin(Voice, Voice.id == Campaign.voice_id)
        .where(*_conditions(account_id, wanted))
        .order_by(*order)
        .limit(limit)
        .offset(offset)
    )
    return (await session.execute(statement)).all()


def _conditions(account_id: int, wanted: CampaignFilter) -> list[ColumnElement[bool]]:
    conditions = [Campaign.account_id == account_id]
    if wanted.status is not None:
        conditions.append(Campaign.status == wanted.status)
    if wanted.search:
        conditions.append(Campaign.name.icontains(wanted.search, autoescape=True))
    if wanted.draft is not None:
        conditions.append(Campaign.draft == wanted.draft)
    if wanted.updated_from is not None:
        conditions.append(Campaign.updated_at >= wanted.updated_from)
    if wanted.updated_before is not None:
        conditions.append(Campaign.updated_at < wanted.updated_before)
    return conditions


async def voices(session: AsyncSession) -> Sequence[Voice]:
    return (await session.scalars(select(Voice).where(Voice.active).order_by(Voice.id))).all()


async def voice_named(session: AsyncSession, internal_name: str) -> Voice | None:
    statement = select(Voice).where(Voice.active, Voice.internal_name == internal_name).order_by(Voice.id)
    return (await session.scalars(statement.limit(1))).one_or_none()


async def voice(session: AsyncSession, voice_id: int) -> Voice | None:
    return (await session.scalars(select(Voice).where(Voice.active, Voice.id == voice_id))).one_or_none()


async def first_variables(session: AsyncSession, account_id: int, campaign_id: int) -> dict[str, Any]:
    """The variables of the campaign's first contact; none without contacts."""
    statement = (
        select(Contact.variables)
        .where(Contact.account_id == account_id, Contact.campaign_id == campaign_id)
        .order_by(Contact.id)
        .limit(1)
    )
    return await session.scalar(statement) or {}


async def demo_call_open(session: AsyncSession, account_id: int, contact_id: int) -> bool:
    """Whether a demo call of the contact waits or is under way."""
    return bool(
        await session.scalar(
            text(
                "SELECT EXISTS (SELECT FROM targets t"
                " JOIN plans p ON p.account_id = t.account_id AND p.id = t.plan_id"
                " WHERE t.account_id = :account_id AND t.contact_id = :contact_id AND t.state <> 'final'"
                " AND p.owner_kind = :kind)"
            ),
            {"account_id": account_id, "contact_id": contact_id, "kind": DEMO_KIND},
        )
    )


async def demo_calls(session: AsyncSession, account_id: int, contact_id: int, limit: int) -> Sequence[Any]:
    """The latest demo calls of a contact, newest first, each with its attempt."""
    rows = await session.execute(
        text(
            """
            SELECT p.id, p.owner_id AS campaign_id, t.contact_id, t.number, p.created_at, t.state, t.outcome,
                   t.credits, t.reason, a.state AS attempt_state, a.sent_at, a.ended_at, a.answered_at,
                   a.duration_ms, a.played_ms, a.total_ms
              FROM targets t
              JOIN plans p ON p.account_id = t.account_id AND p.id = t.plan_id
              LEFT JOIN attempts a ON a.account_id = t.account_id AND a.id = t.attempt_id
             WHERE t.account_id = :account_id AND t.contact_id = :contact_id AND p.owner_kind = :kind
             ORDER BY p.id DESC LIMIT :limit
            """
        ),
        {"account_id": account_id, "contact_id": contact_id, "kind": DEMO_KIND, "limit": limit},
    )
    return rows.all()
