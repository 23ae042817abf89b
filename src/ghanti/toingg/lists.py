"""Lists of contacts: each is the campaign of its name, so that TingTing's API has it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.service import Principal
from ghanti.campaigns import audience
from ghanti.campaigns import service as campaigns
from ghanti.campaigns.models import Campaign, Services
from ghanti.contacts.errors import NumberError
from ghanti.contacts.numbers import is_dialable, parse
from ghanti.credits import service as credits
from ghanti.toingg import repository
from ghanti.toingg.schemas import Added


async def add(
    session: AsyncSession, principal: Principal, name: str, items: Sequence[Mapping[str, Any]], region: str
) -> Added:
    """Add contacts to the campaign of a name, which is made as a draft where there is none.

    Good ones are kept beside bad ones; those of a campaign that runs are called. An item is
    ``{"name", "phone", "extraParams": {…}}``, all of which but the phone fill the tags of its message.
    """
    campaign = await _list(session, principal, name)
    contacts = [_contact(item, region) for item in items]
    return Added(campaign, await audience.add_many(session, principal, campaign.id, contacts, region))


def international(number: Any, region: str) -> Any:
    """A number as it was sent, with the plus that Toingg's clients leave off where it needs one."""
    digits = str(number) if isinstance(number, int) and not isinstance(number, bool) else number
    if not isinstance(digits, str) or digits.strip().startswith(("+", "0")):
        return number
    try:
        if not is_dialable(parse(digits, region)) and is_dialable(parse(f"+{digits.strip()}", region)):
            return f"+{digits.strip()}"
    except NumberError:
        return number
    return number


async def _list(session: AsyncSession, principal: Principal, name: str) -> Campaign:
    found = await repository.list_named(session, principal.account_id, name)
    if found is not None:
        return found
    # Of two that find it missing at once the second waits here, and finds it.
    await credits.lock(session, [principal.account_id])
    found = await repository.list_named(session, principal.account_id, name)
    if found is not None:
        return found
    view = await campaigns.create(
        session,
        principal,
        {
            "name": name,
            "services": Services.PHONE,
            "user_phone": [],
            "message": "",
            "draft": True,
            "asks": True,
        },
    )
    return view.campaign


def _contact(item: Mapping[str, Any], region: str) -> dict[str, Any]:
    """As the rules of contacts take it."""
    extra = item.get("extraParams")
    variables: Any = {} if extra is None else extra
    if isinstance(variables, Mapping) and item.get("name") is not None:
        variables = {**variables, "name": item["name"]}
    return {"number": international(item.get("phone"), region), "other_variables": variables}
