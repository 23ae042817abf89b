"""Accounts that buy, the stand-in for Stripe beside them, and packages on sale: fixtures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select, text

from api_world import Tenant
from ghanti.accounts.models import Role
from ghanti.accounts.service import Principal
from ghanti.credits import repository as ledger
from ghanti.credits import service as credits
from ghanti.credits.models import Currency
from ghanti.database.session import SessionFactory, transaction
from ghanti.payments import packages
from ghanti.payments.models import Payment
from ghanti.payments.providers import provider_of
from ghanti.payments.schemas import PackageOrder
from ghanti.payments.service import Payments
from ghanti.settings import Settings
from stripe_shapes import KEY, SECRET, signed

__all__ = ["payments", "settings", "shop", "stand_in"]

WARD = PackageOrder(
    slug="ward", name="100 calls and 7 messages", phone=100, sms=7, amount=1000, currency="npr"
)


class StandIn:
    """The stand-in's process, and what people do on its pages."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).parent / "payments" / "stripe_stand_in.py")]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{json.loads(self._process.stdout.readline())['port']}"
        self._http = httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    def close(self) -> None:
        self._http.close()
        self._process.kill()
        self._process.communicate()

    def _post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self._http.post(f"/_config/{path}", json=body)
        assert answer.status_code == 200, answer.text
        thing: dict[str, Any] = answer.json() if answer.content else {}
        return thing

    def pay(self, session: str, how: str = "paid") -> None:
        self._post(f"pay/{session}", how=how)

    def refund(self, session: str, amount: int) -> None:
        self._post(f"refund/{session}", amount=amount)

    def dispute(self, session: str) -> str:
        name: str = self._post(f"dispute/{session}")["id"]
        return name

    def close_dispute(self, name: str, status: str) -> None:
        self._post(f"close/{name}", status=status)

    def expire(self, session: str) -> None:
        path = f"/v1/checkout/sessions/{session}/expire"
        answer = self._http.post(path, headers={"Authorization": f"Bearer {KEY}"})
        assert answer.status_code == 200, answer.text

    def session(self, name: str) -> dict[str, Any]:
        """A checkout, as it is there."""
        headers = {"Authorization": f"Bearer {KEY}"}
        found: dict[str, Any] = self._http.get(f"/v1/checkout/sessions/{name}", headers=headers).json()
        return found

    def go_out(self, out: bool) -> None:
        self._post("out", out=out)

    def tell(self, name: str, url: str) -> None:
        """Send events there."""
        self._post(f"webhooks/{name}", url=url, secret=SECRET)

    def told(self) -> dict[str, Any]:
        told: dict[str, Any] = self._http.get("/_config/events").json()
        return told

    def events(self, *sessions: str) -> list[bytes]:
        """The events of these checkouts, as bodies to send, the oldest first."""
        events = [each for each in self.told()["events"] if each["data"]["object"].get("id") in sessions]
        return [json.dumps(each).encode() for each in events]


@pytest.fixture(scope="session")
def stand_in() -> Iterator[StandIn]:
    running = StandIn()
    yield running
    running.close()


@pytest.fixture
def settings(tmp_path: Path, stand_in: StandIn) -> Settings:
    return Settings(
        data=tmp_path / "data",
        credential_memory_seconds=0,
        stripe_secret_key=KEY,
        stripe_webhook_secret=SECRET,
        stripe_api_base=stand_in.url,
    )


@pytest.fixture
def payments(sessions: SessionFactory, settings: Settings) -> Payments:
    return Payments(sessions, provider_of(settings), settings)


@dataclass
class Shop:
    """One account that buys, and what its ledger and its payments say."""

    sessions: SessionFactory
    payments: Payments
    tenant: Tenant
    principal: Principal

    async def order(self, **fields: Any) -> Payment:
        """A payment that can be made, without asking anybody for a page."""
        values = {
            "account_id": self.tenant.account_id,
            "provider": "stripe",
            "live": False,
            "package": "ward",
            "description": WARD.name,
            "phone": 100,
            "sms": 7,
            "amount": 1000,
            "currency": "npr",
            "session_id": "cs_test_a1",
            "state": "open",
        }
        async with transaction(self.sessions) as session:
            payment = Payment(**values | fields)
            session.add(payment)
            await session.flush()
            await session.refresh(payment)
        return payment

    async def tell(self, *bodies: bytes) -> None:
        for body in bodies:
            await self.payments.handle_event(body, signed(body))

    async def payment(self, payment_id: int) -> Payment:
        async with self.sessions() as session:
            found = await session.scalars(select(Payment).where(Payment.id == payment_id))
            return found.one()

    async def credits(self) -> tuple[int, int]:
        """Phone and SMS credits of the account, which its ledger explains."""
        account = self.tenant.account_id
        async with self.sessions() as session:
            balances = await credits.balances(session, account)
            sums = [await ledger.ledger_sum(session, account, currency) for currency in Currency]
        assert sums == [balances.phone, balances.sms]
        return balances.phone, balances.sms

    async def entries(self) -> list[tuple[str, str, int]]:
        """Kind, currency and amount of what payments entered."""
        async with self.sessions() as session:
            rows = await session.execute(
                text(
                    "SELECT kind, currency, amount FROM ledger_entries WHERE account_id = :account"
                    " AND source = 'payment' ORDER BY id"
                ),
                {"account": self.tenant.account_id},
            )
            return [(row.kind, row.currency, row.amount) for row in rows]


@pytest.fixture
async def shop(sessions: SessionFactory, payments: Payments, new_tenant: Any) -> Shop:
    tenant: Tenant = await new_tenant("shop@example.com", phone=0, sms=0)
    async with transaction(sessions) as session:
        await packages.put(session, WARD)
    zone = ZoneInfo("Asia/Kathmandu")
    return Shop(
        sessions, payments, tenant, Principal(tenant.account_id, tenant.user_id, Role.OWNER, zone, False, 1)
    )
