"""Contacts a second from an .xlsx of 100,000 rows into the embedded database: read, checked, committed.

Anchor: rows a second that python-calamine alone parses from the same file in the same run. Figures are
medians of three runs, in bench/results.json under "import_contacts".

FLOOR: 0.1 of the anchor; below it this exits 1. TARGET: 25,000 contacts a second, or half the anchor,
whichever is less; a missed target is reported first.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import xlsxwriter
from _figures import record
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from ghanti.contacts import service
from ghanti.database import migrate
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import SessionFactory, create_engine, create_session_factory, transaction
from ghanti.settings import Settings

ROWS = 100_000
RUNS = 3
TARGET_PER_SECOND = 25_000
TARGET_RATIO = 0.5
FLOOR_RATIO = 0.1


def write_workbook(path: Path) -> None:
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["name", "numbers", "amount", "ward", "due"])
        for row in range(ROWS):
            number = 9_841_000_000 + row if row % 2 else f"+977 980-{1_000_000 + row}"
            cells = [f"राम बहादुर {row}", number, row % 5000 + 0.5, row % 33, f"2082-05-{row % 30 + 1:02}"]
            sheet.write_row(row + 1, 0, cells)


def calamine_rate(path: Path) -> float:
    started = time.perf_counter()
    rows = sum(1 for _ in CalamineWorkbook.from_path(path).get_sheet_by_index(0).iter_rows())
    taken = time.perf_counter() - started
    assert rows == ROWS + 1
    return ROWS / taken


async def new_campaign(sessions: SessionFactory) -> tuple[int, int]:
    async with transaction(sessions) as session:
        account = await session.scalar(text("INSERT INTO accounts (name) VALUES ('bench') RETURNING id"))
        statement = text(
            "INSERT INTO campaigns (account_id, name, services) VALUES (:account, 'b', 'SMS') RETURNING id"
        )
        return account, await session.scalar(statement, {"account": account})


async def import_rate(sessions: SessionFactory, path: Path, settings: Settings) -> float:
    account, campaign = await new_campaign(sessions)
    started = time.perf_counter()
    async with transaction(sessions) as session:
        result = await service.import_file(session, account, campaign, path, path.name, settings)
    taken = time.perf_counter() - started
    assert (result.created, result.error_count) == (ROWS, 0)
    return ROWS / taken


async def measure(url: str, path: Path) -> list[dict[str, float]]:
    engine = create_engine(url)
    sessions, settings = create_session_factory(engine), Settings()
    runs = []
    for _ in range(RUNS):
        anchor = calamine_rate(path)
        rate = await import_rate(sessions, path, settings)
        print(f"{rate:,.0f} contacts/s, calamine alone {anchor:,.0f} rows/s, {rate / anchor:.3f}")
        runs.append({"contacts_per_second": round(rate), "calamine_rows_per_second": round(anchor)})
    await engine.dispose()
    return runs


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="ghanti-bench-") as folder:
        Path(folder).chmod(0o711)
        path = Path(folder) / "contacts.xlsx"
        write_workbook(path)
        with EmbeddedPostgres(Path(folder) / "data", system_folder=Path(folder) / "system") as server:
            migrate.upgrade(server.url)
            runs = asyncio.run(measure(server.url, path))
    rate = median(run["contacts_per_second"] for run in runs)
    anchor = median(run["calamine_rows_per_second"] for run in runs)
    target = min(TARGET_PER_SECOND, TARGET_RATIO * anchor)
    if rate < target:
        print(f"MISSED: the target of {target:,.0f} contacts/s")
    print(f"median {rate:,.0f} contacts/s, target {target:,.0f}, {rate / anchor:.3f} of calamine alone")
    figures = {
        "rows": ROWS,
        "contacts_per_second": rate,
        "calamine_rows_per_second": anchor,
        "ratio": round(rate / anchor, 3),
        "floor": FLOOR_RATIO,
        "target": target,
    }
    record("import_contacts", runs, figures)
    return 0 if rate >= FLOOR_RATIO * anchor else 1


if __name__ == "__main__":
    sys.exit(main())
