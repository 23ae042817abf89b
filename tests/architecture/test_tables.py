"""What belongs to an account says so in its key."""

from __future__ import annotations

import pytest
from sqlalchemy import Table

from ghanti.database.base import GLOBAL_TABLES
from ghanti.database.tables import metadata

_OWNED = [table for table in metadata.sorted_tables if table.name not in GLOBAL_TABLES]


def test_global_tables_exist() -> None:
    assert {table.name for table in metadata.sorted_tables} >= GLOBAL_TABLES


@pytest.mark.parametrize("table", _OWNED, ids=lambda table: table.name)
def test_key_of_an_owned_table_begins_with_its_account(table: Table) -> None:
    assert next(column.name for column in table.primary_key) == "account_id"


@pytest.mark.parametrize("table", _OWNED, ids=lambda table: table.name)
def test_references_between_owned_tables_stay_within_the_account(table: Table) -> None:
    for constraint in table.foreign_key_constraints:
        if constraint.referred_table.name not in GLOBAL_TABLES:
            assert next(iter(constraint.column_keys)) == "account_id", constraint.name
