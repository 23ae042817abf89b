"""Statements read without a session: prepared once, on the pool's connections, with a session's errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError, DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from ghanti.database.lookups import Lookups
from ghanti.database.session import create_session_factory, opened, transaction

_PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%marked%'")


@asynccontextmanager
async def _opened(url: str, *, pooled: bool = False) -> AsyncIterator[tuple[AsyncEngine, Lookups]]:
    async with opened(url, pool_size=1, overflow=0, pooled=pooled) as engine:
        yield engine, Lookups(create_session_factory(engine))


@pytest.mark.parametrize(("pooled", "statements"), [(False, 1), (True, 0)])
async def test_prepared_unless_a_pooler_is_between(database_url: str, pooled: bool, statements: int) -> None:
    async with _opened(database_url, pooled=pooled) as (engine, lookups):
        for number in (1, 2, 3):
            rows = await lookups.rows("SELECT %(number)s::bigint AS marked", {"number": number})
            assert [row.marked for row in rows] == [number]
        async with transaction(create_session_factory(engine)) as session:
            counted = await session.scalar(_PREPARED)
    assert counted == statements


async def test_a_session_prepares_nothing(database_url: str) -> None:
    async with _opened(database_url) as (engine, _), transaction(create_session_factory(engine)) as session:
        for _ in range(10):
            await session.execute(text("SELECT 1 AS marked"))
        assert await session.scalar(_PREPARED) == 0


async def test_a_session_rolls_back_on_a_connection_that_was_used_for_reading(database_url: str) -> None:
    async with _opened(database_url) as (engine, lookups):
        await lookups.rows("SELECT 1 AS marked", {})
        async with create_session_factory(engine)() as session:
            await session.execute(text("CREATE TABLE of_no_use ()"))
        found = await lookups.rows("SELECT to_regclass('of_no_use') AS name", {})
    assert found[0].name is None


async def test_errors_are_those_of_a_session(database_url: str) -> None:
    async with _opened(database_url) as (_, lookups):
        with pytest.raises(DataError):
            await lookups.rows("SELECT 1 / %(zero)s::bigint", {"zero": 0})
        assert len(await lookups.rows("SELECT 1 AS one", {})) == 1


async def test_server_out_of_reach() -> None:
    async with _opened("postgresql://ghanti@/ghanti?host=/nowhere&port=1") as (_, lookups):
        with pytest.raises(OperationalError):
            await lookups.rows("SELECT 1", {})


async def test_a_connection_that_the_server_ended_is_replaced(database_url: str) -> None:
    async with _opened(database_url) as (_, lookups):
        with pytest.raises(DBAPIError):
            await lookups.rows("SELECT pg_terminate_backend(pg_backend_pid())", {})
        assert len(await lookups.rows("SELECT 1 AS one", {})) == 1


async def test_one_that_is_given_up_gives_its_connection_back(database_url: str) -> None:
    async with _opened(database_url) as (_, lookups):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await lookups.rows("SELECT pg_sleep(60)", {})
        async with asyncio.timeout(20):
            assert len(await lookups.rows("SELECT 1 AS one", {})) == 1
