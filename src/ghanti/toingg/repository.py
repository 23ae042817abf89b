"""The SQL of what Toingg campaigns have beyond ours, and of the figures that are told of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns.models import Campaign
from ghanti.campaigns.schemas import DIRECT_KIND, OWNER_KIND
from ghanti.dialing.models import Channel, Outcome
from ghanti.dialing.repository import ADDED
from ghanti.toingg.models import ToinggCampaign
from ghanti.toingg.schemas import Figures


async def fields(
    session: AsyncSession, account_id: int, campaign_ids: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """What clients sent of these campaigns, by campaign; those that no Toingg client touched are left out."""
    rows = await session.execute(
        select(ToinggCampaign.campaign_id, ToinggCampaign.fields).where(
            ToinggCampaign.account_id == account_id, ToinggCampaign.campaign_id.in_(campaign_ids)
        )
    )
    return {row.campaign_id: row.fields for row in rows}


async def keep(session: AsyncSession, account_id: int, campaign_id: int, sent: Mapping[str, Any]) -> None:
    """Keep what a client sent in place of what was kept of the campaign before."""
    statement = insert(ToinggCampaign).values(
        account_id=account_id, campaign_id=campaign_id, fields=dict(sent)
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["account_id", "campaign_id"], set_={"fields": statement.excluded.fields}
        )
    )


async def list_named(session: AsyncSession, account_id: int, name: str) -> Campaign | None:
    """The campaign of this name that contacts are added to: one that is no draft, the last updated."""
    statement = (
        select(Campaign)
        .where(Campaign.account_id == account_id, Campaign.name == name)
        .order_by(Campaign.draft, Campaign.updated_at.desc(), Campaign.id.desc())
        .limit(1)
    )
    return (await session.scalars(statement)).one_or_none()


_FIGURES = """
    SELECT p.owner_id, f.outcome, sum(f.targets)::bigint AS calls, sum(f.credits)::bigint AS credits
      FROM plans p
      JOIN plan_figures f ON f.account_id = p.account_id AND f.plan_id = p.id
     WHERE p.account_id = :account_id AND p.owner_kind = ANY(CAST(:kinds AS text[]))
       AND f.channel = :channel {owners}
     GROUP BY p.owner_id, f.outcome
"""
_OF_ALL = text(_FIGURES.format(owners=""))
_OF_SOME = text(_FIGURES.format(owners="AND p.owner_id = ANY(CAST(:owner_ids AS bigint[]))"))


async def figures(
    session: AsyncSession, account_id: int, campaign_ids: Sequence[int] | None = None
) -> dict[int, Figures]:
    """Calls of campaigns, whoever ordered them: of these campaigns, or of all that made any."""
    values = {"account_id": account_id, "kinds": [OWNER_KIND, DIRECT_KIND], "channel": Channel.CALL}
    if campaign_ids is None:
        rows = await session.execute(_OF_ALL, values)
    else:
        rows = await session.execute(_OF_SOME, {**values, "owner_ids": list(campaign_ids)})
    ordered: dict[int, int] = defaultdict(int)
    ended: dict[int, dict[Outcome, int]] = defaultdict(dict)
    credits: dict[int, int] = defaultdict(int)
    for row in rows:
        credits[row.owner_id] += row.credits
        if row.outcome == ADDED:
            ordered[row.owner_id] += row.calls
        elif row.calls:
            ended[row.owner_id][Outcome(row.outcome)] = row.calls
    return {owner: Figures(ordered[owner], ended[owner], credits[owner]) for owner in credits}
