"""Alembic's entry: run by ``ghanti.database.migrate`` on a connection that it hands over."""

from __future__ import annotations

from typing import Any

from alembic import context

from ghanti.database.tables import metadata


def include_object(_object: Any, name: str | None, type_: str, _reflected: bool, _compare_to: Any) -> bool:
    """procrastinate's tables are its own business."""
    return not (type_ == "table" and name is not None and name.startswith("procrastinate_"))


def run() -> None:
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        include_object=include_object,
        compare_server_default=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
