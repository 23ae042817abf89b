"""Campaigns that are called directly, on the engine's world."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from engine_world import World
from ghanti.accounts.models import Role
from ghanti.accounts.service import Principal
from ghanti.campaigns.models import Campaign
from ghanti.contacts import service as contacts
from ghanti.database.session import transaction
from ghanti.direct import service as direct
from ghanti.direct.schemas import DirectCall, Person, Placed, Refused
from ghanti.settings import Settings

SITA, HARI, GITA = "+9779841000001", "+9779841000002", "+9779841000003"


def owner(account_id: int, *, premium: bool = False) -> Principal:
    return Principal(account_id, 1, Role.OWNER, ZoneInfo("UTC"), premium=premium, default_voice_id=1)


@dataclass
class Direct:
    """An account that calls directly."""

    world: World
    account: int
    settings: Settings

    @property
    def principal(self) -> Principal:
        return owner(self.account)

    async def campaign(self, message: str = "नमस्ते {name}", **columns: Any) -> int:
        values = {"name": "tax", "services": "PHONE", "category": "Text", "message": message, **columns}
        async with transaction(self.world.sessions) as session:
            campaign = Campaign(account_id=self.account, **values)
            session.add(campaign)
            await session.flush()
            return campaign.id

    async def contact(self, campaign: int, number: str, **variables: Any) -> int:
        async with transaction(self.world.sessions) as session:
            return (await contacts.add_one(session, self.account, campaign, number, variables)).id

    async def call(
        self, campaign: int, number: str | int = SITA, name: str | None = "सीता", **more: Any
    ) -> UUID:
        variables = {} if name is None else {"name": name}
        async with transaction(self.world.sessions) as session:
            row = await session.get_one(Campaign, (self.account, campaign))
            return await direct.call(
                session, self.principal, row, Person(number, variables), self.settings, **more
            )

    async def call_many(self, campaign: int, people: Sequence[Person]) -> list[Placed | Refused]:
        async with transaction(self.world.sessions) as session:
            row = await session.get_one(Campaign, (self.account, campaign))
            return await direct.call_many(session, self.principal, row, list(people), self.settings)

    async def message(self, text: str, number: str = SITA, **variables: Any) -> UUID:
        async with transaction(self.world.sessions) as session:
            return await direct.message(
                session, self.principal, Person(number, variables), text, self.settings
            )

    async def hang_up(self, sid: UUID) -> None:
        async with transaction(self.world.sessions) as session:
            await direct.hang_up(session, self.account, sid)

    async def status(self, sid: UUID) -> DirectCall:
        async with transaction(self.world.sessions) as session:
            return await direct.status(session, self.account, sid)


async def opened(world: World, folder: Path, phone: int = 1000, sms: int = 1000) -> Direct:
    """A new account with credits."""
    return Direct(world, await world.account(phone, sms), Settings(data=folder))


async def somebody_waits(world: World) -> None:
    """Until a transaction waits for another's lock."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(30):
        while not await world.value(waiting):  # noqa: ASYNC110 - a lock has no event
            await asyncio.sleep(0.01)
