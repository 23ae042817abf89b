"""The SQL of campaigns, and of what is counted about them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns.models import Campaign, CampaignStatus, Services
from ghanti.campaigns.schemas import DEMO_KIND, OWNER_KIND, CampaignFilter
from ghanti.contacts.models import Contact
from ghanti.database.lookups import Lookups
from ghanti.dialing import ownership
from ghanti.speech.models import Voice


async def clock(session: AsyncSession) -> datetime:
    """The database's time: every process starts campaigns by it."""
    now: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return now


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


IDLE = f"""
    SELECT FROM campaigns
     WHERE account_id = %(account_id)s::bigint AND id = %(campaign_id)s::bigint
       AND status NOT IN ('{CampaignStatus.RUNNING}', '{CampaignStatus.SCHEDULED}') AND {{after}}
       FOR SHARE SKIP LOCKED
"""
"""What ``hold_idle`` does, as the condition of another statement."""


async def hold_idle(session: AsyncSession, account_id: int, campaign_id: int) -> bool:
    """Keep a campaign that is not under way from beginning until the transaction ends.

    False when it is under way, or somebody changes it right now: then it is to be locked after its plans.
    """
    statement = (
        select(Campaign.id)
        .where(
            Campaign.account_id == account_id,
            Campaign.id == campaign_id,
            Campaign.status.not_in([CampaignStatus.RUNNING, CampaignStatus.SCHEDULED]),
        )
        .with_for_update(read=True, skip_locked=True)
    )
    return await session.scalar(statement) is not None


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


async def page(
    lookups: Lookups, account_id: int, wanted: CampaignFilter, limit: int, offset: int
) -> Sequence[Any]:
    """One page: rows of a campaign's columns, its voice's, what is counted about it, and ``total`` of all."""
    statement = _PAGES["ASC" if wanted.oldest_first else "DESC"]
    return await lookups.rows(statement, {**_filter(account_id, wanted), "limit": limit, "offset": offset})


async def count(lookups: Lookups, account_id: int, wanted: CampaignFilter) -> int:
    total: int = (await lookups.rows(_COUNT, _filter(account_id, wanted)))[0].total
    return total


# By name: what is prepared breaks where a column is added meanwhile to all of them.
_COLUMNS = ", ".join(f"c.{column.name}" for column in Campaign.__table__.columns)
_PASSING = """
    FROM campaigns c
   WHERE c.account_id = %(account_id)s::bigint
     AND (%(status)s::text IS NULL OR c.status = %(status)s::text)
     AND (%(search)s::text IS NULL OR position(lower(%(search)s::text) IN lower(c.name)) > 0)
     AND (%(draft)s::boolean IS NULL OR c.draft = %(draft)s::boolean)
     AND (%(updated_from)s::timestamptz IS NULL OR c.updated_at >= %(updated_from)s::timestamptz)
     AND (%(updated_before)s::timestamptz IS NULL OR c.updated_at < %(updated_before)s::timestamptz)
"""
# Written out, with one statement a list: the list is asked for most of all that the API has.
_COUNT = f"SELECT count(*) AS total {_PASSING}"
_PROGRESS = ownership.progress_query("c.account_id", f"'{OWNER_KIND}'", "c.id")
_PAGES = {
    order: f"""
        SELECT c.*, v.id AS voice_number, v.display_name AS voice_display_name,
               v.internal_name AS voice_internal_name, v.is_premium AS voice_is_premium, progress.*,
               (SELECT coalesce(sum(t.contacts), 0)::bigint FROM contact_totals t
                 WHERE t.account_id = c.account_id AND t.campaign_id = c.id) AS contacts,
               (SELECT count(*) {_PASSING}) AS total
          FROM (SELECT {_COLUMNS} {_PASSING}
                 ORDER BY c.updated_at {order}, c.id {order}
                 LIMIT %(limit)s::bigint OFFSET %(offset)s::bigint) c
          LEFT JOIN voices v ON v.id = c.voice_id
         CROSS JOIN LATERAL ({_PROGRESS}) progress
         ORDER BY c.updated_at {order}, c.id {order}
        """  # noqa: S608 - made of constants
    for order in ("ASC", "DESC")
}


def _filter(account_id: int, wanted: CampaignFilter) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "status": wanted.status,
        "search": wanted.search,
        "draft": wanted.draft,
        "updated_from": wanted.updated_from,
        "updated_before": wanted.updated_before,
    }


async def voices(session: AsyncSession) -> Sequence[Voice]:
    return (await session.scalars(select(Voice).where(Voice.active).order_by(Voice.id))).all()


async def voice_named(session: AsyncSession, internal_name: str) -> Voice | None:
    statement = select(Voice).where(Voice.active, Voice.internal_name == internal_name).order_by(Voice.id)
    return (await session.scalars(statement.limit(1))).one_or_none()


async def voice(session: AsyncSession, voice_id: int) -> Voice | None:
    return (await session.scalars(select(Voice).where(Voice.active, Voice.id == voice_id))).one_or_none()


async def failover_targets(
    session: AsyncSession, campaigns: Collection[tuple[int, int]]
) -> dict[tuple[int, int], list[str]]:
    """After which statuses of its calls a campaign sends a message, by account and campaign."""
    if not campaigns:
        return {}
    rows = await session.execute(
        text(
            """
            SELECT c.account_id, c.id, c.failover_target
              FROM unnest(CAST(:accounts AS bigint[]), CAST(:ids AS bigint[])) AS v (account_id, id)
              JOIN campaigns c ON c.account_id = v.account_id AND c.id = v.id
             WHERE c.services = :services AND cardinality(c.failover_target) > 0
            """
        ),
        {
            "accounts": [account_id for account_id, _ in campaigns],
            "ids": [campaign_id for _, campaign_id in campaigns],
            "services": Services.PHONE,
        },
    )
    return {(row.account_id, row.id): row.failover_target for row in rows}


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


async def demo_calls_open(session: AsyncSession, account_id: int) -> Any:
    """How many demo ``calls`` of the account are open, and the credits ``promised`` to those that wait."""
    rows = await session.execute(
        text(
            """
            SELECT count(*) AS calls,
                   coalesce(sum(t.units) FILTER (WHERE t.state = 'waiting'), 0)::bigint AS promised
              FROM plans p JOIN targets t ON t.account_id = p.account_id AND t.plan_id = p.id
             WHERE p.account_id = :account_id AND p.owner_kind = :kind AND p.state <> 'finished'
               AND t.state <> 'final'
            """
        ),
        {"account_id": account_id, "kind": DEMO_KIND},
    )
    return rows.one()


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
