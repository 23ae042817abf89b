"""A campaign whose account runs out of credits in the middle, and is given some: paused, then to its end."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx

from ghanti.credits import service as credits
from ghanti.credits.models import Currency
from ghanti.database import tables  # noqa: F401 - foreign keys need every model
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import create_session_factory, opened, transaction
from serving import Served, wait_until

NUMBERS = [f"98416600{ending:02d}" for ending in range(10, 15)]
"""Phones that answer. Each call costs one credit and holds two, so the last of five credits can hold none."""


def _account(served: Served) -> tuple[int, int, httpx.Client]:
    """An account with a credit a contact: its id, that of its caller number, and who speaks for it."""
    made = served.ghanti(
        *("account", "create", "pausing@example.com", "--password", "correct horse"),
        *("--phone-credits", str(len(NUMBERS)), "--sms-credits", "0"),
    )
    number = served.ghanti("number", "add", "+97715970499", "--account", str(made["account_id"]))
    headers = {"Authorization": f"Bearer {made['api_token']}"}
    http = httpx.Client(base_url=f"{served.url}/api/v1/", headers=headers, timeout=30)
    return made["account_id"], number["id"], http


def _campaign(http: httpx.Client, number_id: int) -> int:
    body = {
        "name": "pausing",
        "services": "PHONE",
        "user_phone": [number_id],
        "message": "नमस्ते",
    }
    created = http.post("campaign/create/", json=body)
    assert created.status_code == 201, created.text
    campaign = int(created.json()["id"])
    added = http.post(
        f"campaign/{campaign}/add-contact/", json={"contacts": [{"number": number} for number in NUMBERS]}
    )
    assert added.status_code == 201, added.text
    return campaign


def _top_up(served: Served, account_id: int, amount: int) -> None:
    async def purchase() -> None:
        url = EmbeddedPostgres(served.data).url
        async with opened(url, pool_size=1) as engine, transaction(create_session_factory(engine)) as session:
            await credits.purchase(session, account_id, Currency.PHONE, amount, "topped up")

    asyncio.run(purchase())


def test_an_empty_balance_pauses_and_a_top_up_resumes_and_nobody_is_called_twice(served: Served) -> None:
    account_id, number_id, http = _account(served)
    called = {f"+977{number}" for number in NUMBERS}

    def dialled() -> Counter[str]:
        calls = (line for line in served.phone_log() if line["event"] == "invite")
        return Counter(call["number"] for call in calls if call["number"] in called)

    with http:
        campaign = _campaign(http, number_id)

        def shown() -> dict[str, Any]:
            answer: dict[str, Any] = http.get(f"campaign/{campaign}/").json()
            return answer

        run = http.post(f"run-campaign/{campaign}/")
        assert run.status_code == 200, run.text
        wait_until(lambda: shown().get("paused_reason") == "credits", "the campaign is paused")
        assert shown()["status"] == "Running"
        before = dialled()
        assert len(before) == len(NUMBERS) - 1
        assert set(before.values()) == {1}

        _top_up(served, account_id, 10)
        wait_until(lambda: shown()["status"] == "Completed", "the campaign is over")
        assert "paused_reason" not in shown()
        assert dialled() == dict.fromkeys(called, 1)
        page = http.get(f"campaign-detail/{campaign}/").json()
        assert [row["status"] for row in page["results"]] == ["completed"] * len(NUMBERS)
        assert page["total_credits_consumed"] == len(NUMBERS)
    with served.connect() as connection:
        (phone,) = connection.execute(
            "SELECT phone FROM credit_balances WHERE account_id = %s", [account_id]
        ).fetchone() or (None,)
    assert phone == 10
