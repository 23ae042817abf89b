"""From the order of an urgent call to its INVITE, while a bulk campaign has every other channel of the trunk.

A whole engine of real processes and simulated phones. Bulk's phones ring and never answer, so that its line
does not move. One-time passwords are ordered one after the other, as plans with a number of their own; the
time is from the commit of the order to the INVITE in the phones' log; these phones are busy, so that each
call is over when the next is ordered. The anchor is the same order as bulk,
on the same engine with room on the trunk: what preparation, tick and signalling cost without any wait.
A second figure is how long bulk waits: its oldest target in line.

Floors: every urgent call is placed while bulk saturates the trunk; median <= 1 s or <= 3 times the anchor's,
whichever is more. A miss exits non-zero.

    python bench/otp_latency.py [--calls 20] [--channels 10] [--runs 3]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import _worlds  # noqa: F401 - finds the two modules of the tests below
from _figures import record
from running_engine import DEADLINE, Running, running, spoken

from clean_database import migrated_database
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import transaction
from ghanti.dialing import service as dialing
from ghanti.dialing.models import Channel, PlanClass

MAX_SECONDS = 1.0
MAX_RATIO = 3.0
NEVER_ANSWERS, BUSY = 91, 90


@dataclass
class Run:
    """Seconds from order to INVITE; ``bulk_waits`` is how long the oldest of bulk has been in line."""

    urgent: list[float]
    anchor: list[float]
    bulk_waits: float

    @property
    def median(self) -> float:
        return statistics.median(self.urgent)

    @property
    def limit(self) -> float:
        return max(MAX_SECONDS, MAX_RATIO * statistics.median(self.anchor))


async def _ordered(engine: Running, plan_class: PlanClass, number: str) -> float:
    """Order one call, and answer how long its INVITE took."""
    async with transaction(engine.world.sessions) as session:
        order = dialing.PlanOrder(engine.account, "otp", 1, plan_class, call_content=spoken("कोड १२३४"))
        plan = await dialing.create_plan(session, order)
        await dialing.add_number(session, plan, Channel.CALL, number, "NTC")
    ordered = time.time()
    deadline = ordered + DEADLINE
    while time.time() < deadline:
        for line in engine.phones_saw("invite"):
            if line["number"] == number:
                await engine.finished(plan)
                return float(line["at"]) - ordered
        await asyncio.sleep(0.02)
    raise TimeoutError(f"no INVITE for {number} within {DEADLINE:.0f} s")


def _number(prefix: int, index: int) -> str:
    return f"+97798{prefix}{index:05d}{BUSY}"


async def _measure(url: str, options: argparse.Namespace) -> Run:
    async with running(url, cps=20, credit=100_000) as engine:
        await _ordered(engine, PlanClass.BULK, _number(1, 99999))  # Everything has been loaded once.
        anchor = [await _ordered(engine, PlanClass.BULK, _number(1, n)) for n in range(options.calls)]
        await engine.world.execute(
            "UPDATE trunks SET max_calls = :calls, reserved_percent = 5", calls=options.channels + 1
        )
        await engine.campaign([NEVER_ANSWERS] * 20 * options.channels, ring_seconds=180)
        await engine.until(
            "SELECT count(*) FROM attempts WHERE state = 'ringing'",
            lambda rows: rows[0][0] == options.channels,
        )
        urgent = [await _ordered(engine, PlanClass.OTP, _number(2, n)) for n in range(options.calls)]
        (waiting,) = await engine.world.rows(
            "SELECT count(*) FILTER (WHERE state = 'waiting') AS targets,"
            " extract(epoch FROM now() - min(due_at) FILTER (WHERE state = 'waiting')) AS seconds"
            " FROM targets WHERE contact_id IS NOT NULL"
        )
        assert waiting.targets == 19 * options.channels, "bulk took a channel that it may not have"
        return Run(urgent, anchor, float(waiting.seconds))


@contextmanager
def _database() -> Iterator[str]:
    """A migrated database of a server of its own."""
    with tempfile.TemporaryDirectory(prefix="ghanti-bench-") as folder:
        Path(folder).chmod(0o711)
        with (
            EmbeddedPostgres(Path(folder) / "data", system_folder=Path(folder) / "system") as server,
            migrated_database(server) as url,
        ):
            yield url


def show(name: str, run: Run) -> None:
    print(
        f"{name}: order to INVITE {1000 * run.median:.0f} ms, at most {1000 * max(run.urgent):.0f} ms, "
        f"with {len(run.urgent)} calls while bulk waited {run.bulk_waits:.0f} s; on an idle trunk "
        f"{1000 * statistics.median(run.anchor):.0f} ms ({run.median / statistics.median(run.anchor):.1f}x)"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description="How long a one-time password's call waits")
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--channels", type=int, default=10, help="of the trunk, without the reserved one")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    runs = []
    for number in range(options.runs):
        with _database() as url:
            runs.append(asyncio.run(_measure(url, options)))
        show(f"run {number + 1}", runs[-1])
    median = sorted(runs, key=lambda run: run.median)[len(runs) // 2]
    show("median", median)
    figures: dict[str, Any] = {
        "median_seconds": median.median,
        "most_seconds": max(median.urgent),
        "ratio": median.median / statistics.median(median.anchor),
        "bulk_waits_seconds": median.bulk_waits,
    }
    record("otp_latency", [asdict(run) for run in runs], figures)
    if median.median > median.limit:
        print(f"MISSED: {median.median:.2f} s > {median.limit:.2f} s")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
