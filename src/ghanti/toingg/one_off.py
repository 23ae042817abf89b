"""Campaigns of calls that bring their script along."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError, NotFoundError
from ghanti.accounts.service import Principal
from ghanti.campaigns import service as campaigns
from ghanti.campaigns.models import Campaign, Services
from ghanti.credits import service as credits
from ghanti.direct import service as direct


async def campaign_of(session: AsyncSession, principal: Principal, name: str, script: str) -> Campaign:
    """The campaign of this name, as it is, or a new one that says the script.

    Raises InvalidError, of ``name`` or ``message``, when no campaign can be made of them.
    """
    if not name.strip():
        raise InvalidError.missing(["name"])
    # Of several calls at once that bring the same new name the first makes the campaign, and the others wait.
    await credits.lock(session, [principal.account_id])
    try:
        return await direct.campaign_by_name(session, principal.account_id, name)
    except NotFoundError:
        made = await campaigns.create(
            session,
            principal,
            {
                "name": name,
                "services": Services.PHONE,
                "message": script,
                "asks": True,
                "user_phone": [],
                "draft": False,
            },
        )
        return made.campaign
