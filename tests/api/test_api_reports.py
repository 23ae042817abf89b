"""The report as a stream, from a real server process: whole, left in the middle, and broken off."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest

from api_world import Tenant, execute, scalar
from ghanti.api import downloads
from ghanti.api.downloads import Downloads
from ghanti.database.session import SessionFactory
from ghanti.reports import service as reports
from ghanti.turns import NoTurnError
from processes import eventually

MANY = 30_000
"""Contacts of a report that fits into no buffer between the database and its reader."""


@pytest.fixture
def served(api_database: str, tmp_path: Path) -> Iterator[str]:
    environment = os.environ | {
        "GHANTI_DATABASE_URL": api_database,
        "GHANTI_DATA": str(tmp_path / "data"),
        "GHANTI_PORT": "0",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "ghanti.app"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield f"http://127.0.0.1:{json.loads(process.stdout.readline())['port']}"
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
async def big(tenant: Tenant, sessions: SessionFactory) -> int:
    """A campaign of many contacts."""
    campaign = await tenant.create()
    await execute(
        sessions,
        "INSERT INTO contacts (account_id, campaign_id, number, number_sent, variables)"
        " SELECT :account, :campaign, n::text, n::text, json_build_object('name', repeat('राम ', 50), 'n', n)"
        "   FROM generate_series(1, :many) n",
        account=tenant.account_id,
        campaign=campaign["id"],
        many=MANY,
    )
    return int(campaign["id"])


def _report(served: str, tenant: Tenant, campaign_id: int) -> Any:
    headers = {"Authorization": f"Bearer {tenant.token}"}
    return httpx.stream("GET", f"{served}/api/v1/download/report/{campaign_id}/", headers=headers, timeout=60)


def _readers(url: str) -> list[str]:
    """What the server's connections are busy with."""
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT query FROM pg_stat_activity WHERE application_name = 'ghanti api' AND state <> 'idle'"
            " AND datname = current_database()"
        )
        return [row[0] for row in rows]


def test_every_contact_in_its_order(served: str, tenant: Tenant, big: int, api_database: str) -> None:
    with _report(served, tenant, big) as answer:
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["transfer-encoding"] == "chunked"
        text = answer.read().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["n"]) for row in rows] == list(range(1, MANY + 1))
    assert list(rows[0])[:4] == ["number", "name", "n", "status"]
    assert not _readers(api_database)


def test_who_goes_away_ends_it(served: str, tenant: Tenant, big: int, api_database: str) -> None:
    with _report(served, tenant, big) as answer:
        parts = answer.iter_raw()  # Kept: when it is dropped, the connection is closed.
        next(parts)
        assert _readers(api_database)
    eventually(lambda: not _readers(api_database))


def test_a_report_that_breaks_off_is_no_whole_one(
    served: str, tenant: Tenant, big: int, api_database: str
) -> None:
    with _report(served, tenant, big) as answer:
        parts = answer.iter_raw()
        next(parts)
        with psycopg.connect(api_database, autocommit=True) as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'ghanti api' AND state <> 'idle' AND datname = current_database()"
            ).fetchall()
        assert ended == [(True,)]
        with pytest.raises(httpx.RemoteProtocolError):
            list(parts)
    with _report(served, tenant, big) as again:
        assert again.status_code == 200
        assert len(again.read().splitlines()) == MANY + 1


async def test_all_of_it_shows_one_moment(tenant: Tenant, sessions: SessionFactory, big: int) -> None:
    lines = reports.campaign_csv(sessions, tenant.account_id, big, ZoneInfo("UTC"))
    async with aclosing(lines):
        header = await anext(lines)
        await tenant.add(big, "9841000001", late="x")
        await execute(sessions, "UPDATE contacts SET number_sent = 'changed'")
        rest = b"".join([chunk async for chunk in lines])
    assert b"late" not in header
    assert rest.count(b"\n") == MANY
    assert b"changed" not in rest
    fresh = [chunk async for chunk in reports.campaign_csv(sessions, tenant.account_id, big, ZoneInfo("UTC"))]
    assert b",late," in fresh[0]


async def test_downloads_take_turns(
    tenant: Tenant, sessions: SessionFactory, big: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_TURN_SECONDS", 0.05)
    few = Downloads(1, 60)

    def lines() -> Any:
        return reports.campaign_csv(sessions, tenant.account_id, big, ZoneInfo("UTC"))

    first = await few.answer(lines(), tenant.account_id, "first.csv", "text/csv")
    with pytest.raises(NoTurnError):
        await few.answer(lines(), tenant.account_id, "second.csv", "text/csv")

    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        pass

    await first({"type": "http"}, gone, send)
    monkeypatch.setattr(downloads, "_TURN_SECONDS", 10)
    third = await few.answer(lines(), tenant.account_id, "third.csv", "text/csv")
    await third({"type": "http"}, gone, send)


async def _endless() -> AsyncGenerator[bytes, None]:
    while True:
        yield bytes(65_536)
        await asyncio.sleep(0)


async def test_an_account_leaves_turns_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_TURN_SECONDS", 0.05)
    few = Downloads(4, 60)
    for _ in range(2):
        await few.answer(_endless(), 1, "a.csv", "text/csv")
    with pytest.raises(NoTurnError):
        await few.answer(_endless(), 1, "a.csv", "text/csv")
    assert (await few.answer(_endless(), 2, "b.csv", "text/csv")).status_code == 200


async def test_a_client_that_takes_little_at_a_time_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though it takes something all the time."""
    monkeypatch.setattr(downloads, "_UNHURRIED_SECONDS", 0.2)
    monkeypatch.setattr(downloads, "_LEAST_PACE", 1 << 40)
    few = Downloads(1, 3600)
    taken: list[dict[str, Any]] = []

    async def waiting() -> Any:
        await asyncio.Event().wait()

    async def slowly(message: Any) -> None:
        await asyncio.sleep(0.02)
        taken.append(message)

    slow = await few.answer(_endless(), 1, "a.csv", "text/csv")
    async with asyncio.timeout(30):
        await slow({"type": "http"}, waiting, slowly)
    assert len(taken) > 1
    assert taken[-1]["more_body"]
    assert (await few.answer(_endless(), 1, "b.csv", "text/csv")).status_code == 200


async def test_one_that_nobody_takes_ends_by_itself(
    tenant: Tenant, sessions: SessionFactory, big: int, api_database: str
) -> None:
    few = Downloads(1, 0.2)
    for _ in range(2):
        lines = reports.campaign_csv(sessions, tenant.account_id, big, ZoneInfo("UTC"))
        assert (await few.answer(lines, 1, "forgotten.csv", "text/csv")).status_code == 200


async def test_unknown_campaigns_have_no_report(tenant: Tenant, other: Tenant, big: int) -> None:
    for client, campaign_id in ((other, big), (tenant, 999)):
        assert (await client.http.get(f"download/report/{campaign_id}/")).status_code == 404
        assert (await client.http.get(f"download/{campaign_id}/report/")).status_code == 404


async def test_a_name_too_long_for_a_column_is_one(tenant: Tenant) -> None:
    campaign = await tenant.create()
    names = ["", "क" * 80, "क" * 21 + "अ", "short"]
    await tenant.add(campaign["id"], "9841000001", **{name: f"of {name}" for name in names})
    answer = await tenant.http.get(f"download/report/{campaign['id']}/")
    (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert {name: row[name] for name in names} == {name: f"of {name}" for name in names}


async def test_what_is_known_of_all_contacts_stays_true(
    tenant: Tenant, sessions: SessionFactory, workbook: Callable[..., bytes]
) -> None:
    campaign = await tenant.create()
    path = f"campaign-detail/{campaign['id']}/"
    first, _ = await tenant.add(campaign["id"], "9841000001", "9801000001", b=1, a=2)
    file = {"bulk_file": ("more.xlsx", workbook([["number", "ward"], [9841000001, 1], [9841000002, 2]]))}
    assert (
        await tenant.http.patch(f"campaign/create/{campaign['id']}/detail/", files=file)
    ).status_code == 200
    assert (await tenant.http.get(path)).json()["carrier_summary"] == {"NTC": 2, "Ncell": 1}
    await tenant.http.patch(f"phone-number/update/{first['id']}/", json={"number": 9801000002})
    assert (await tenant.http.get(path)).json()["carrier_summary"] == {"Ncell": 2, "NTC": 1}
    await tenant.http.patch(f"campaign/{first['id']}/attributes/", json={"later": 1})
    await tenant.http.delete(f"phone-number/delete/{first['id']}/")
    page = (await tenant.http.get(path)).json()
    assert (page["carrier_summary"], page["count"]) == ({"NTC": 1, "Ncell": 1}, 2)
    header = (await tenant.http.get(f"download/report/{campaign['id']}/")).text.splitlines()[0]
    assert header.startswith("\ufeffnumber,b,a,later,ward,status,")
    await tenant.http.delete(f"campaign/{campaign['id']}/")
    assert await scalar(sessions, "SELECT count(*) FROM contact_totals") == 0
    assert await scalar(sessions, "SELECT count(*) FROM campaign_variables") == 0
