"""Two API processes, a stand-in for Stripe that tells both, and a flood of repeated and forged events."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher

from clean_database import migrated_database
from ghanti.accounts import passwords
from ghanti.accounts import service as accounts
from ghanti.accounts.tokens import Face
from ghanti.database.embedded import EmbeddedPostgres
from ghanti.database.session import create_session_factory, opened, transaction
from ghanti.payments import packages
from payment_world import WARD, StandIn
from processes import eventually
from stripe_shapes import KEY, SECRET, charge, dispute, event, refund, session, signed

CHECKOUTS = 200
ACCOUNTS = 4
SENDERS = 16
PAID = "checkout.session.completed"

LIMITS = httpx.Limits(max_connections=CHECKOUTS, keepalive_expiry=1)
"""A connection that lay idle is not used at the very moment at which the server closes it."""


class Api:
    """A process that serves the API."""

    def __init__(self, database: str, data: Path, stripe: str) -> None:
        environment = os.environ | {
            "GHANTI_DATABASE_URL": database,
            "GHANTI_DATA": str(data),
            "GHANTI_PORT": "0",
            "GHANTI_SECRET_KEY": "a key of these tests",
            "GHANTI_STRIPE_SECRET_KEY": KEY,
            "GHANTI_STRIPE_WEBHOOK_SECRET": SECRET,
            "GHANTI_STRIPE_API_BASE": stripe,
        }
        self.said = (data.parent / f"{data.name}.log").open("w+b")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ghanti.app"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=self.said,
        )

    def wait_ready(self) -> None:
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{json.loads(self._process.stdout.readline())['port']}"

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def close(self) -> str:
        """Everything that it said."""
        self.kill()
        self.said.seek(0)
        told = self.said.read().decode()
        self.said.close()
        return told


@dataclass
class Buyer:
    account_id: int
    token: str
    toingg: str


@dataclass
class Site:
    database: str
    folder: Path
    apis: list[Api]
    buyers: list[Buyer]
    stripe: str

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database) as connection:
            return connection.execute(statement, values).fetchall()  # type: ignore[call-overload,no-any-return]

    def phone(self, buyer: Buyer) -> int:
        """Phone credits of the account."""
        found: int = self.rows("SELECT phone FROM credit_balances WHERE account_id = %s", buyer.account_id)[
            0
        ][0]
        return found


async def _accounts(database: str) -> list[Buyer]:
    buyers = []
    async with opened(database) as engine:
        sessions = create_session_factory(engine)
        for number in range(ACCOUNTS):
            async with transaction(sessions) as opening:
                made = await accounts.create_account(opening, f"buyer{number}@example.com", "correct horse")
                key = await accounts.replace_token(opening, made.account_id, made.user_id, Face.TOINGG)
            buyers.append(Buyer(made.account_id, made.api_token, key))
        async with transaction(sessions) as putting:
            await packages.put(putting, WARD)
    return buyers


@pytest.fixture(scope="module")
def site(
    postgres_server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory, stand_in: StandIn
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("payments")
    with migrated_database(postgres_server) as database, pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        apis = [Api(database, folder / name, stand_in.url) for name in ("one", "two")]
        buyers = asyncio.run(_accounts(database))
        for api in apis:
            api.wait_ready()
        yield Site(database, folder, apis, buyers, stand_in.url)
        said = "".join(api.close() for api in apis)
        assert KEY not in said
        assert SECRET not in said
        assert "Traceback" not in said, said


async def _checkout(http: httpx.AsyncClient, site: Site, number: int) -> None:
    """Through either process and either face of the API."""
    api, buyer = site.apis[number % 2], site.buyers[number % ACCOUNTS]
    if number % 8 < 4:
        headers = {"Authorization": f"Bearer {buyer.token}"}
        made = await http.post(f"{api.url}/api/v1/credits/checkout/", json={}, headers=headers)
        assert made.status_code == 201, made.text
    else:
        body = {"apikey": buyer.toingg}
        made = await http.post(f"{api.url}/api/create-checkout-session", json=body)
        assert made.status_code == 200, made.text


def _story(number: int, reference: UUID, name: str) -> tuple[list[bytes], int]:
    """What Stripe tells of one of the payments, and how much of a thousandth of it stays."""
    intent = f"pi_{number}"

    def checkout(kind: str, status: str = "paid") -> bytes:
        return event(f"checkout.session.{kind}", session(reference, intent, payment_status=status, name=name))

    match number % 10:
        case 0:
            return [checkout("completed", "unpaid"), checkout("async_payment_succeeded")], 1000
        case 1:
            return [checkout("completed", "unpaid"), checkout("async_payment_failed", "unpaid")], 0
        case 2:
            return [checkout("expired", "unpaid")], 0
        case 3:
            back = refund(f"re_{number}", intent, 500)
            total = event("charge.refunded", charge(reference, intent, 500))
            return [checkout("completed"), total, event("refund.created", back)], 500
        case 4:
            taken = dispute(f"dp_{number}", intent, "needs_response")
            return [checkout("completed"), event("charge.dispute.created", taken)], 0
        case 5:
            story = [
                event(
                    "charge.dispute.created",
                    dispute(f"dp_{number}", intent, status),
                    created=1_750_000_000 + at,
                )
                for at, status in enumerate(("needs_response", "won"))
            ]
            return [checkout("completed"), *story], 1000
        case _:
            return [checkout("completed")], 1000


def _forged(body: bytes, turn: int) -> tuple[bytes, dict[str, str]]:
    match turn % 3:
        case 0:
            return body, signed(body, "whsec_of_somebody_else")
        case 1:
            return body, signed(body, at=1_700_000_000)
        case _:
            return body.replace(b"npr", b"usd") + b" ", signed(body)


async def _send(
    http: httpx.AsyncClient, site: Site, sent: list[tuple[bytes, dict[str, str]]]
) -> Counter[int]:
    """Send events to both processes, many at a time; how often each status was answered."""
    told: Counter[int] = Counter()
    queue = iter(enumerate(sent))

    async def sender() -> None:
        for number, (body, headers) in queue:
            url = f"{site.apis[number % 2].url}/api/webhook"
            told[(await http.post(url, content=body, headers=headers)).status_code] += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(SENDERS):
            tasks.create_task(sender())
    return told


async def test_a_flood_of_checkouts_and_of_repeated_reordered_and_forged_events(site: Site) -> None:
    dice = random.Random(7)
    async with httpx.AsyncClient(timeout=60, trust_env=False, limits=LIMITS) as http:
        await asyncio.gather(*(_checkout(http, site, number) for number in range(CHECKOUTS)))
        made = site.rows(
            "SELECT reference, session_id, account_id FROM payments WHERE state = 'open' ORDER BY id"
        )
        assert len({name for _, name, _ in made}) == CHECKOUTS
        stories = [_story(number, reference, name) for number, (reference, name, _) in enumerate(made)]
        bodies = [body for story, _ in stories for body in story] * 3
        good = [(body, signed(body)) for body in bodies]
        forged = [_forged(body, turn) for turn, body in enumerate(bodies[: len(bodies) // 6])]
        sent = good + forged
        dice.shuffle(sent)
        told = await _send(http, site, sent)
    assert told == {200: len(good), 400: len(forged)}

    for buyer in site.buyers:
        stays = [
            s for (_, s), (*_, account) in zip(stories, made, strict=True) if account == buyer.account_id
        ]
        expected = (sum(100 * each // 1000 for each in stays), sum(-(-7 * each // 1000) for each in stays))
        (balances,) = site.rows(
            "SELECT phone, sms FROM credit_balances WHERE account_id = %s", buyer.account_id
        )
        assert balances == expected
        (ledger,) = site.rows(
            "SELECT coalesce(sum(amount) FILTER (WHERE currency = 'phone'), 0),"
            " coalesce(sum(amount) FILTER (WHERE currency = 'sms'), 0)"
            " FROM ledger_entries WHERE account_id = %s",
            buyer.account_id,
        )
        assert ledger == expected
    plain = [number for number in range(CHECKOUTS) if number % 10 >= 6]
    purchases = dict(
        site.rows(
            "SELECT p.session_id, count(*) FROM ledger_entries e JOIN payments p"
            " ON p.account_id = e.account_id AND p.id::text = e.source_id AND e.source = 'payment'"
            " GROUP BY p.session_id"
        )
    )
    assert {purchases[made[number][1]] for number in plain} == {2}  # One of each currency.
    assert not site.rows("SELECT 1 FROM payment_events WHERE payment_id IS NULL")
    assert not site.rows("SELECT 1 FROM payments WHERE alarm IS NOT NULL")


def test_people_pay_and_the_stand_in_tells_both_processes(site: Site, stand_in: StandIn) -> None:
    """Its own web hooks, each event to two addresses at one time."""
    buyer = site.buyers[0]
    before = site.phone(buyer)
    with httpx.Client(base_url=site.apis[0].url, trust_env=False) as http:
        headers = {"Authorization": f"Bearer {buyer.token}"}
        names = [
            http.post("/api/v1/credits/checkout/", json={}, headers=headers).json()["sessionId"]
            for _ in range(8)
        ]
    for number, api in enumerate(site.apis):
        stand_in.tell(f"api{number}", f"{api.url}{('/api/webhook', '/webhook')[number]}")
    hows = ("paid", "paid", "paid", "paid", "later", "later declined")
    for name, how in zip(names, hows, strict=False):
        stand_in.pay(name, how)
    stand_in.expire(names[6])
    stand_in.refund(names[1], 400)
    lost, won = stand_in.dispute(names[2]), stand_in.dispute(names[3])
    expected = ["paid", "partly refunded", "disputed", "disputed", "paid", "failed", "expired", "open"]

    def states() -> list[str]:
        found = dict(site.rows("SELECT session_id, state FROM payments WHERE session_id = ANY(%s)", names))
        return [found[name] for name in names]

    eventually(lambda: states() == expected)
    stand_in.close_dispute(lost, "lost")
    stand_in.close_dispute(won, "won")
    expected[3] = "paid"
    eventually(lambda: states() == expected)
    assert site.phone(buyer) - before == 100 + 60 + 0 + 100 + 100


@contextmanager
def _commits_held(site: Site) -> Iterator[psycopg.Connection[Any]]:
    """Whoever keeps an event gets as far as its commit, and waits in the midst of that."""
    with psycopg.connect(site.database, autocommit=True) as holder:
        holder.execute(
            "CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS"
            " 'BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END'"
        )
        holder.execute(
            "CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON payment_events"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hold()"
        )
        holder.execute("SELECT pg_advisory_lock(7)")
        yield holder
        holder.execute("SELECT pg_advisory_unlock(7)")


@contextmanager
def _entries_held(site: Site) -> Iterator[psycopg.Connection[Any]]:
    """Nobody can make an entry in the ledger."""
    with psycopg.connect(site.database) as holder:
        holder.execute("LOCK TABLE ledger_entries IN EXCLUSIVE MODE")
        yield holder
        holder.rollback()


def _waiters(site: Site) -> int:
    count: int = site.rows(
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE NOT granted AND application_name = 'ghanti api' AND datname = current_database()"
    )[0][0]
    return count


@pytest.mark.parametrize(
    ("held", "done"), [(_entries_held, False), (_commits_held, True)], ids=["before", "after"]
)
async def test_killed_around_the_commit_the_event_comes_again(site: Site, held: Any, done: bool) -> None:
    """Killed before the commit it has done nothing, and between the commit and the answer everything."""
    buyer = site.buyers[1]
    victim = Api(site.database, site.folder / f"victim {done}", site.stripe)
    victim.wait_ready()
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        headers = {"Authorization": f"Bearer {buyer.token}"}
        made = await http.post(f"{site.apis[0].url}/api/v1/credits/checkout/", json={}, headers=headers)
        name = made.json()["sessionId"]
        reference = site.rows("SELECT reference FROM payments WHERE session_id = %s", name)[0][0]
        before = site.phone(buyer)
        body = event(PAID, session(reference, f"pi_{name}", name=name))
        with held(site):
            first = asyncio.create_task(
                http.post(f"{victim.url}/webhook", content=body, headers=signed(body))
            )
            await asyncio.to_thread(eventually, lambda: _waiters(site) == 1)
            victim.kill()
            with pytest.raises(httpx.TransportError):
                await first
        victim.said.close()

        def is_paid() -> bool:
            return bool(site.rows("SELECT paid FROM payments WHERE session_id = %s", name)[0][0])

        if done:
            await asyncio.to_thread(eventually, is_paid)
            with psycopg.connect(site.database, autocommit=True) as tidying:
                tidying.execute("DROP TRIGGER hold ON payment_events")
        else:
            await asyncio.to_thread(eventually, lambda: _waiters(site) == 0)
            assert not is_paid()
        again = await http.post(f"{site.apis[1].url}/webhook", content=body, headers=signed(body))
        assert again.status_code == 200
    assert is_paid()
    assert site.phone(buyer) - before == 100
