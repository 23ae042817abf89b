"""Engines and sessions: one engine a process, psycopg underneath.

Statements are prepared only where they ask for it (``ghanti.database.lookups``), and nowhere behind a
transaction pooler: everything but LISTEN and migrations works through one. Isolation is READ COMMITTED;
rules that races could break are written as locks or conditional updates, never as a check followed by a
write.
"""

from __future__ import annotations

import select
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.types.json import set_json_dumps, set_json_loads
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction

from ghanti.database.url import for_sqlalchemy

SessionFactory = async_sessionmaker[AsyncSession]

_WAITING = "after the commit"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal | UUID | date | datetime):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def dump_json(value: Any) -> str:
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


_NEVER_BY_ITSELF = 2**62
"""Executions after which psycopg prepares a statement that did not ask for it: its plan would be kept while
the table that it was made for grows from nothing."""

set_json_dumps(dump_json)
set_json_loads(orjson.loads)


def create_engine(
    url: str,
    *,
    pool_size: int = 5,
    overflow: int | None = None,
    application_name: str = "ghanti",
    pooled: bool = False,
) -> AsyncEngine:
    """An engine of ``pool_size`` connections that are kept, and ``overflow`` (as many) that are not.

    Args:
        pooled: A transaction pooler stands before the server, where nothing can be prepared.
    """
    engine = create_async_engine(
        for_sqlalchemy(url),
        pool_size=pool_size,
        max_overflow=pool_size if overflow is None else overflow,
        # An error of the database must not carry phone numbers or hashes into a log.
        hide_parameters=True,
        json_serializer=dump_json,
        json_deserializer=orjson.loads,
        connect_args={
            "prepare_threshold": None if pooled else _NEVER_BY_ITSELF,
            "application_name": application_name,
            "connect_timeout": 10,
            "options": "-c timezone=UTC",
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_ended)
    return engine


def _refuse_ended(connection: Any, _record: object, _proxy: object) -> None:
    """Let the pool replace a connection that its server ended, such as by a restart.

    On one that lies idle the server has nothing to say but its end: that costs no round trip to notice.
    """
    driver: AsyncConnection[Any] = connection.driver_connection
    said = select.poll()
    if not driver.closed:
        said.register(driver.fileno(), select.POLLIN)
    if driver.closed or said.poll(0):
        raise DisconnectionError("the server ended the connection")


@asynccontextmanager
async def opened(
    url: str,
    *,
    pool_size: int = 5,
    overflow: int | None = None,
    application_name: str = "ghanti",
    pooled: bool = False,
) -> AsyncIterator[AsyncEngine]:
    """An engine whose connections are closed when the block ends."""
    engine = create_engine(
        url, pool_size=pool_size, overflow=overflow, application_name=application_name, pooled=pooled
    )
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


def reading(sessions: SessionFactory) -> SessionFactory:
    """Sessions on the same connections whose statements are each a transaction of their own.

    For reading: it spares the round trips that begin and end a transaction.
    """
    engine: AsyncEngine = sessions.kw["bind"]
    return create_session_factory(engine.execution_options(isolation_level="AUTOCOMMIT"))


def after_commit(session: AsyncSession, what: Callable[[], None]) -> None:
    """Have something done once the session's transaction is committed.

    Not at all if it is not, nor if a savepoint that is open now, or one around it, is rolled back.
    """
    sync = session.sync_session
    if _WAITING not in sync.info:
        sync.info[_WAITING] = []
        event.listen(sync, "after_commit", _committed)
        event.listen(sync, "after_soft_rollback", _rolled_back)
    sync.info[_WAITING].append((sync.get_nested_transaction() or sync.get_transaction(), what))


def _committed(session: Session) -> None:
    if session.in_nested_transaction():
        return  # The end of a savepoint is told as a commit too.
    waiting, session.info[_WAITING] = session.info[_WAITING], []
    for _, what in waiting:
        what()


def _rolled_back(session: Session, ended: SessionTransaction) -> None:
    session.info[_WAITING] = [
        (asked_in, what) for asked_in, what in session.info[_WAITING] if not _is_within(asked_in, ended)
    ]


def _is_within(inner: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while inner is not None and inner is not outer:
        inner = inner.parent
    return inner is outer


async def raw_connection(session: AsyncSession) -> AsyncConnection[Any]:
    """The psycopg connection of the session's transaction: for COPY."""
    pooled = await (await session.connection()).get_raw_connection()
    connection = pooled.driver_connection
    assert isinstance(connection, AsyncConnection)
    return connection
