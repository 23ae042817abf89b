"""Calls whose keys order requests, and who sends those."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from engine_world import World, outcome
from ghanti.accounts.models import Role
from ghanti.accounts.service import Principal
from ghanti.campaigns import handlers as campaigns
from ghanti.database.session import transaction
from ghanti.dialing import answers
from ghanti.dialing.answers import GivenAnswer
from ghanti.dialing.attempts import Lease
from ghanti.dialing.models import AnswerKind, AnswerState, Outcome
from ghanti.encryption import SecretBox
from ghanti.settings import Settings
from ghanti.webhooks import service
from ghanti.webhooks.delivering import Deliverer
from ghanti.webhooks.schemas import HookOrder
from receiver import Receiver, receiving

BOX = SecretBox(b"k" * 32)
STEPS = [{"do": "play", "audio": "a"}, *({"do": "listen", "name": f"question_{n}"} for n in (1, 2))]
CONTENT: dict[str, Any] = {
    "script": {"v": 1, "steps": STEPS},
    "audios": {"a": {"media": "given/a.ulaw", "ms": 1000}},
    "hooks": {"question_1": {"1": "lead"}, "question_2": {"1": "lead"}},
}


def principal(account_id: int, role: Role = Role.OWNER) -> Principal:
    return Principal(account_id, 1, role, ZoneInfo("UTC"), premium=True, default_voice_id=1)


@dataclass
class Hooks:
    """An engine whose calls order requests, and who sends them."""

    world: World
    settings: Settings

    async def save(self, account_id: int, path: str, **more: Any) -> int:
        order = HookOrder(**{"name": "lead", "path": path, "method": "POST", **more})
        async with transaction(self.world.sessions) as session:
            return await service.save(session, principal(account_id), order, BOX)

    async def leases(self, account_id: int, calls: int = 1, **more: Any) -> list[Lease]:
        """Calls under way, of a plan of the account."""
        variables = [{"name": "Sita", "amount": 1500.0}] * calls
        await self.world.open()
        await self.world.plan(
            account_id, calls, **{"call_content": CONTENT, "variables": variables, "units": (1,), **more}
        )
        leases = await self.world.lease_all(self.world.leaser(), await self.world.trunk())
        assert len(leases) == calls
        await self.world.send(leases)
        return leases

    async def press(self, lease: Lease, key: str = "1", step: str = "question_1") -> None:
        given = GivenAnswer(
            lease.attempt_id, step, AnswerKind.KEYS, AnswerState.GIVEN, datetime.now(UTC), keys=key
        )
        async with transaction(self.world.sessions) as session:
            await answers.record(session, [given])

    async def called(self, account_id: int, calls: int = 1, **more: Any) -> None:
        """Calls in which 1 was pressed, and that ended."""
        leases = await self.leases(account_id, calls, **more)
        for lease in leases:
            await self.press(lease)
        await self.world.record(*(outcome(lease, Outcome.COMPLETED) for lease in leases))

    def deliverer(self, **more: Any) -> Deliverer:
        return Deliverer(self.world.sessions, self.settings, BOX, **more)

    async def deliver(self, deliverer: Deliverer | None = None) -> None:
        """Send what is due, once."""
        deliverer = deliverer or self.deliverer()
        await deliverer.pass_once()
        await deliverer.settled()

    async def states(self) -> list[tuple[str, int, int | None]]:
        rows = await self.world.rows(
            "SELECT state, attempts, last_status FROM web_hook_deliveries ORDER BY target_id, step"
        )
        return [tuple(row) for row in rows]

    async def soon(self) -> None:
        """Let the pauses before further tries be over."""
        await self.world.execute("UPDATE web_hook_deliveries SET due_at = now() WHERE ended_at IS NULL")

    async def ids(self) -> set[UUID]:
        return {row.id for row in await self.world.rows("SELECT id FROM web_hook_deliveries")}


@pytest.fixture
def hooks(world: World) -> Hooks:
    campaigns.register()
    return Hooks(world, Settings(fetch_networks="127.0.0.1"))


@pytest.fixture
async def account(world: World) -> int:
    return await world.account()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as started:
        yield started
