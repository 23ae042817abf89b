"""Reading what is asked for most: statements of their own, prepared, without SQLAlchemy's session.

A session makes a statement anew each time and has the server plan it anew; here both are done once. The
connections are those of the engine's pool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import namedtuple_row
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from ghanti.database.session import SessionFactory


class Lookups:
    """Reads on the connections of ``sessions``."""

    def __init__(self, sessions: SessionFactory) -> None:
        engine: AsyncEngine = sessions.kw["bind"]
        self._pool = engine.sync_engine.pool

    async def rows(self, query: str, values: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of a statement with ``%(name)s`` for its values, each by the names of its columns.

        The statement is a transaction of its own: what it writes is committed.

        It is prepared unless the connection is one that a pooler may change for another. To be cheap there
        must be few different statements: psycopg keeps a hundred of each connection.

        Raises what a session would: SQLAlchemy's errors.
        """
        try:
            pooled = await greenlet_spawn(self._pool.connect)
            try:
                return await _read(pooled, query, values)
            finally:
                await greenlet_spawn(_give_back, pooled)
        except psycopg.Error as error:
            raise DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from error


async def _read(pooled: PoolProxiedConnection, query: str, values: Mapping[str, Any]) -> Sequence[Any]:
    connection = pooled.driver_connection
    assert isinstance(connection, AsyncConnection)
    # A transaction of its own each: no round trips to begin and to end it.
    await connection.set_autocommit(True)
    try:
        cursor = connection.cursor(row_factory=namedtuple_row)
        await cursor.execute(query, values, prepare=True)
        return await cursor.fetchall()
    finally:
        if not connection.closed:
            await connection.set_autocommit(False)


def _give_back(pooled: PoolProxiedConnection) -> None:
    connection = pooled.driver_connection
    assert isinstance(connection, AsyncConnection)
    if connection.closed:
        pooled.invalidate()
    pooled.close()
