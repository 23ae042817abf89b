"""Bring a database to the newest schema. Two servers starting at once migrate once."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

from ghanti.database.url import for_sqlalchemy

_ADVISORY_LOCK = 0x6768616E7469


def config() -> Config:
    alembic = Config()
    alembic.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return alembic


def upgrade(url: str) -> None:
    """Apply what is missing. ``url`` must reach the server itself, not a transaction pooler."""
    engine = create_engine(for_sqlalchemy(url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
            connection.commit()
            try:
                _upgrade(connection)
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _ADVISORY_LOCK})
                connection.commit()
    finally:
        engine.dispose()


def _upgrade(connection: Connection) -> None:
    alembic = config()
    alembic.attributes["connection"] = connection
    command.upgrade(alembic, "head")
    connection.commit()
