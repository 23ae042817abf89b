"""The SQL of campaigns, and of what is counted about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, func, null, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns.models import Campaign
from ghanti.campaigns.schemas import OWNER_KIND, CampaignFilter
from ghanti.contacts.models import Contact
from ghanti.dialing.models import Plan, PlanState, Target, TargetState
from ghanti.speech.models import Voice


async def get(session: AsyncSession, account_id: int, campaign_id: int) -> Campaign | None:
    return await session.get(Campaign, (account_id, campaign_id))


async def lock(session: AsyncSession, account_id: int, campaign_id: int) -> Campaign | None:
    """The campaign, locked against other changes of it; contacts may still be added meanwhile.

    Its open plans are locked before it, since the engine, which ends plans, takes the two in that order.
    """
    await session.execute(
        select(Plan.id)
        .where(*_plans_of(account_id, [campaign_id]), Plan.state != PlanState.FINISHED)
        .order_by(Plan.id)
        .with_for_update(key_share=True)
    )
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
    await session.flush()
    await session.execute(
        update(Campaign)
        .where(Campaign.account_id == campaign.account_id, Campaign.id == campaign.id)
        .values(updated_at=func.clock_timestamp())
        .execution_options(synchronize_session=False)
    )
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


async def contact_counts(
    session: AsyncSession, account_id: int, campaign_ids: Sequence[int]
) -> dict[int, int]:
    statement = (
        select(Contact.campaign_id, func.count())
        .where(Contact.account_id == account_id, Contact.campaign_id.in_(campaign_ids))
        .group_by(Contact.campaign_id)
    )
    return {row[0]: row[1] for row in await session.execute(statement)}


async def plans(session: AsyncSession, account_id: int, campaign_ids: Sequence[int]) -> Sequence[Plan]:
    """The plans that campaigns ordered, oldest first."""
    statement = select(Plan).where(*_plans_of(account_id, campaign_ids)).order_by(Plan.id)
    return (await session.scalars(statement)).all()


def _plans_of(account_id: int, campaign_ids: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    return (
        Plan.account_id == account_id,
        Plan.owner_kind == OWNER_KIND,
        Plan.owner_id.in_(campaign_ids),
    )


async def withdraw_plan(session: AsyncSession, account_id: int, plan_id: int) -> bool:
    """Forget a plan that has not begun, with its targets; answers False when it has."""
    attempted = select(Target.id).where(
        Target.account_id == account_id, Target.plan_id == plan_id, Target.attempt_id.is_not(None)
    )
    result = await session.execute(
        delete(Plan)
        .where(
            Plan.account_id == account_id,
            Plan.id == plan_id,
            Plan.starts_at > func.clock_timestamp(),
            ~attempted.exists(),
        )
        .returning(Plan.id)
        .execution_options(synchronize_session=False)
    )
    return result.one_or_none() is not None


async def forget_finished_plans(session: AsyncSession, account_id: int, campaign_id: int) -> None:
    """Remove the finished plans of a campaign with their targets and attempts; the ledger stays."""
    await session.execute(
        delete(Plan)
        .where(*_plans_of(account_id, [campaign_id]), Plan.state == PlanState.FINISHED)
        .execution_options(synchronize_session=False)
    )


async def voices(session: AsyncSession) -> Sequence[Voice]:
    return (await session.scalars(select(Voice).where(Voice.active).order_by(Voice.id))).all()


async def voice_named(session: AsyncSession, internal_name: str) -> Voice | None:
    statement = select(Voice).where(Voice.active, Voice.internal_name == internal_name).order_by(Voice.id)
    return (await session.scalars(statement.limit(1))).one_or_none()


async def voice(session: AsyncSession, voice_id: int) -> Voice | None:
    return (await session.scalars(select(Voice).where(Voice.active, Voice.id == voice_id))).one_or_none()


async def carriers(session: AsyncSession, account_id: int, campaign_id: int) -> dict[str, int]:
    """Contacts by carrier, the most frequent first; only carriers present."""
    rows = await session.execute(
        text(
            "SELECT carrier, count(*) AS contacts FROM contacts"
            " WHERE account_id = :account_id AND campaign_id = :campaign_id"
            " GROUP BY carrier ORDER BY contacts DESC, carrier"
        ),
        {"account_id": account_id, "campaign_id": campaign_id},
    )
    return {row.carrier: row.contacts for row in rows}


async def lock_targets(session: AsyncSession, account_id: int, contact_id: int) -> Sequence[Target]:
    """The open targets of a contact, locked, so that it is not leased meanwhile."""
    statement = (
        select(Target)
        .where(
            Target.account_id == account_id,
            Target.contact_id == contact_id,
            Target.state != TargetState.FINAL,
        )
        .order_by(Target.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(statement)).all()


async def renumber_waiting(session: AsyncSession, contact: Contact) -> None:
    """Let the waiting targets of a contact have its present number."""
    await _update_waiting(
        session, contact.account_id, contact.id, number=contact.number, carrier=contact.carrier
    )


async def unprepare_waiting(session: AsyncSession, account_id: int, contact_id: int) -> None:
    """Have what was made ready with former variables made ready again."""
    await _update_waiting(session, account_id, contact_id, ready=False, content=null())


async def _update_waiting(session: AsyncSession, account_id: int, contact_id: int, **values: Any) -> None:
    await session.execute(
        update(Target)
        .where(
            Target.account_id == account_id,
            Target.contact_id == contact_id,
            Target.state == TargetState.WAITING,
        )
        .values(**values)
        .execution_options(synchronize_session=False)
    )
