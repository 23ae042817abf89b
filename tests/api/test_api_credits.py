"""credits/ over HTTP: balances, the statement, events and thresholds."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from api_world import Tenant, assert_error, execute
from ghanti.credits import service
from ghanti.credits.models import Currency, Source
from ghanti.credits.schemas import Reference
from ghanti.database.session import SessionFactory, transaction

PHONE = Currency.PHONE


async def add(
    sessions: SessionFactory, tenant: Tenant, amount: int, cause: str = "bought", **more: Any
) -> None:
    async with transaction(sessions) as session:
        await service.purchase(session, tenant.account_id, PHONE, amount, cause, **more)


async def lines(tenant: Tenant, **query: str) -> list[dict[str, str]]:
    answer = await tenant.http.get("credits/statement/", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_the_balance_is_told_whole(tenant: Tenant, sessions: SessionFactory, viewer: Tenant) -> None:
    until = datetime(2090, 1, 1, tzinfo=UTC)
    await add(sessions, tenant, 40, expires_at=until)
    async with transaction(sessions) as session:
        await service.reserve(session, tenant.account_id, PHONE, 14, 1, uuid4())
    await execute(sessions, "UPDATE credit_balances SET phone_low = 2000")
    answer = await viewer.http.get("credits/balance/")
    assert answer.json() == {
        "remaining_sms_credits": 1000,
        "remaining_phone_credits": 1026,
        "phone": {
            "balance": 1026,
            "held": 14,
            "owed": 0,
            "expiring": {"credits": 40, "at": "2090-01-01T05:45:00.000000+05:45"},
            "low_threshold": 2000,
            "alert": None,
            "days_left": 513.0,
        },
        "sms": {
            "balance": 1000,
            "held": 0,
            "owed": 0,
            "expiring": None,
            "low_threshold": 100,
            "alert": None,
            "days_left": None,
        },
    }


async def test_the_statement_is_csv_in_the_accounts_zone(tenant: Tenant, sessions: SessionFactory) -> None:
    payment = Reference(Source.PAYMENT, "12")
    await add(sessions, tenant, 5, '=HYPERLINK("x"), "y"\nz', reference=payment)
    (last,) = [line for line in await lines(tenant) if line["amount"] == "5"]
    assert last["cause"] == '\'=HYPERLINK("x"), "y"\nz'
    assert (last["kind"], last["currency"], last["balance_after"]) == ("purchase", "phone", "1005")
    assert last["reference"] == "payment 12"
    told = datetime.strptime(last["time"], "%Y-%m-%d %H:%M:%S%z")
    assert told.utcoffset() == timedelta(hours=5, minutes=45)
    assert list(last) == ["time", "kind", "currency", "amount", "balance_after", "cause", "reference"]


async def test_a_period_is_of_days_in_the_accounts_zone(tenant: Tenant, sessions: SessionFactory) -> None:
    midnight = datetime(2026, 3, 10, tzinfo=ZoneInfo("Asia/Kathmandu"))
    moments = [midnight - timedelta(seconds=1), midnight, midnight + timedelta(days=1)]
    for moment in moments:
        await execute(
            sessions,
            "INSERT INTO ledger_entries (account_id, currency, kind, amount, balance, cause, created_at)"
            " VALUES (:account, 'sms', 'adjust', 1, 0, :cause, :moment)",
            account=tenant.account_id,
            cause=str(moments.index(moment)),
            moment=moment,
        )
    asked = {"from": "2026-03-10", "to": "2026-03-10"}
    assert [line["cause"] for line in await lines(tenant, **asked)] == ["1"]
    assert [line["cause"] for line in await lines(tenant, to="2026-03-10")] == ["0", "1"]
    page = (await tenant.http.get("credits/statement/", params={**asked, "format": "json"})).json()
    assert [row["cause"] for row in page["results"]] == ["1"]


async def test_the_statement_has_pages_as_json(tenant: Tenant, sessions: SessionFactory) -> None:
    async with transaction(sessions) as session:
        assert await service.take_back(session, tenant.account_id, PHONE, 1007, "refunded") == 1000
    answer = await tenant.http.get("credits/statement/?format=json&limit=2")
    page = answer.json()
    assert (page["count"], page["total_pages"]) == (3, 2)
    assert page["owed"] == {"phone": 7, "sms": 0}
    assert [(row["kind"], row["amount"], row["balance_after"]) for row in page["results"]] == [
        ("refund", -1000, 0),
        ("purchase", 1000, 1000),
    ]
    assert len((await tenant.http.get(page["next"])).json()["results"]) == 1


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "to=0001-01-01", "to=9999-12-31", "from=2026-03-02&to=2026-03-01", "format=xml"],
)
async def test_a_statement_of_no_sense_is_refused(tenant: Tenant, query: str) -> None:
    answer = await tenant.http.get(f"credits/statement/?{query}")
    assert answer.status_code == 400
    assert_error(answer)


async def test_events_are_listed_and_thresholds_set(tenant: Tenant, other: Tenant, viewer: Tenant) -> None:
    answer = await tenant.http.patch("credits/alerts/", json={"phone": "1000"})
    assert answer.json() == {
        "phone": {"low_threshold": 1000, "own": True},
        "sms": {"low_threshold": 100, "own": False},
    }
    (event,) = (await viewer.http.get("credits/events/")).json()["results"]
    assert event.pop("time")
    assert event.pop("id")
    assert event == {
        "event": "low",
        "currency": "phone",
        "balance": 1000,
        "low_threshold": 1000,
        "plan": None,
    }
    assert (await other.http.get("credits/events/")).json()["count"] == 0
    await tenant.http.patch("credits/alerts/", json={"phone": None})
    assert (await tenant.http.get("credits/balance/")).json()["phone"]["low_threshold"] == 100


@pytest.mark.parametrize("wrong", [-1, "many", 2**60, True])
async def test_a_threshold_of_no_sense_is_refused(tenant: Tenant, wrong: object) -> None:
    answer = await tenant.http.patch("credits/alerts/", json={"sms": wrong})
    assert answer.status_code == 400
    assert_error(answer)


async def test_a_viewer_sets_no_threshold(viewer: Tenant) -> None:
    assert (await viewer.http.patch("credits/alerts/", json={"sms": 5})).status_code == 403
