"""One migrated database for many tests: emptied for each, which takes a tenth of copying a fresh one."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from alembic import command
from psycopg import sql
from sqlalchemy import create_engine

from ghanti.database import migrate
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.url import for_sqlalchemy, with_database

_KEPT = ["alembic_version", "voices"]


@contextmanager
def migrated_database(server: EmbeddedPostgres, name: str | None = None) -> Iterator[str]:
    """The URL of a new database with the schema; it goes when the block ends."""
    administration = server.database_url("postgres")
    name = name or f"shared_{secrets.token_hex(4)}"
    with psycopg.connect(administration, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = with_database(administration, name)
    migrate.upgrade(url)
    yield url
    with psycopg.connect(administration, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def upgrade_to(url: str, revision: str) -> None:
    """Migrate as far as a revision, to have rows as they were then."""
    engine = create_engine(for_sqlalchemy(url))
    with engine.connect() as connection:
        alembic = migrate.config()
        alembic.attributes["connection"] = connection
        command.upgrade(alembic, revision)
        connection.commit()
    engine.dispose()


def empty(url: str) -> None:
    """Remove every row but the voices', and count ids from 1 again."""
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind = 'r' AND relname <> ALL(%s)",
            [_KEPT],
        ).fetchall()
        connection.execute("SET session_replication_role = replica")  # No order of foreign keys to keep.
        with connection.transaction():
            for (table,) in tables:
                connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(table)))
            connection.execute(
                "SELECT setval(oid, 1, false) FROM pg_class"
                " WHERE relnamespace = 'public'::regnamespace AND relkind = 'S'"
            )
