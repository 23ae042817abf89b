"""Engines and sessions: one engine a process, psycopg underneath.

Prepared statements are off, so that everything but LISTEN and migrations also works through a
transaction pooler. Isolation is READ COMMITTED; rules that races could break are written as
locks or conditional updates, never as a check followed by a write.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.types.json import set_json_dumps, set_json_loads
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from ghanti.database.url import for_sqlalchemy

SessionFactory = async_sessionmaker[AsyncSession]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | UUID | date | datetime):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dump_json(value: Any) -> str:
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


set_json_dumps(dump_json)
set_json_loads(orjson.loads)


def create_engine(url: str, *, pool_size: int = 5, application_name: str = "ghanti") -> AsyncEngine:
    return create_async_engine(
        for_sqlalchemy(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        # An error of the database must not carry phone numbers or hashes into a log.
        hide_parameters=True,
        json_serializer=dump_json,
        json_deserializer=orjson.loads,
        connect_args={
            "prepare_threshold": None,
            "application_name": application_name,
            "connect_timeout": 10,
            "options": "-c timezone=UTC",
        },
    )


@asynccontextmanager
async def opened(
    url: str, *, pool_size: int = 5, application_name: str = "ghanti"
) -> AsyncIterator[AsyncEngine]:
    """An engine whose connections are closed when the block ends."""
    engine = create_engine(url, pool_size=pool_size, application_name=application_name)
    try:
        yield engine
    finally:
        await engine.dispose()


def create_session_factory(engine: AsyncEngine) -> SessionFactory:
    return async_sessionmaker(engine, expire_on_commit=False)


@asynccontextmanager
async def transaction(sessions: SessionFactory) -> AsyncIterator[AsyncSession]:
    """One transaction: committed when the block ends, rolled back when it raises."""
    async with sessions() as session, session.begin():
        yield session


async def raw_connection(session: AsyncSession) -> AsyncConnection[Any]:
    """The psycopg connection of the session's transaction: for COPY."""
    pooled = await (await session.connection()).get_raw_connection()
    connection = pooled.driver_connection
    assert isinstance(connection, AsyncConnection)
    return connection
