"""Alembic's entry: run by ``ghanti.database.migrate`` on a connection that it hands over."""

from __future__ import annotations

from alembic import context

from ghanti.database.tables import metadata


def run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
