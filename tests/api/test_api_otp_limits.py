"""Limits against pumping: each holds, also against requests that come at once and to several processes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import event

from api_world import Tenant, assert_error, execute, scalar
from ghanti.app import create_app
from ghanti.database.session import SessionFactory, create_engine, create_session_factory, transaction
from ghanti.encryption import SecretBox
from ghanti.otp import repository
from ghanti.otp.limits import limits_of
from ghanti.settings import Settings

BODY = {"message": "{otp}", "sms_send_options": "text"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data=tmp_path / "data",
        otp_gap_seconds=20,
        otp_number_limit=3,
        otp_prefix_limit=5,
        otp_minute_limit=8,
        otp_day_limit=12,
    )


async def send(tenant: Tenant, number: str) -> httpx.Response:
    return await tenant.http.post("auths/send/otp/", json=BODY | {"number": number})


async def accept(tenant: Tenant, *numbers: str) -> None:
    for number in numbers:
        answer = await send(tenant, number)
        assert answer.status_code == 200, answer.text


async def refuse(tenant: Tenant, number: str, told: str, least: int, most: int) -> None:
    answer = await send(tenant, number)
    assert answer.status_code == 429, answer.text
    assert_error(answer)
    assert told in answer.json()["detail"]
    assert least <= int(answer.headers["Retry-After"]) <= most


async def grow_old(sessions: SessionFactory, seconds: int) -> None:
    await execute(
        sessions, "UPDATE sent_otps SET created_at = created_at - make_interval(secs => :s)", s=seconds
    )


def unlike(count: int) -> list[str]:
    """Numbers of different ranges."""
    return [f"98410{n}0001" if n < 10 else f"9841{n:02d}0001" for n in range(count)]


async def test_a_number_has_its_gap(tenant: Tenant, sessions: SessionFactory) -> None:
    await accept(tenant, "9841000001")
    await refuse(tenant, "+977 984-1000001", "1 OTP to one number in 20 seconds", 15, 20)
    await accept(tenant, "9841000002")
    await grow_old(sessions, 20)
    await accept(tenant, "9841000001")


async def test_a_number_in_ten_minutes(tenant: Tenant, sessions: SessionFactory) -> None:
    for _ in range(3):
        await accept(tenant, "9841000001")
        await grow_old(sessions, 60)
    await refuse(tenant, "9841000001", "3 OTPs to one number in 10 minutes", 410, 420)
    await grow_old(sessions, 420)
    await accept(tenant, "9841000001")


async def test_numbers_alike(tenant: Tenant, sessions: SessionFactory) -> None:
    await accept(tenant, *(f"984100000{n}" for n in range(5)))
    await refuse(tenant, "9841009999", "last four digits only in 10 minutes", 590, 600)
    await accept(tenant, "9841010000")
    await grow_old(sessions, 600)
    await accept(tenant, "9841009999")


async def test_an_account_in_a_minute_and_in_a_day(tenant: Tenant, sessions: SessionFactory) -> None:
    await accept(tenant, *unlike(8))
    await refuse(tenant, "9851023212", "8 OTPs in a minute", 50, 60)
    await grow_old(sessions, 3600)
    await accept(tenant, *unlike(4))
    await refuse(tenant, "9851023212", "12 OTPs in 24 hours", 82_700, 82_800)
    await grow_old(sessions, 82_800)
    await accept(tenant, "9851023212")


async def test_accounts_do_not_share_limits(tenant: Tenant, other: Tenant) -> None:
    await accept(tenant, "9841000001")
    await accept(other, "9841000001")


async def test_a_refused_one_is_neither_counted_nor_charged(tenant: Tenant, sessions: SessionFactory) -> None:
    await accept(tenant, "9841000001")
    for _ in range(10):
        assert (await send(tenant, "9841000001")).status_code == 429
    assert (await send(tenant, "+14155550123")).status_code == 400
    await accept(tenant, *unlike(7)[1:])
    assert await scalar(sessions, "SELECT count(*) FROM sent_otps") == 7
    assert await scalar(sessions, "SELECT count(*) FROM plans") == 7


async def test_zero_switches_a_limit_off(
    tenant: Tenant, settings: Settings, sessions: SessionFactory
) -> None:
    for name in ("gap_seconds", "number_limit", "prefix_limit", "minute_limit", "day_limit"):
        setattr(settings, f"otp_{name}", 0)
    await accept(tenant, *["9841000001"] * 15)


@pytest.fixture
async def processes(tenant: Tenant, settings: Settings, api_database: str) -> AsyncIterator[list[Tenant]]:
    """The tenant as it speaks to two API processes, which share nothing but the database."""
    speakers, engines = [], []
    for _ in range(2):
        engine = create_engine(api_database, pool_size=10)
        app = create_app(settings, create_session_factory(engine), SecretBox(b"a key for tests"))
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://ghanti.test/api/v1/",
            headers={"Authorization": f"Bearer {tenant.token}"},
        )
        engines.append(engine)
        speakers.append(Tenant(tenant.account_id, tenant.user_id, tenant.email, tenant.token, client))
    yield speakers
    for speaker, engine in zip(speakers, engines, strict=True):
        await speaker.http.aclose()
        await engine.dispose()


async def test_twenty_at_once_to_one_number_are_one(processes: list[Tenant]) -> None:
    answers = await asyncio.gather(*(send(processes[n % 2], "9841000001") for n in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 429: 19}


async def test_twenty_at_once_to_numbers_alike_are_five(processes: list[Tenant]) -> None:
    answers = await asyncio.gather(*(send(processes[n % 2], f"98410000{n:02d}") for n in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 5, 429: 15}


async def test_twenty_at_once_of_one_account_are_eight(processes: list[Tenant]) -> None:
    answers = await asyncio.gather(*(send(processes[n % 2], number) for n, number in enumerate(unlike(20))))
    assert Counter(answer.status_code for answer in answers) == {200: 8, 429: 12}


async def test_the_last_credit_is_promised_once(processes: list[Tenant], sessions: SessionFactory) -> None:
    await execute(sessions, "UPDATE credit_balances SET sms = 3")
    answers = await asyncio.gather(*(send(processes[n % 2], number) for n, number in enumerate(unlike(8))))
    assert Counter(answer.status_code for answer in answers) == {200: 3, 400: 5}


async def test_limits_are_counted_by_index(
    tenant: Tenant, settings: Settings, sessions: SessionFactory
) -> None:
    """Of many sent long ago none is read."""
    await execute(
        sessions,
        "INSERT INTO sent_otps (account_id, number, number_sent, way, origin, credits, created_at)"
        " SELECT :account, '+97798410' || lpad(n::text, 5, '0'), 'x', 'text', 'generated', 1,"
        "        now() - interval '3 days' FROM generate_series(1, 20000) n",
        account=tenant.account_id,
    )
    await execute(sessions, "ANALYZE sent_otps")
    async with transaction(sessions) as session:
        connection = (await session.connection()).sync_connection
        assert connection is not None
        asked: list[tuple[str, Any]] = []

        def note(_c: object, _k: object, statement: str, values: Any, *_: object) -> None:
            asked.append((statement, values))

        event.listen(connection, "before_cursor_execute", note)
        await repository.waits(session, tenant.account_id, "+9779841000001", limits_of(settings))
        event.remove(connection, "before_cursor_execute", note)
        [(statement, values)] = asked
        plan = await session.run_sync(
            lambda s: s.connection().exec_driver_sql(f"EXPLAIN {statement}", values).scalars().all()
        )
    assert "Seq Scan" not in str(plan)
    for index in ("number", "prefix", "created"):
        assert f"ix_sent_otps_{index}" in str(plan)
