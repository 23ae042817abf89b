"""Balances and entries from before they kept what is held, and the balance after each, say it afterwards."""

from __future__ import annotations

import psycopg
import pytest

from clean_database import upgrade_to
from ghanti.database import migrate


def test_balances_know_what_is_held_and_entries_what_was_left(database_url: str) -> None:
    upgrade_to(database_url, "0011")
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO accounts (name) VALUES ('a'), ('b')")
        connection.execute(
            "INSERT INTO credit_balances (account_id, phone, sms) VALUES (1, 93, 50), (2, 0, 0)"
        )
        connection.execute(
            "INSERT INTO ledger_entries (account_id, currency, kind, amount, cause) VALUES"
            " (1, 'phone', 'purchase', 100, 'x'), (1, 'sms', 'purchase', 50, 'x'),"
            " (1, 'phone', 'reserve', -8, 'x'), (1, 'phone', 'settle', 1, 'x')"
        )
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO attempts (account_id, id, plan_id, target_id, channel, number, state,"
            " session_id, lease_until, held)"
            " SELECT 1, gen_random_uuid(), 1, n, 'call', '+1', 'leased', gen_random_uuid(),"
            " now(), 3 FROM generate_series(1, 2) n"
        )
    migrate.upgrade(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        kept = connection.execute(
            "SELECT phone, phone_held, phone_lasting, phone_level, sms, sms_held, sms_lasting"
            " FROM credit_balances ORDER BY account_id"
        ).fetchall()
        left = connection.execute("SELECT balance FROM ledger_entries ORDER BY id").fetchall()
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
            connection.execute("DELETE FROM ledger_entries")
    assert kept == [(93, 6, 99, 93, 50, 0, 50), (0, 0, 0, 0, 0, 0, 0)]
    assert left == [(100,), (50,), (92,), (93,)]
