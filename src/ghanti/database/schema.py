"""Whether the database has the schema of this code, told without loading Alembic."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from ghanti.database.session import opened

_POLL_SECONDS = 0.05


@cache
def head() -> str:
    """The newest revision: revisions are numbered, and named by their number first."""
    versions = Path(__file__).parent / "migrations" / "versions"
    return max(file.name.split("_")[0] for file in versions.glob("[0-9]*.py"))


async def is_current(url: str) -> bool:
    """Whether the database at ``url`` has this code's schema. Raises when it does not answer."""
    async with opened(url, pool_size=1, application_name="ghanti prepare") as engine:
        return await _revision(engine) == head()


async def wait_until_current(engine: AsyncEngine) -> None:
    """Return once the database answers and was migrated; processes start while it is."""
    while True:
        with suppress(DBAPIError, OSError):
            if await _revision(engine) == head():
                return
        await asyncio.sleep(_POLL_SECONDS)


async def _revision(engine: AsyncEngine) -> str | None:
    async with engine.connect() as connection:
        # A new database lacks the table; asking it all the same would fill the server's log with errors.
        if not await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")):
            return None
        revision: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
        return revision
