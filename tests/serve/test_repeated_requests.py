"""A request with a key whose API process is killed in the middle of it, and which is then sent again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from ghanti.database.embedded import EmbeddedPostgres
from serving import Served, wait_until


def _waiters(served: Served, table: str) -> int:
    """How many statements of the API wait for the locked table."""
    with served.connect() as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
            " WHERE NOT granted AND relation = %s::regclass AND application_name = 'ghanti api'",
            [table],
        ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("table", ["campaigns", "idempotency_keys"])
def test_a_campaign_whose_creation_was_killed_is_created_once(served: Served, table: str) -> None:
    """Killed before its effect, and between its effect and its answer."""
    name = f"killed at {table}"
    body = {"name": name, "services": "PHONE", "user_phone": [served.number_id], "message": "नमस्ते"}
    key = {"Idempotency-Key": name}

    def create() -> httpx.Response:
        with served.client() as client:
            return client.post("campaign/create/", json=body, headers=key)

    with (
        psycopg.connect(EmbeddedPostgres(served.data).url) as holder,
        ThreadPoolExecutor(1) as background,
    ):
        holder.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        first = background.submit(create)
        wait_until(lambda: _waiters(served, table) == 1, "the creation waits for the lock")
        served.kill("api")
        with pytest.raises(httpx.TransportError):
            first.result()
        served.wait_back("api")
        holder.rollback()
    wait_until(lambda: _waiters(served, table) == 0, "the killed one's statement is over")
    done = wait_until(lambda: _unless_under_way(create()), "the key is free again")
    assert done.status_code == 201, done.text
    again = create()
    assert (again.content, again.headers["Idempotent-Replayed"]) == (done.content, "true")
    with served.client() as client:
        assert client.get("campaign/", params={"search": name}).json()["count"] == 1


def _unless_under_way(answer: httpx.Response) -> httpx.Response | None:
    """None while the database has not seen yet that the former asker is gone."""
    return None if answer.status_code == httpx.codes.CONFLICT else answer
