"""Prices by prefix over HTTP: listed, asked for one number, and what is needed before anything is ordered."""

from __future__ import annotations

from typing import Any

import pytest

from api_world import Tenant, assert_error, execute, scalar
from ghanti.credits import tariffs
from ghanti.credits.tariff import Tariff
from ghanti.database.session import SessionFactory, transaction
from ghanti.settings import Settings

NTC, NCELL = "9841000001", "9801000001"


@pytest.fixture
async def prices(sessions: SessionFactory) -> None:
    """Everything costs 1, Ncell 5 a pulse and 2 a part, a single number of NTC nothing."""
    async with transaction(sessions) as session:
        await tariffs.put(
            session,
            [
                ("", Tariff(60, 1, 1)),
                ("+977 980", Tariff(30, 5, 2)),
                ("9779841000009", Tariff(60, 0, 0)),
            ],
        )


async def _results(tenant: Tenant, query: str = "") -> list[dict[str, Any]]:
    answer = await tenant.http.get(f"credits/tariffs/{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


async def test_a_new_installation_has_the_tariff_of_the_settings(tenant: Tenant) -> None:
    (row,) = await _results(tenant)
    assert row.pop("valid_from").endswith("+05:45")
    assert row == {"prefix": "", "pulse_seconds": 60, "credits_per_pulse": 1, "credits_per_segment": 1}


@pytest.mark.usefixtures("prices")
async def test_they_are_listed_by_prefix_in_pages(tenant: Tenant) -> None:
    assert [row["prefix"] for row in await _results(tenant)] == ["", "977980", "9779841000009"]
    answer = (await tenant.http.get("credits/tariffs/?limit=1&offset=1")).json()
    assert (answer["count"], [row["prefix"] for row in answer["results"]]) == (3, ["977980"])
    assert answer["results"][0]["credits_per_pulse"] == 5


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize(
    ("number", "prefix"),
    [(NCELL, "977980"), ("%2B9779801000001", "977980"), (NTC, ""), ("984-1000009", "9779841000009")],
)
async def test_the_tariff_of_a_number(tenant: Tenant, number: str, prefix: str) -> None:
    assert [row["prefix"] for row in await _results(tenant, f"?number={number}")] == [prefix]


async def test_of_what_is_no_number_there_is_no_tariff(tenant: Tenant) -> None:
    answer = await tenant.http.get("credits/tariffs/?number=abc")
    assert answer.status_code == 400
    assert_error(answer)


@pytest.mark.usefixtures("prices")
async def test_a_run_needs_a_pulse_and_a_part_for_each_at_its_own_price(
    tenant: Tenant, sessions: SessionFactory
) -> None:
    campaign = await tenant.ready(NTC, "9841000002", NCELL, "9841000009", services="SMS & PHONE")
    await execute(sessions, "UPDATE credit_balances SET phone = 6, sms = 100")
    refused = await tenant.run(campaign["id"])
    assert refused.status_code == 400
    needed = {name: value for name, value in refused.json().items() if name.startswith("needed")}
    assert needed == {"needed_phone_credits": 1 + 1 + 5, "needed_sms_credits": 1 + 1 + 2}
    await execute(sessions, "UPDATE credit_balances SET phone = 7")
    assert (await tenant.run(campaign["id"])).status_code == 200


@pytest.mark.usefixtures("prices")
async def test_what_is_free_runs_without_credits(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.ready("9841000009", services="SMS & PHONE")
    await execute(sessions, "UPDATE credit_balances SET phone = 0, sms = 0")
    assert (await tenant.run(campaign["id"])).status_code == 200


@pytest.mark.usefixtures("prices")
async def test_a_demo_call_needs_what_it_will_hold(tenant: Tenant, sessions: SessionFactory) -> None:
    campaign = await tenant.create()
    contacts = await tenant.add(campaign["id"], NTC, NCELL, "9841000009")
    await execute(sessions, "UPDATE credit_balances SET phone = 1")
    needed = []
    for contact in contacts:
        answer = await tenant.http.post(f"demo-call/{contact['id']}/")
        needed.append(answer.json().get("needed_phone_credits", 0))
    assert needed == [2, 10, 0]
    assert await scalar(sessions, "SELECT units FROM targets") == 0


@pytest.mark.usefixtures("prices")
@pytest.mark.parametrize(("number", "text", "voice"), [(NTC, 1, 2), (NCELL, 2, 10), ("9841000009", 0, 0)])
async def test_a_one_time_password_costs_by_its_number(
    tenant: Tenant, settings: Settings, number: str, text: int, voice: int
) -> None:
    settings.otp_gap_seconds = 0
    order = {"number": number, "message": "{otp}", "otp": "123", "otp_options": "personnel"}
    used = []
    for way in ({"sms_send_options": "text"}, {"sms_send_options": "voice", "voice_input": "np_rija"}):
        answer = await tenant.http.post("auths/send/otp/", json=order | way)
        assert answer.status_code == 200, answer.text
        used.append(answer.json()["data"]["details"]["credits_used"])
    assert used == [text, voice]
