"""What is done once before the workers begin."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import ProgrammingError

from ghanti.prepare import register_simulators
from ghanti.settings import Settings
from serving import wait_until

_OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def test_a_failure_leaves_no_connection_open(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(ProgrammingError) as failure:
        await register_simulators(Settings(data=tmp_path, database_url=database_url), 5060, 2775)
    with psycopg.connect(database_url, autocommit=True) as database:
        wait_until(lambda: database.execute(_OTHERS).fetchone() == (0,), "its connection is closed", 30)
    assert 'relation "trunks" does not exist' in str(failure.value)
