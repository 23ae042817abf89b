"""A lost web hook loses no money: what was not told is asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from api_world import execute
from ghanti.payments.models import Payment
from ghanti.payments.schemas import Checkout
from payment_world import Shop, StandIn

LATER = "UPDATE payments SET look_at = now(), created_at = created_at - :age * interval '1 hour'"


async def ordered(shop: Shop) -> Checkout:
    return await shop.payments.checkout(shop.principal, None, "http://ghanti.test")


async def asked_for(shop: Shop, made: Checkout, hours: float = 1) -> Payment:
    """What the payment is after a while, when the provider was asked."""
    await execute(shop.sessions, LATER, age=hours)
    assert await shop.payments.reconcile() == 1
    return await shop.payment(made.id)


@pytest.mark.parametrize("late", [False, True], ids=["the web hook is lost", "the web hook is late"])
async def test_a_payment_that_nobody_told_of_is_found(shop: Shop, stand_in: StandIn, late: bool) -> None:
    made = await ordered(shop)
    stand_in.pay(made.session)
    row = await asked_for(shop, made)
    assert (row.state, row.look_at, await shop.credits()) == ("paid", None, (100, 7))
    if late:
        await shop.tell(*stand_in.events(made.session))
        assert await shop.credits() == (100, 7)
    assert await shop.payments.reconcile() == 0


async def test_an_event_and_the_question_at_one_time_credit_once(shop: Shop, stand_in: StandIn) -> None:
    made = await ordered(shop)
    stand_in.pay(made.session)
    await execute(shop.sessions, LATER, age=1)
    events = stand_in.events(made.session)
    await asyncio.gather(shop.payments.reconcile(), shop.tell(*events), shop.payments.reconcile())
    assert await shop.credits() == (100, 7)


async def test_a_refund_before_anything_was_told_is_found_too(shop: Shop, stand_in: StandIn) -> None:
    made = await ordered(shop)
    stand_in.pay(made.session)
    stand_in.refund(made.session, 500)
    assert (await asked_for(shop, made)).state == "partly refunded"
    assert await shop.credits() == (50, 4)


async def test_one_that_expired_is_asked_for_no_more(shop: Shop, stand_in: StandIn) -> None:
    made = await ordered(shop)
    assert (await asked_for(shop, made)).state == "open"
    stand_in.expire(made.session)
    row = await asked_for(shop, made)
    assert (row.state, row.look_at, await shop.credits()) == ("expired", None, (0, 0))


async def test_a_bank_debit_that_failed_is_found(shop: Shop, stand_in: StandIn) -> None:
    made = await ordered(shop)
    stand_in.pay(made.session, "later declined")
    row = await asked_for(shop, made)
    async with asyncio.timeout(30):
        while row.state == "processing":
            row = await asked_for(shop, made)
    assert (row.state, await shop.credits()) == ("failed", (0, 0))


async def test_it_is_asked_for_ever_less_often(shop: Shop) -> None:
    made = await ordered(shop)
    for hours, waits in ((1, 1), (2, 3), (40, 6)):
        await asked_for(shop, made, hours)
        async with shop.sessions() as looking:
            found = await looking.scalar(
                text("SELECT extract(epoch FROM look_at - now()) / 3600 FROM payments")
            )
        assert found == pytest.approx(waits, abs=0.1)


async def test_a_young_payment_is_left_alone(shop: Shop) -> None:
    await ordered(shop)
    assert await shop.payments.reconcile() == 0


async def test_one_without_a_page_is_over_after_a_day(shop: Shop) -> None:
    made = await ordered(shop)
    await execute(shop.sessions, "UPDATE payments SET session_id = NULL, url = NULL, state = 'created'")
    assert (await asked_for(shop, made)).state == "created"
    assert (await asked_for(shop, made, 25)).state == "expired"


async def test_an_unknown_one_is_given_up_in_the_end(shop: Shop, stand_in: StandIn) -> None:
    made = await ordered(shop)
    await execute(shop.sessions, "UPDATE payments SET session_id = 'cs_test_gone'")
    assert (await asked_for(shop, made)).look_at is not None
    assert (await asked_for(shop, made, 24 * 61)).look_at is None


async def test_an_outage_of_the_provider_is_waited_out(shop: Shop, stand_in: StandIn) -> None:
    made = await ordered(shop)
    stand_in.pay(made.session)
    await execute(shop.sessions, LATER, age=1)
    stand_in.go_out(True)
    try:
        assert await shop.payments.reconcile() == 0
    finally:
        stand_in.go_out(False)
    assert (await shop.payment(made.id)).state == "open"
    assert (await asked_for(shop, made)).state == "paid"


async def test_payments_of_the_other_mode_are_not_asked_for(shop: Shop) -> None:
    await shop.order(live=True)
    await execute(shop.sessions, LATER, age=1)
    assert await shop.payments.reconcile() == 0


async def test_old_events_are_forgotten(shop: Shop) -> None:
    rows: list[dict[str, Any]] = [{"id": "evt_old", "days": 91}, {"id": "evt_new", "days": 89}]
    for row in rows:
        await execute(
            shop.sessions,
            "INSERT INTO payment_events (provider, event_id, type, told, received_at)"
            " VALUES ('stripe', :id, 'refund.created', '{}', now() - :days * interval '1 day')",
            **row,
        )
    await shop.payments.reconcile()
    async with shop.sessions() as looking:
        assert list(await looking.scalars(text("SELECT event_id FROM payment_events"))) == ["evt_new"]
