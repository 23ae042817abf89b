"""The whole API on a real database, with accounts to use it: fixtures for tests over HTTP."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import xlsxwriter
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy import text

from clean_database import empty, migrated_database
from ghanti.accounts import passwords
from ghanti.accounts import service as accounts
from ghanti.accounts.models import Role
from ghanti.app import create_app
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import SessionFactory, create_engine, create_session_factory, transaction
from ghanti.encryption import SecretBox
from ghanti.settings import Settings
from ghanti.trunks import service as trunks

__all__ = [
    "PASSWORD",
    "Tenant",
    "api_database",
    "app",
    "assert_error",
    "execute",
    "http",
    "new_tenant",
    "other",
    "scalar",
    "sessions",
    "settings",
    "shared_database",
    "tenant",
    "viewer",
    "workbook",
]

PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def shared_database(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """The URL of a migrated database with the voices, which tests use one after the other."""
    with migrated_database(postgres_server) as url:
        yield url


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    # Tests change accounts behind the back of the API, and want it to see that at once.
    return Settings(data=tmp_path / "data", credential_memory_seconds=0)


@pytest.fixture
def api_database(shared_database: str) -> str:
    empty(shared_database)
    return shared_database


@pytest.fixture
async def sessions(api_database: str) -> AsyncIterator[SessionFactory]:
    engine = create_engine(api_database)
    yield create_session_factory(engine)
    # What was left in the middle gives its connection back a moment later, and not to a pool that is gone.
    async with asyncio.timeout(30):
        while engine.pool.checkedout():  # type: ignore[attr-defined]  # noqa: ASYNC110 - a pool has no event
            await asyncio.sleep(0.01)
    await engine.dispose()


@pytest.fixture
async def app(settings: Settings, sessions: SessionFactory) -> AsyncIterator[FastAPI]:
    made = create_app(settings, sessions, SecretBox(b"a key for tests"))
    async with made.state.parts.previews:
        yield made


@dataclass
class Tenant:
    """An account and a client that speaks for it."""

    account_id: int
    user_id: int
    email: str
    token: str
    http: httpx.AsyncClient
    phones: list[int] = field(default_factory=list)

    async def create(self, **fields: Any) -> dict[str, Any]:
        body = {
            "name": "tax",
            "services": "PHONE",
            "user_phone": self.phones,
            "message": "नमस्ते",
            "sms_message": "नमस्ते",
        } | fields
        answer = await self.http.post("campaign/create/", json=body)
        assert answer.status_code == 201, answer.text
        campaign: dict[str, Any] = answer.json()
        return campaign

    async def add(self, campaign_id: int, *numbers: str, **variables: Any) -> list[dict[str, Any]]:
        items = [{"number": number, "other_variables": variables} for number in numbers]
        answer = await self.http.post(f"campaign/{campaign_id}/add-contact/", json={"contacts": items})
        assert answer.status_code == 201, answer.text
        contacts: list[dict[str, Any]] = answer.json()["contacts"]
        return contacts

    async def ready(self, *numbers: str, **fields: Any) -> dict[str, Any]:
        """A campaign with contacts, good to run."""
        campaign = await self.create(**fields)
        await self.add(campaign["id"], *(numbers or ("9841000001", "9841000002")))
        return campaign

    async def payment(self) -> int:
        """The id of a payment that can be made, ordered without asking a payment provider."""
        parts = self.http._transport.app.state.parts  # type: ignore[attr-defined]
        payment: int = await scalar(
            parts.sessions,
            "INSERT INTO payments (account_id, provider, live, package, description, phone, sms, amount,"
            " currency, session_id, url, state)"
            " VALUES (:account, 'stripe', false, 'ward', 'Ward', 100, 7, 1000, 'npr', 'cs_test_1',"
            " 'https://checkout.example.com/1', 'open') RETURNING id",
            account=self.account_id,
        )
        return payment

    async def run(self, campaign_id: int) -> httpx.Response:
        return await self.http.post(f"run-campaign/{campaign_id}/")

    async def get(self, campaign_id: int) -> dict[str, Any]:
        answer = await self.http.get(f"campaign/{campaign_id}/")
        assert answer.status_code == 200, answer.text
        campaign: dict[str, Any] = answer.json()
        return campaign


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client that nobody knows."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://ghanti.test/api/v1/") as client:
        yield client


@pytest.fixture
async def new_tenant(
    app: FastAPI, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Any]]:
    """``await new_tenant("a@example.com", phone=100, sms=100)`` makes an account with its client."""
    # The strength of hashes is not what these tests are about; at full strength they take most of the time.
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", weak)
    clients: list[httpx.AsyncClient] = []

    async def make(email: str, phone: int = 1000, sms: int = 1000) -> Tenant:
        async with transaction(sessions) as session:
            new = await accounts.create_account(session, email, PASSWORD, phone, sms)
            digits = f"{new.account_id:07}"
            number = await trunks.add_number(session, f"+9771{digits}", new.account_id)
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app, raise_app_exceptions=False),
            base_url="http://ghanti.test/api/v1/",
            headers={"Authorization": f"Bearer {new.api_token}"},
        )
        clients.append(client)
        return Tenant(new.account_id, new.user_id, email, new.api_token, client, [number.id])

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def tenant(new_tenant: Callable[..., Any]) -> Tenant:
    made: Tenant = await new_tenant("ward@example.com")
    return made


@pytest.fixture
async def other(new_tenant: Callable[..., Any]) -> Tenant:
    made: Tenant = await new_tenant("bank@example.com")
    return made


@pytest.fixture
async def viewer(tenant: Tenant, sessions: SessionFactory, http: httpx.AsyncClient) -> AsyncIterator[Tenant]:
    """Somebody in the tenant's account who may only look."""
    email = "viewer@example.com"
    async with transaction(sessions) as session:
        user = await accounts.add_user(session, tenant.account_id, email, PASSWORD, Role.VIEWER)
    login = await http.post("auths/login/", json={"email": email, "password": PASSWORD})
    assert login.status_code == 200, login.text
    access = login.cookies["access"]
    http.cookies.clear()
    async with httpx.AsyncClient(
        transport=http._transport, base_url=http.base_url, headers={"Authorization": f"Bearer {access}"}
    ) as client:
        yield Tenant(tenant.account_id, user.id, email, access, client)


@pytest.fixture
def workbook() -> Callable[[list[list[Any]]], bytes]:
    """``workbook(rows)`` is an .xlsx file of one sheet."""

    def make(rows: list[list[Any]]) -> bytes:
        data = io.BytesIO()
        with xlsxwriter.Workbook(data, {"in_memory": True}) as book:
            sheet = book.add_worksheet()
            for index, row in enumerate(rows):
                sheet.write_row(index, 0, row)
        return data.getvalue()

    return make


def assert_error(answer: httpx.Response, told: object = None) -> None:
    """An error in the API's shape, of whatever status: an object with a sentence, and no trace."""
    told = told or (answer.status_code, answer.text[:500])
    body = answer.json()
    assert isinstance(body, dict), told
    assert isinstance(body.get("message", body.get("detail")), str), told
    assert "Traceback" not in answer.text, told


async def scalar(sessions: SessionFactory, statement: str, **values: Any) -> Any:
    async with transaction(sessions) as session:
        return await session.scalar(text(statement), values)


async def execute(sessions: SessionFactory, statement: str, **values: Any) -> None:
    async with transaction(sessions) as session:
        await session.execute(text(statement), values)
