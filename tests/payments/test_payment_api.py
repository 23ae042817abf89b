"""Buying credits over HTTP: what is on sale, the page to pay on, the account's payments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from api_world import Tenant, assert_error, execute
from ghanti.accounts.errors import UpstreamError
from ghanti.app import create_app
from ghanti.database.session import SessionFactory, transaction
from ghanti.encryption import SecretBox
from ghanti.payments import packages
from ghanti.payments.providers import provider_of
from ghanti.payments.service import CANCEL_PAGE, SUCCESS_PAGE, Payments
from ghanti.settings import Settings
from payment_world import WARD, Shop, StandIn
from stripe_shapes import KEY, event, session, signed
from toingg_world import Speaker


async def put_on_sale(sessions: SessionFactory, slug: str, **fields: Any) -> None:
    async with transaction(sessions) as opened:
        await packages.put(opened, replace(WARD, slug=slug, **fields))


async def test_packages_are_shown_in_their_order(shop: Shop) -> None:
    await put_on_sale(shop.sessions, "school", position=-1, valid_days=30)
    await put_on_sale(shop.sessions, "old", active=False)
    listed = await shop.tenant.http.get("credits/packages/")
    assert [each["package"] for each in listed.json()] == ["school", "ward"]
    assert listed.json()[0] == {
        "package": "school",
        "name": WARD.name,
        "phone_credits": 100,
        "sms_credits": 7,
        "amount": 1000,
        "currency": "npr",
        "valid_days": 30,
    }


async def test_checkout_answers_the_page_and_the_payment_is_listed(shop: Shop, stand_in: StandIn) -> None:
    http = shop.tenant.http
    made = await http.post("credits/checkout/", json={"package": "ward"})
    assert made.status_code == 201, made.text
    assert made.json()["url"].endswith(made.json()["sessionId"])
    payment = (await http.get(f"credits/payments/{made.json()['id']}/")).json()
    assert (payment["status"], payment["url"]) == ("open", made.json()["url"])
    assert payment["credited"] == {"phone_credits": 0, "sms_credits": 0}
    page = (await http.get("credits/payments/")).json()
    assert (page["count"], page["results"]) == (1, [payment])

    stand_in.pay(made.json()["sessionId"])
    await shop.tell(*stand_in.events(made.json()["sessionId"]))
    payment = (await http.get(f"credits/payments/{payment['id']}/")).json()
    assert (payment["status"], payment["url"]) == ("paid", None)
    assert payment["credited"] == {"phone_credits": 100, "sms_credits": 7}
    assert payment["paid_at"].endswith("+05:45")


async def test_the_price_is_the_packages_whatever_is_sent(shop: Shop, stand_in: StandIn) -> None:
    body = {"package": "ward", "amount": 1, "currency": "usd", "success_url": "https://evil.example.com"}
    made = (await shop.tenant.http.post("credits/checkout/", json=body)).json()
    ordered = stand_in.session(made["sessionId"])
    assert (ordered["amount_total"], ordered["currency"]) == (1000, "npr")
    assert ordered["success_url"] == "http://ghanti.test" + SUCCESS_PAGE
    assert ordered["cancel_url"] == "http://ghanti.test" + CANCEL_PAGE
    assert ordered["client_reference_id"] == ordered["metadata"]["ghanti_payment"]


async def test_people_are_sent_to_the_operators_own_pages(
    sessions: SessionFactory, settings: Settings, shop: Shop, stand_in: StandIn
) -> None:
    settings.payment_success_url = "https://ward.example.com/thanks?s={CHECKOUT_SESSION_ID}"
    settings.payment_cancel_url = "https://ward.example.com/back"
    theirs = Payments(sessions, shop.payments._provider, settings)
    made = await theirs.checkout(shop.principal, None, "http://ghanti.test")
    ordered = stand_in.session(made.session)
    assert ordered["success_url"] == settings.payment_success_url
    assert ordered["cancel_url"] == settings.payment_cancel_url


@pytest.mark.parametrize("page", [SUCCESS_PAGE, CANCEL_PAGE])
async def test_pages_of_our_own_need_no_credential(http: httpx.AsyncClient, page: str) -> None:
    shown = await http.get(f"http://ghanti.test{page}")
    assert shown.status_code == 200
    assert "text/html" in shown.headers["content-type"]


@pytest.mark.parametrize(
    "body", [{"package": "gold"}, {"package": 7}, {"package": ["ward"]}, {"payment": "x"}, {"payment": -1}]
)
async def test_what_is_not_on_sale_is_refused(shop: Shop, body: dict[str, Any]) -> None:
    refused = await shop.tenant.http.post("credits/checkout/", json=body)
    assert refused.status_code == 400
    assert_error(refused)
    assert (await shop.tenant.http.get("credits/payments/")).json()["count"] == 0


async def test_a_viewer_may_look_and_not_buy(tenant: Tenant, viewer: Tenant, shop: Shop) -> None:
    assert (await viewer.http.get("credits/packages/")).status_code == 200
    assert (await viewer.http.get("credits/payments/")).status_code == 200
    assert (await viewer.http.post("credits/checkout/", json={})).status_code == 403


async def test_another_accounts_payment_is_not_found(shop: Shop, other: Tenant) -> None:
    made = (await shop.tenant.http.post("credits/checkout/", json={})).json()
    assert (await other.http.get(f"credits/payments/{made['id']}/")).status_code == 404
    assert (await other.http.post("credits/checkout/", json={"payment": made["id"]})).status_code == 404
    assert (await other.http.get("credits/payments/")).json()["count"] == 0


async def test_without_a_key_it_says_what_to_set(
    sessions: SessionFactory, settings: Settings, shop: Shop
) -> None:
    bare = Settings(data=settings.data, credential_memory_seconds=0)
    app = create_app(bare, sessions, SecretBox(b"a key for tests"))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {shop.tenant.token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://ghanti.test") as http:
        refused = await http.post("/api/v1/credits/checkout/", headers=headers, json={})
        assert refused.status_code == 501
        assert "GHANTI_STRIPE_SECRET_KEY" in refused.json()["message"]
        assert (await http.post("/api/webhook", content=b"{}")).status_code == 501
    assert (await shop.tenant.http.get("credits/payments/")).json()["count"] == 0


async def test_an_outage_leaves_a_payment_to_go_on_with(shop: Shop, stand_in: StandIn) -> None:
    http = shop.tenant.http
    stand_in.go_out(True)
    try:
        refused = await http.post("credits/checkout/", json={}, headers={"Idempotency-Key": "one"})
    finally:
        stand_in.go_out(False)
    assert refused.status_code == 502
    assert KEY not in refused.text
    payment_id = refused.json()["payment"]
    assert (await http.get(f"credits/payments/{payment_id}/")).json()["status"] == "created"
    made = await http.post("credits/checkout/", json={"payment": payment_id})
    assert (made.status_code, made.json()["id"]) == (201, payment_id)
    again = await http.post("credits/checkout/", json={"payment": payment_id})
    assert again.json() == made.json()
    stand_in.expire(made.json()["sessionId"])
    await shop.tell(*stand_in.events(made.json()["sessionId"]))
    over = await http.post("credits/checkout/", json={"payment": payment_id})
    assert (over.status_code, over.json()["message"]) == (409, "This payment is expired.")


async def test_an_answer_that_was_lost_makes_no_second_checkout(shop: Shop, stand_in: StandIn) -> None:
    """The provider made the page, and we were killed before we kept it."""
    made = await shop.payments.checkout(shop.principal, None, "http://ghanti.test")
    await execute(shop.sessions, "UPDATE payments SET state = 'created', session_id = NULL, url = NULL")
    again = await shop.payments.go_on(shop.principal, made.id, "http://ghanti.test")
    assert again == made


async def test_nobody_there_is_an_outage(sessions: SessionFactory, settings: Settings, shop: Shop) -> None:
    settings.stripe_api_base = "http://127.0.0.1:9"
    nowhere = Payments(sessions, provider_of(settings), settings)
    with pytest.raises(UpstreamError) as refused:
        await nowhere.checkout(shop.principal, None, "http://ghanti.test")
    assert refused.value.extra["payment"]


async def test_no_proxy_of_the_environment_is_asked(
    sessions: SessionFactory, settings: Settings, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    direct = Payments(sessions, provider_of(settings), settings)
    assert (await direct.checkout(shop.principal, None, "http://ghanti.test")).url


async def test_no_transaction_is_open_while_the_provider_is_asked(shop: Shop) -> None:
    """A connection that waits for somebody else's answer is one that others lack."""
    engine = shop.sessions.kw["bind"]
    provider = shop.payments._provider
    assert provider is not None
    held: list[int] = []

    class Watched:
        name, live = provider.name, provider.live

        async def checkout(self, order: Any) -> Any:
            held.append(engine.pool.checkedout())
            return await provider.checkout(order)

    shop.payments._provider = Watched()  # type: ignore[assignment]
    await shop.payments.checkout(shop.principal, None, "http://ghanti.test")
    assert held == [0]


async def test_a_repeated_order_under_its_key_is_one_payment(shop: Shop) -> None:
    http = shop.tenant.http
    headers = {"Idempotency-Key": "one"}
    first = await http.post("credits/checkout/", json={"package": "ward"}, headers=headers)
    again = await http.post("credits/checkout/", json={"package": "ward"}, headers=headers)
    assert first.json() == again.json()
    assert (await http.get("credits/payments/")).json()["count"] == 1


async def test_repetitions_at_one_time_are_told_of_one_page(shop: Shop) -> None:
    headers = {"Idempotency-Key": "one"}
    told = await asyncio.gather(
        *(shop.tenant.http.post("credits/checkout/", json={}, headers=headers) for _ in range(4))
    )
    made = {each.json()["url"] for each in told if each.status_code == 201}
    assert len(made) == 1
    assert {each.status_code for each in told} <= {201, 409}


async def test_the_first_generation_buys_the_first_package(
    shop: Shop, new_speaker: Callable[..., Any], stand_in: StandIn
) -> None:
    speaker: Speaker = await new_speaker(shop.tenant)
    made = await speaker.http.post("/create-checkout-session", json={"apikey": speaker.key})
    assert made.status_code == 200, made.text
    assert made.json().keys() == {"id", "sessionId", "url"}
    assert made.json()["id"] == made.json()["sessionId"]
    assert stand_in.session(made.json()["id"])["amount_total"] == 1000
    assert stand_in.session(made.json()["id"])["success_url"] == "http://ghanti.test" + SUCCESS_PAGE
    stand_in.pay(made.json()["id"])
    for path in ("/api/webhook", "/webhook"):
        for body in stand_in.events(made.json()["id"]):
            told = await speaker.http.post(path, content=body, headers=signed(body))
            assert (told.status_code, told.json()) == (200, {"received": True})
    assert await shop.credits() == (100, 7)
    wrong = await speaker.http.post("/api/create-checkout-session", json={"apikey": "tg_nobody"})
    assert wrong.status_code == 401
    missing = await speaker.http.post("/api/create-checkout-session", json={})
    assert missing.status_code == 422
    package = await speaker.http.post(
        "/api/create-checkout-session", json={"apikey": speaker.key, "package": "gold"}
    )
    assert package.json()["detail"][0]["loc"] == ["body", "package"]


async def test_events_that_cannot_be_believed(shop: Shop, http: httpx.AsyncClient) -> None:
    payment = await shop.order()
    body = event("checkout.session.completed", session(payment.reference, "pi_1"))
    sent: list[tuple[bytes, dict[str, str], int]] = [
        (body, {}, 400),
        (body, signed(body, "whsec_another"), 400),
        (body + b" ", signed(body), 400),
        (body, signed(body, at=1_700_000_000), 400),
        (b"x" * (3 * 1024 * 1024), signed(body), 413),
    ]
    for content, headers, status in sent:
        refused = await http.post("http://ghanti.test/api/webhook", content=content, headers=headers)
        assert refused.status_code == status
        assert refused.json().keys() == {"detail"}
        assert "signature" not in refused.text
    assert await shop.entries() == []
    unknown = event("customer.created", {"id": "cus_1", "object": "customer"})
    told = await http.post("http://ghanti.test/api/webhook", content=unknown, headers=signed(unknown))
    assert told.status_code == 200


async def test_checkouts_at_one_time_are_as_many_payments(shop: Shop) -> None:
    made = await asyncio.gather(
        *(shop.payments.checkout(shop.principal, None, "http://ghanti.test") for _ in range(12))
    )
    assert len({each.session for each in made}) == len({each.id for each in made}) == 12
    async with shop.sessions() as looking:
        assert await looking.scalar(text("SELECT count(*) FROM payments WHERE state = 'open'")) == 12


async def test_no_secret_is_shown(settings: Settings, app: FastAPI) -> None:
    assert KEY not in repr(settings)
    assert "whsec" not in repr(settings)
