"""Milliseconds to answer a dashboard of 30 days over 100,000 attempts of one account among 500,000.

Anchor: a bare count and sum of the same rows in the same run. Figures are medians of five runs, in
bench/results.json under "dashboard".

FLOOR: 5 anchors; above it this exits 1, as it does when any statement reads other accounts' attempts.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from _figures import record
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database import migrate
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import create_engine, create_session_factory, transaction
from ghanti.reports.dashboard import dashboard

ATTEMPTS = 100_000
OTHERS = 4
RUNS = 5
FLOOR_RATIO = 5
ZONE = ZoneInfo("Asia/Kathmandu")

_FILL = (
    "SET LOCAL session_replication_role = replica",
    "INSERT INTO accounts (id, name) SELECT n, 'bench' FROM generate_series(1, :accounts) n",
    "INSERT INTO credit_balances (account_id) SELECT n FROM generate_series(1, :accounts) n",
    """
    INSERT INTO campaigns (account_id, id, name, services)
    SELECT n, n, 'bench', 'PHONE' FROM generate_series(1, :accounts) n
    """,
    """
    INSERT INTO plans (account_id, id, owner_kind, owner_id, ring_seconds)
    SELECT n, n, 'campaign', n, 30 FROM generate_series(1, :accounts) n
    """,
    """
    INSERT INTO plan_figures (account_id, plan_id, session_id, channel, outcome, targets)
    SELECT n, n, gen_random_uuid(), 'call', 'completed', 1 FROM generate_series(1, :accounts) n
    """,
    """
    INSERT INTO attempts (account_id, id, plan_id, target_id, channel, number, state, outcome, session_id,
           lease_until, held, charged, leased_at, sent_at, answered_at, ended_at, duration_ms, played_ms,
           total_ms)
    SELECT 1 + n % :accounts, gen_random_uuid(), 1 + n % :accounts, n, 'call', '+9779841000001', 'ended',
           (ARRAY['completed', 'hungup', 'busy', 'no_answer'])[1 + n % 4], gen_random_uuid(), at, 2, 1, at,
           at, CASE WHEN n % 4 < 2 THEN at END, at, 20000, n % 20000, 20000
      FROM (SELECT n, now() - n * interval '5 s' AS at FROM generate_series(1, :attempts) n) attempt
    """,
    """
    INSERT INTO ledger_entries (account_id, currency, kind, amount, balance, cause, created_at)
    SELECT 1 + n % :accounts, 'phone', (ARRAY['reserve', 'settle'])[1 + n % 2], -1, 0, 'bench',
           now() - n * interval '50 s'
      FROM generate_series(1, :attempts / 10) n
    """,
)
_ANCHOR = text("SELECT count(*), sum(duration_ms) FROM attempts WHERE account_id = 1")
_READ = text("SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'attempts'")


async def fill(session: AsyncSession) -> None:
    values = {"accounts": OTHERS + 1, "attempts": ATTEMPTS * (OTHERS + 1)}
    for statement in _FILL:
        used = {name: value for name, value in values.items() if f":{name}" in statement}
        await session.execute(text(statement), used)


async def timed(session: AsyncSession) -> tuple[float, float]:
    """Milliseconds of the anchor and of the dashboard."""
    started = time.perf_counter()
    await session.execute(_ANCHOR)
    between = time.perf_counter()
    figures = await dashboard(session, 1, ZONE, 30)
    ended = time.perf_counter()
    assert figures.calls == ATTEMPTS, figures.calls
    return (between - started) * 1000, (ended - between) * 1000


async def measure(url: str) -> list[dict[str, float]]:
    engine = create_engine(url)
    sessions = create_session_factory(engine)
    async with transaction(sessions) as session:
        await fill(session)
    async with engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
            text("VACUUM ANALYZE")
        )
    runs = []
    for _ in range(RUNS):
        async with transaction(sessions) as session:
            anchor, taken = await timed(session)
            if await session.scalar(_READ):
                raise SystemExit("the dashboard read attempts from end to end")
        print(f"{taken:.0f} ms, a bare sum {anchor:.0f} ms, {taken / anchor:.1f}")
        runs.append({"milliseconds": round(taken, 1), "bare_sum_milliseconds": round(anchor, 1)})
    await engine.dispose()
    return runs


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ghanti-bench-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder) / "data", system_folder=Path(folder) / "system") as server:
            migrate.upgrade(server.url)
            runs = asyncio.run(measure(server.url))
    taken = median(run["milliseconds"] for run in runs)
    anchor = median(run["bare_sum_milliseconds"] for run in runs)
    ratio = taken / anchor
    print(f"median {taken:.0f} ms, {ratio:.1f} bare sums")
    figures = {
        "attempts": ATTEMPTS,
        "milliseconds": taken,
        "bare_sum_milliseconds": anchor,
        "ratio": round(ratio, 1),
        "floor": FLOOR_RATIO,
    }
    record("dashboard", runs, figures)
    return 0 if ratio <= FLOOR_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
