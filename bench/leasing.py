"""Calls a second through an attempt's three commits, in batches of 100: leased, sent, ended and charged.

Beside it: milliseconds to reckon what a run over 50,000 contacts needs by 2,000 prefixes, and tariffs looked
up a second. Anchor of all: as many rows in as many commits, bare: inserted, and updated twice.
Figures are medians of five runs, in bench/results.json under "leasing".

FLOOR: 0.03 anchors of calls; below it this exits 1.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import uuid4

from _figures import record
from sqlalchemy import text

from ghanti.credits.tariff import Tariff, Tariffs
from ghanti.database import (
    migrate,
    tables,  # noqa: F401 - foreign keys need every model
)
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import SessionFactory, create_engine, create_session_factory, transaction
from ghanti.dialing import attempts, outcomes, service
from ghanti.dialing.attempts import Lease
from ghanti.dialing.leasing import Leaser, trunk_gateway
from ghanti.dialing.models import Channel, Outcome, Plan
from ghanti.dialing.outcomes import AttemptOutcome

RUNS = 5
BATCH = 100
BATCHES = 20
PLANS = 5
CONTACTS = 50_000
PREFIXES = 2_000
FLOOR_RATIO = 0.03

_FILL = (
    "INSERT INTO accounts (name) VALUES ('bench')",
    "INSERT INTO credit_balances (account_id, phone) VALUES (1, 1000000)",
    "INSERT INTO campaigns (account_id, name, services) VALUES (1, 'bench', 'PHONE')",
    f"""
    INSERT INTO plans (account_id, owner_kind, owner_id, ring_seconds, credit_limit)
    SELECT 1, 'bench', 1, 30, 900000 FROM generate_series(1, {PLANS})
    """,
    f"""
    INSERT INTO targets (account_id, plan_id, channel, number, carrier, ready, units, content)
    SELECT 1, 1 + n % {PLANS}, 'call', '+97798' || 41000000 + n, 'NTC', true, 2, '{{"ms": 5000}}'
      FROM generate_series(1, {CONTACTS * PLANS}) n
    """,
    "INSERT INTO trunks (name, host, cps, max_calls, reserved_percent)"
    " VALUES ('bench', 'h', 90000, 1000000, 0)",
    "CREATE TABLE bare (id uuid PRIMARY KEY, state text, held int)",
)


async def through(sessions: SessionFactory, leaser: Leaser) -> float:
    """Calls a second."""
    worker, done = uuid4(), 0
    begun = time.perf_counter()
    for _ in range(BATCHES):
        async with transaction(sessions) as session:
            leases = await leaser.grant(session, trunk_gateway(1), BATCH)
        async with transaction(sessions) as session:
            sending = await attempts.begin_sending(session, [lease.attempt_id for lease in leases])
        async with transaction(sessions) as session:
            done += len(await outcomes.record(session, _ends(leases), worker))
        assert len(sending) == len(leases) == BATCH, len(leases)
    assert done == BATCH * BATCHES
    return done / (time.perf_counter() - begun)


def _ends(leases: Sequence[Lease]) -> list[AttemptOutcome]:
    now = datetime.now(UTC)
    return [
        AttemptOutcome(x.attempt_id, Outcome.COMPLETED, "completed", now, answered_at=now, duration_ms=5000)
        for x in leases
    ]


async def bare(sessions: SessionFactory) -> float:
    """Rows a second: inserted, updated and updated again, each a commit."""
    begun = time.perf_counter()
    for _ in range(BATCHES):
        ids = [uuid4() for _ in range(BATCH)]
        async with transaction(sessions) as session:
            await session.execute(
                text("INSERT INTO bare SELECT id, 'leased', 2 FROM unnest(CAST(:ids AS uuid[])) id"),
                {"ids": ids},
            )
        for state in ("sending", "ended"):
            async with transaction(sessions) as session:
                await session.execute(
                    text("UPDATE bare SET state = :state WHERE id = ANY(:ids)"), {"ids": ids, "state": state}
                )
    return BATCH * BATCHES / (time.perf_counter() - begun)


def _tariffs() -> Tariffs:
    dear = {f"97798{n:04}": Tariff(60, 1 + n % 5, 1) for n in range(3000, 3000 + PREFIXES)}
    return Tariffs({"": Tariff(), **dear})


async def reckoned(sessions: SessionFactory, tariffs: Tariffs) -> float:
    """Milliseconds to reckon what a run needs."""
    async with transaction(sessions) as session:
        plan = await session.get_one(Plan, (1, 1))
        begun = time.perf_counter()
        needed = await service.least(session, plan, tariffs)
        taken = time.perf_counter() - begun
    assert needed.phone >= CONTACTS, needed
    return taken * 1000


def looked_up(tariffs: Tariffs) -> float:
    """Tariffs a second."""
    numbers = [f"+97798{41000000 + n}" for n in range(20_000)]
    begun = time.perf_counter()
    for number in numbers:
        tariffs.of(number)
    return len(numbers) / (time.perf_counter() - begun)


async def measure(url: str) -> list[dict[str, float]]:
    engine = create_engine(url)
    sessions = create_session_factory(engine)
    async with transaction(sessions) as session:
        for statement in _FILL:
            await session.execute(text(statement.replace(":", r"\:")))
    leaser, tariffs, runs = Leaser(uuid4(), Channel.CALL, 0.05, 60, "NP"), _tariffs(), []
    await through(sessions, leaser)  # Without statistics of attempts their updates are planned otherwise.
    async with engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
            text("VACUUM ANALYZE")
        )
    for _ in range(RUNS):
        rows, calls = await bare(sessions), await through(sessions, leaser)
        needed, lookups = await reckoned(sessions, tariffs), looked_up(tariffs)
        print(
            f"{calls:.0f} calls/s, bare {rows:.0f} rows/s; a run reckoned in {needed:.0f} ms;"
            f" {lookups:.0f} tariffs/s"
        )
        runs.append({"calls": calls, "bare": rows, "reckoned_ms": needed, "tariffs": lookups})
    await engine.dispose()
    return runs


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ghanti-bench-") as folder:
        Path(folder).chmod(0o711)
        with EmbeddedPostgres(Path(folder) / "data", system_folder=Path(folder) / "system") as server:
            migrate.upgrade(server.url)
            runs = asyncio.run(measure(server.url))
    figures = {name: round(median(run[name] for run in runs), 1) for name in runs[0]}
    ratio = figures["calls"] / figures["bare"]
    print(f"median {figures['calls']:.0f} calls/s, {ratio:.3f} bare rows")
    record("leasing", runs, {**figures, "ratio": round(ratio, 4), "floor": FLOOR_RATIO})
    return 0 if ratio >= FLOOR_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
