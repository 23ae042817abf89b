"""What is to be done once a transaction is committed, and only then."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import after_commit, create_session_factory, opened


class Undone(Exception):  # noqa: N818 - nothing is the matter
    """Rolls back what it is raised in."""


@pytest.fixture
async def session(postgres_server: EmbeddedPostgres) -> AsyncIterator[AsyncSession]:
    async with opened(postgres_server.url) as engine, create_session_factory(engine)() as made:
        yield made


async def test_it_waits_for_the_commit_behind_savepoints(session: AsyncSession) -> None:
    done: list[str] = []
    async with session.begin():
        after_commit(session, partial(done.append, "outside"))
        async with session.begin_nested():
            await session.execute(text("SELECT 1"))
            after_commit(session, partial(done.append, "inside"))
            async with session.begin_nested():
                after_commit(session, partial(done.append, "deep"))
        assert done == []
        async with session.begin_nested():
            await session.execute(text("SELECT 1"))
        assert done == []
    assert done == ["outside", "inside", "deep"]
    async with session.begin():
        await session.execute(text("SELECT 1"))
    assert done == ["outside", "inside", "deep"]


async def test_a_savepoint_that_is_rolled_back_takes_it_along(session: AsyncSession) -> None:
    done: list[str] = []
    async with session.begin():
        after_commit(session, partial(done.append, "kept"))
        with suppress(Undone):
            async with session.begin_nested():
                after_commit(session, partial(done.append, "undone"))
                async with session.begin_nested():
                    after_commit(session, partial(done.append, "released, and undone"))
                raise Undone
    assert done == ["kept"]


async def test_nothing_is_done_without_a_commit(session: AsyncSession) -> None:
    done: list[str] = []
    with suppress(Undone):
        async with session.begin():
            after_commit(session, partial(done.append, "undone"))
            async with session.begin_nested():
                after_commit(session, partial(done.append, "undone"))
            raise Undone
    async with session.begin():
        await session.execute(text("SELECT 1"))
    assert done == []
