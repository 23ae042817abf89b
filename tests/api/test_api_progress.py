"""What the wire says of a contact while it is called and after: campaign-detail and the report."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from api_world import Tenant, execute, scalar
from ghanti.database.session import SessionFactory

_ATTEMPT = """
INSERT INTO attempts (account_id, id, plan_id, target_id, contact_id, channel, number, state, outcome,
                      session_id, lease_until, held, sent_at, ringing_at, answered_at, ended_at,
                      duration_ms, played_ms, total_ms, delivery)
SELECT account_id, gen_random_uuid(), plan_id, id, contact_id, channel, number,
       CAST(:state AS text), CAST(:outcome AS text), gen_random_uuid(), now(), 1,
       CASE WHEN :state <> 'leased' THEN now() END,
       CASE WHEN :state IN ('ringing', 'answered', 'ended') THEN now() END,
       CASE WHEN :answered THEN clock_timestamp() - make_interval(secs => 5) END,
       CASE WHEN :state = 'ended' THEN now() END,
       :duration, :played, :total, CAST(:delivery AS text)
  FROM targets WHERE channel = :channel
"""

_TARGET = """
UPDATE targets SET state = :target, outcome = :outcome, credits = :credits, attempts = 1, ready = true,
       reason = :reason, final_at = CASE WHEN :target = 'final' THEN now() END,
       attempt_id = (SELECT id FROM attempts WHERE channel = :channel)
 WHERE channel = :channel
"""


async def _happen(
    sessions: SessionFactory,
    state: str,
    outcome: str | None = None,
    *,
    channel: str = "call",
    answered: bool = False,
    duration: int = 0,
    played: int = 0,
    total: int = 10_000,
    credits: int = 0,
    reason: str | None = None,
    delivery: str | None = None,
) -> None:
    """Bring the only target of a channel where the engine would have it."""
    await execute(
        sessions,
        _ATTEMPT,
        state=state,
        outcome=outcome,
        channel=channel,
        answered=answered,
        duration=duration,
        played=played,
        total=total,
        delivery=delivery,
    )
    target = "final" if outcome else "active"
    await execute(
        sessions,
        _TARGET,
        target=target,
        outcome=outcome,
        credits=credits,
        channel=channel,
        reason=reason,
    )


async def _row(tenant: Tenant, campaign_id: int) -> dict[str, Any]:
    (row,) = (await tenant.http.get(f"campaign-detail/{campaign_id}/")).json()["results"]
    return row


async def _running(tenant: Tenant, services: str = "PHONE", **variables: Any) -> int:
    campaign = await tenant.create(services=services)
    await tenant.add(campaign["id"], "9841000001", **variables)
    assert (await tenant.run(campaign["id"])).status_code == 200
    return int(campaign["id"])


@pytest.mark.parametrize(
    ("state", "status"), [("leased", "dialing"), ("sending", "dialing"), ("ringing", "ringing")]
)
async def test_before_the_answer(tenant: Tenant, sessions: SessionFactory, state: str, status: str) -> None:
    campaign_id = await _running(tenant)
    assert (await _row(tenant, campaign_id))["status"] == "not started"
    await _happen(sessions, state)
    row = await _row(tenant, campaign_id)
    assert (row["status"], row["call_duration"], row["playback"]) == (status, "0s", "")


async def test_while_it_talks(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign_id = await _running(tenant)
    await _happen(sessions, "answered", answered=True)
    row = await _row(tenant, campaign_id)
    assert row["status"] == "answered"
    assert int(row["call_duration"].removesuffix("s")) >= 5
    assert 50 <= int(row["playback"]) <= 100


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        ("completed", "completed"),
        ("hungup", "hungup"),
        ("busy", "unanswered"),
        ("no_answer", "unanswered"),
        ("rejected", "failed"),
        ("failed", "failed"),
        ("unknown", "failed"),
        ("invalid_number", "failed"),
        ("expired", "terminated"),
        ("blocked", "terminated"),
        ("cancelled", "terminated"),
    ],
)
async def test_every_outcome(tenant: Tenant, sessions: SessionFactory, outcome: str, status: str) -> None:
    campaign_id = await _running(tenant)
    await _happen(sessions, "ended", outcome, reason="why")
    row = await _row(tenant, campaign_id)
    assert (row["status"], row["reason"]) == (status, "why")


async def test_heard_in_part(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign_id = await _running(tenant)
    await _happen(sessions, "ended", "hungup", answered=True, duration=9_100, played=9_199, credits=1)
    row = await _row(tenant, campaign_id)
    assert (row["call_duration"], row["playback"], row["credit_consumed"]) == ("10s", "91", 1)


async def test_two_channels_show_the_calls_status(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign_id = await _running(tenant, "SMS & PHONE")
    await _happen(sessions, "ended", "completed", channel="sms", credits=2, delivery="awaited")
    row = await _row(tenant, campaign_id)
    assert (row["status"], row["sms_status"], row["credit_consumed_SMS"]) == ("not started", "sent", 2)
    await execute(sessions, "UPDATE attempts SET delivery = 'delivered'")
    assert (await _row(tenant, campaign_id))["sms_status"] == "delivered"


@pytest.mark.parametrize(("outcome", "status"), [("completed", "completed"), ("failed", "failed")])
async def test_message_alone(tenant: Tenant, sessions: SessionFactory, outcome: str, status: str) -> None:
    campaign_id = await _running(tenant, "SMS")
    await _happen(sessions, "ended", outcome, channel="sms", delivery="undelivered")
    assert (await _row(tenant, campaign_id))["status"] == status


async def test_totals_are_the_whole_campaigns(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create(services="SMS & PHONE")
    await tenant.add(campaign["id"], "9841000001", "9801000001", "015970425", "+14155550123")
    await tenant.run(campaign["id"])
    plan = await scalar(sessions, "SELECT id FROM plans")
    for channel, outcome, targets, credits in (
        ("call", "completed", 2, 3),
        ("call", "busy", 1, 0),
        ("sms", "completed", 4, 5),
    ):
        await execute(
            sessions,
            "INSERT INTO plan_figures (account_id, plan_id, session_id, channel, outcome, targets, credits)"
            " VALUES (:account, :plan, gen_random_uuid(), :channel, :outcome, :targets, :credits)",
            account=tenant.account_id,
            plan=plan,
            channel=channel,
            outcome=outcome,
            targets=targets,
            credits=credits,
        )
    page = (await tenant.http.get(f"campaign-detail/{campaign['id']}/?limit=1")).json()
    assert (page["count"], page["total_pages"], len(page["results"])) == (4, 4, 1)
    assert page["total_credits_consumed"] == 8
    assert page["carrier_summary"] == {"other": 2, "NTC": 1, "Ncell": 1}
    assert (await tenant.get(campaign["id"]))["progress_percent"] == 87


async def _report(tenant: Tenant, campaign_id: int) -> list[dict[str, str]]:
    answer = await tenant.http.get(f"download/{campaign_id}/report")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


async def test_report_of_a_finished_call(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign_id = await _running(tenant, name='राम, "काका"')
    await _happen(sessions, "ended", "completed", answered=True, duration=9_100, played=9_900, credits=1)
    (row,) = await _report(tenant, campaign_id)
    assert row.pop("started_at").endswith("+05:45")
    assert row.pop("ended_at").endswith("+05:45")
    assert row == {
        "number": "9841000001",
        "name": 'राम, "काका"',
        "status": "completed",
        "call_duration": "10s",
        "duration_seconds": "10",
        "playback": "100",
        "credit_consumed": "1",
        "credit_consumed_SMS": "0",
        "sms_status": "",
        "carrier": "NTC",
        "attempts": "1",
        "reason": "",
    }


async def test_report_has_a_column_a_variable(tenant: Tenant) -> None:
    campaign = await tenant.create()
    await tenant.add(campaign["id"], "9841000001", b=1, a="x")
    await tenant.add(campaign["id"], "9841000002", a="y", c=None, status="mine")
    rows = await _report(tenant, campaign["id"])
    assert list(rows[0])[:5] == ["number", "b", "a", "c", "tags_status"]
    assert [row["b"] for row in rows] == ["1", ""]
    assert [row["tags_status"] for row in rows] == ["", "mine"]
    assert {row["status"] for row in rows} == {"not started"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
async def test_formulas_are_defused(tenant: Tenant, start: str) -> None:
    campaign = await tenant.create()
    await tenant.add(campaign["id"], "+9779841000001", **{f"{start}head": f"{start}1+1\nline"})
    (row,) = await _report(tenant, campaign["id"])
    assert row["number"] == "'+9779841000001"
    assert row[f"'{start}head"] == f"'{start}1+1\nline"


@pytest.mark.parametrize("name", ["%s", "%(x)s", "a'b", 'a"b', ":name", "a,b", "{x}", "100%", "\\"])
async def test_report_with_hostile_names(tenant: Tenant, name: str) -> None:
    campaign = await tenant.create()
    await tenant.add(campaign["id"], "9841000001", **{name: f"value {name}"})
    (row,) = await _report(tenant, campaign["id"])
    assert row[name] == f"value {name}"


async def test_no_name_ends_the_row_of_names(tenant: Tenant) -> None:
    """Spreadsheets begin a row after a bare carriage return, and a cell with what stands there."""
    campaign = await tenant.create()
    await tenant.add(campaign["id"], "9841000001", **{"a\r=1+1": "x", "b\n=1+1": "y"})
    text = (await tenant.http.get(f"download/report/{campaign['id']}/")).text
    assert text.startswith('\ufeffnumber,"a\r=1+1","b\n=1+1",status,')


async def test_report_of_a_campaign_without_contacts(tenant: Tenant) -> None:
    campaign = await tenant.create()
    assert await _report(tenant, campaign["id"]) == []


async def test_report_is_posted_for_by_the_vendors_client(tenant: Tenant) -> None:
    campaign = await tenant.ready()
    answer = await tenant.http.post(f"download/report/{campaign['id']}/", data={"id": "1"})
    assert answer.status_code == 200
    assert len(answer.text.splitlines()) == 3


async def test_report_with_more_names_than_columns(tenant: Tenant) -> None:
    campaign = await tenant.create()
    path = f"campaign/{campaign['id']}/add-contact/"
    for part in range(20):
        variables = {f"v{part}_{index}": index for index in range(100)}
        body = {"number": f"98410000{part:02}", "other_variables": variables}
        assert (await tenant.http.post(path, json=body)).status_code == 201
    assert len((await _report(tenant, campaign["id"]))[0]) == 1500 + 13
