"""Migrating: by whoever comes first, and of no effect after that."""

from __future__ import annotations

import asyncio

from ghanti.database import migrate
from ghanti.database.schema import is_current


async def test_two_that_start_at_once_migrate_once(database_url: str) -> None:
    assert not await is_current(database_url)
    await asyncio.gather(*(asyncio.to_thread(migrate.upgrade, database_url) for _ in range(2)))
    assert await is_current(database_url)
