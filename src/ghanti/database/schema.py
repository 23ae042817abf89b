"""Whether the database has the schema of this code, told without loading Alembic."""

from __future__ import annotations

import asyncio
from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

_POLL_SECONDS = 0.05


@cache
def head() -> str:
    """The newest revision: revisions are numbered, and named by their number first."""
    versions = Path(__file__).parent / "migrations" / "versions"
    return max(file.name.split("_")[0] for file in versions.glob("[0-9]*.py"))


async def wait_until_current(engine: AsyncEngine) -> None:
    """Return once the database answers and was migrated; processes start while it is."""
    while True:
        try:
            async with engine.connect() as connection:
                if await connection.scalar(text("SELECT version_num FROM alembic_version")) == head():
                    return
        except (DBAPIError, OSError):
            pass
        await asyncio.sleep(_POLL_SECONDS)
