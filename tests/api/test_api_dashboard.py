"""dashboard/: the printed keys and types, and figures that agree with what happened."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, text

from api_world import Tenant, assert_error, execute
from ghanti.database.session import SessionFactory, transaction
from ghanti.reports.dashboard import dashboard

KATHMANDU = ZoneInfo("Asia/Kathmandu")

PRINTED = {
    "total_credits_purchased": 1000,
    "credits_used": 450,
    "remaining_credits": 550,
    "campaigns": {},
    "outbound_calls": 1200,
    "outbound_sms": 300,
    "total_call_duration": "05:30:00",
    "total_owned_numbers": 5,
    "total_playback": {},
    "credit_spent": 0.375,
    "top_performing_campaign": {},
    "playback_distribution": {},
    "campaign_type_ratio": {},
    "call_outcomes": {},
    "credit_usage_overtime": [],
}


async def figures(tenant: Tenant, query: str = "") -> dict[str, Any]:
    answer = await tenant.http.get(f"dashboard/{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def assert_printed(found: dict[str, Any]) -> None:
    assert list(found)[: len(PRINTED)] == list(PRINTED)
    assert {name: type(found[name]) for name in PRINTED} == {
        name: type(value) for name, value in PRINTED.items()
    }


class History:
    """Attempts as the engine leaves them behind."""

    def __init__(self, tenant: Tenant, sessions: SessionFactory) -> None:
        self._tenant = tenant
        self._sessions = sessions

    async def attempt(
        self, campaign: dict[str, Any], channel: str, outcome: str | None, days_ago: float = 0, **more: Any
    ) -> None:
        """One of a campaign that was run; ``heard_ms`` of 20 s makes it an answered call."""
        account, heard = self._tenant.account_id, more.get("heard_ms")
        moment = datetime.now(UTC) - timedelta(days=days_ago)
        async with transaction(self._sessions) as session:
            target = await session.scalar(
                text("SELECT id FROM targets WHERE account_id = :a AND channel = :c ORDER BY id LIMIT 1"),
                {"a": account, "c": channel},
            )
            await session.execute(
                text(
                    """
                    INSERT INTO attempts (account_id, id, plan_id, target_id, channel, number, state, outcome,
                           session_id, lease_until, held, charged, leased_at, sent_at, answered_at, ended_at,
                           duration_ms, played_ms, total_ms)
                    SELECT :a, :id, p.id, :target, :channel, '+9779841000001', :state, :outcome, :id, :moment,
                           2, :charged, :moment, :sent, :answered, :ended, :duration, :played, 20000
                      FROM plans p WHERE p.account_id = :a AND p.owner_id = :campaign
                    """
                ),
                {
                    "a": account,
                    "id": uuid4(),
                    "target": target,
                    "channel": channel,
                    "state": "ended" if outcome else more.get("state", "ringing"),
                    "outcome": outcome,
                    "moment": moment,
                    "charged": more.get("charged", 0),
                    "sent": moment if more.get("sent", True) else None,
                    "answered": moment if heard is not None else None,
                    "ended": moment if outcome else None,
                    "duration": more.get("duration_ms", heard or 0),
                    "played": heard or 0,
                    "campaign": campaign["id"],
                },
            )

    async def figure(self, campaign: dict[str, Any], channel: str, outcome: str, targets: int) -> None:
        await execute(
            self._sessions,
            "INSERT INTO plan_figures (account_id, plan_id, session_id, channel, outcome, targets, credits)"
            " SELECT account_id, id, :s, :channel, :outcome, :targets, 0 FROM plans"
            " WHERE account_id = :a AND owner_id = :campaign",
            a=self._tenant.account_id,
            s=uuid4(),
            channel=channel,
            outcome=outcome,
            targets=targets,
            campaign=campaign["id"],
        )

    async def spend(self, currency: str, amount: int, moment: datetime, kind: str = "reserve") -> None:
        async with transaction(self._sessions) as session:
            values = {"a": self._tenant.account_id, "c": currency, "n": amount, "m": moment, "k": kind}
            await session.execute(
                text(
                    "INSERT INTO ledger_entries"
                    " (account_id, currency, kind, amount, balance, cause, created_at)"
                    " VALUES (:a, :c, :k, :n, 0, 'test', :m)"
                ),
                values,
            )
            await session.execute(
                text(
                    "UPDATE credit_balances SET phone = phone + CASE :c WHEN 'phone' THEN :n ELSE 0 END,"
                    " sms = sms + CASE :c WHEN 'sms' THEN :n ELSE 0 END WHERE account_id = :a"
                ),
                values,
            )


@pytest.fixture
def history(tenant: Tenant, sessions: SessionFactory) -> History:
    return History(tenant, sessions)


async def test_of_a_new_account(tenant: Tenant) -> None:
    found = await figures(tenant)
    assert_printed(found)
    today = datetime.now(KATHMANDU).date()
    days = found.pop("credit_usage_overtime")
    assert found == {
        "total_credits_purchased": 2000,
        "credits_used": 0,
        "remaining_credits": 2000,
        "campaigns": {
            "total": 0,
            "Not Started": 0,
            "Scheduled": 0,
            "Running": 0,
            "Completed": 0,
            "Terminated": 0,
        },
        "outbound_calls": 0,
        "outbound_sms": 0,
        "total_call_duration": "00:00:00",
        "total_owned_numbers": 1,
        "total_playback": {"seconds": 0, "calls": 0, "average_percent": 0.0},
        "credit_spent": 0.0,
        "top_performing_campaign": {},
        "playback_distribution": {"0-25": 0, "25-50": 0, "50-75": 0, "75-100": 0},
        "campaign_type_ratio": {"PHONE": 0.0, "SMS": 0.0, "SMS & PHONE": 0.0, "SURVEY": 0.0},
        "call_outcomes": {"completed": 0, "hungup": 0, "unanswered": 0, "failed": 0, "terminated": 0},
        "days": 30,
        "remaining_sms_credits": 1000,
        "remaining_phone_credits": 1000,
    }
    assert len(days) == 30
    assert days[-1] == {"date": today.isoformat(), "phone": 0, "sms": 0}
    assert days[0]["date"] == (today - timedelta(days=29)).isoformat()


async def test_calls_and_texts(tenant: Tenant, history: History) -> None:
    campaign = await tenant.ready(services="SMS & PHONE")
    await tenant.run(campaign["id"])
    await history.attempt(campaign, "call", "completed", heard_ms=20_000, charged=2, duration_ms=93_600_000)
    await history.attempt(campaign, "call", "hungup", heard_ms=4_000, charged=1)
    await history.attempt(campaign, "call", "hungup", heard_ms=9_999, charged=1)
    await history.attempt(campaign, "call", "hungup", heard_ms=10_000, charged=1)
    await history.attempt(campaign, "call", "busy")
    await history.attempt(campaign, "call", "no_answer")
    await history.attempt(campaign, "call", "rejected")
    await history.attempt(campaign, "call", None)
    await history.attempt(campaign, "call", None, sent=False, state="leased")
    await history.attempt(campaign, "sms", "completed", charged=1)
    await history.attempt(campaign, "sms", "failed")
    found = await figures(tenant)
    assert_printed(found)
    assert (found["outbound_calls"], found["outbound_sms"]) == (8, 2)
    assert found["total_call_duration"] == "26:00:23"
    assert found["credit_spent"] == 0.625
    assert found["total_playback"] == {"seconds": 43, "calls": 4, "average_percent": 54.8}
    assert found["playback_distribution"] == {"0-25": 1, "25-50": 1, "50-75": 1, "75-100": 1}
    assert found["call_outcomes"] == {
        "completed": 1,
        "hungup": 3,
        "unanswered": 2,
        "failed": 1,
        "terminated": 0,
    }


async def test_only_the_days_that_are_asked_for(
    tenant: Tenant, history: History, sessions: SessionFactory
) -> None:
    campaign = await tenant.ready()
    await tenant.run(campaign["id"])
    for days_ago in (0, 1, 6, 8, 40):
        await history.attempt(campaign, "call", "busy", days_ago)
    assert (await figures(tenant))["outbound_calls"] == 4
    assert (await figures(tenant, "?days=1"))["outbound_calls"] == 1
    week = await figures(tenant, "?days=7")
    assert (week["outbound_calls"], len(week["credit_usage_overtime"])) == (3, 7)
    year = await figures(tenant, "?days=366")
    assert (year["outbound_calls"], len(year["credit_usage_overtime"])) == (5, 366)


async def test_credits_by_day_of_the_accounts_zone(tenant: Tenant, history: History) -> None:
    today = datetime.now(KATHMANDU).replace(hour=0, minute=0, second=0, microsecond=0)
    await history.spend("phone", -5, today)
    await history.spend("phone", 2, today + timedelta(seconds=1), "settle")
    await history.spend("sms", -4, today - timedelta(seconds=1))
    await history.spend("phone", -100, today - timedelta(days=3))
    found = await figures(tenant, "?days=3")
    assert [tuple(day.values())[1:] for day in found["credit_usage_overtime"]] == [(0, 0), (0, 4), (3, 0)]
    assert found["credits_used"] == 7
    assert (found["remaining_phone_credits"], found["remaining_sms_credits"]) == (897, 996)
    assert found["remaining_credits"] == 1893
    assert (await figures(tenant, "?days=4"))["credits_used"] == 107


async def test_campaigns(tenant: Tenant, history: History, sessions: SessionFactory) -> None:
    first = await tenant.ready(name="first", services="PHONE")
    second = await tenant.ready(name="second", services="SMS")
    await tenant.create(name="third", services="SMS")
    old = await tenant.create(name="old")
    await execute(
        sessions, "UPDATE campaigns SET updated_at = now() - interval '31 days' WHERE id = :id", id=old["id"]
    )
    for campaign in (first, second):
        await tenant.run(campaign["id"])
    await history.figure(first, "call", "completed", 3)
    await history.figure(first, "call", "busy", 1)
    await history.figure(second, "sms", "completed", 1)
    await history.figure(second, "sms", "failed", 1)
    found = await figures(tenant)
    assert found["campaigns"] == {
        "total": 3,
        "Not Started": 1,
        "Scheduled": 0,
        "Running": 2,
        "Completed": 0,
        "Terminated": 0,
    }
    assert found["campaign_type_ratio"] == {"PHONE": 33.3, "SMS": 66.7, "SMS & PHONE": 0.0, "SURVEY": 0.0}
    assert found["top_performing_campaign"] == {
        "id": first["id"],
        "name": "first",
        "services": "PHONE",
        "completion_percent": 75.0,
        "completed": 3,
        "total": 4,
    }


async def test_nobody_elses(tenant: Tenant, other: Tenant, history: History) -> None:
    campaign = await tenant.ready()
    await tenant.run(campaign["id"])
    await history.attempt(campaign, "call", "completed", heard_ms=20_000)
    await history.figure(campaign, "call", "completed", 1)
    await history.spend("phone", -5, datetime.now(UTC))
    before = await figures(other)
    assert before["outbound_calls"] == before["credits_used"] == before["campaigns"]["total"] == 0
    assert before["top_performing_campaign"] == {}
    assert before["total_owned_numbers"] == 1


async def test_a_viewer_may_look(tenant: Tenant, viewer: Tenant) -> None:
    assert await figures(viewer) == await figures(tenant)


@pytest.mark.parametrize("days", ["0", "367", "-1", "x", "1.5", "9" * 30])
async def test_wrong_days(tenant: Tenant, days: str) -> None:
    answer = await tenant.http.get("dashboard/", params={"days": days})
    assert answer.status_code == 400
    assert_error(answer)
    assert answer.json()["errors"]["days"]


async def test_no_other_account_is_read(tenant: Tenant, history: History, sessions: SessionFactory) -> None:
    """With many rows of others the account's own are found by index."""
    campaign = await tenant.ready()
    await tenant.run(campaign["id"])
    await history.attempt(campaign, "call", "busy")
    await execute(
        sessions,
        """
        SET LOCAL session_replication_role = replica;
        INSERT INTO attempts (account_id, id, plan_id, target_id, channel, number, state, outcome, session_id,
               lease_until, leased_at, sent_at, ended_at)
        SELECT 1000 + n % 20, gen_random_uuid(), 1, 1, 'call', '+977', 'ended', 'busy', gen_random_uuid(),
               now(), now(), now(), now() FROM generate_series(1, 20000) n;
        INSERT INTO ledger_entries (account_id, currency, kind, amount, balance, cause)
        SELECT 1000 + n % 20, 'phone', 'reserve', -1, 0, 'test' FROM generate_series(1, 20000) n;
        ANALYZE attempts, ledger_entries
        """,
    )
    async with transaction(sessions) as session:
        connection = (await session.connection()).sync_connection
        assert connection is not None
        asked: list[tuple[str, Any]] = []

        def note(_c: object, _k: object, statement: str, values: Any, *_: object) -> None:
            asked.append((statement, values))

        event.listen(connection, "before_cursor_execute", note)
        await dashboard(session, tenant.account_id, KATHMANDU, 30)
        event.remove(connection, "before_cursor_execute", note)
        plans = [
            await session.run_sync(
                lambda s, q=statement, v=values: (
                    s.connection().exec_driver_sql(f"EXPLAIN {q}", v).scalars().all()
                )
            )
            for statement, values in asked
        ]
    assert len(plans) == 6
    assert not re.search("Seq Scan on (attempts|ledger_entries)", str(plans))
