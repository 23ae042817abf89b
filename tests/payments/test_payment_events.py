"""What events do to the ledger: once each, in any order, and never for what was not paid here."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import text

from ghanti.accounts.errors import InvalidError
from ghanti.credits import service as credits
from ghanti.credits.models import Currency
from ghanti.database.session import create_session_factory, opened, transaction
from ghanti.payments.models import Payment
from ghanti.payments.providers import provider_of
from ghanti.payments.service import Payments
from ghanti.settings import Settings
from payment_world import Shop
from stripe_shapes import charge, dispute, event, refund, session

PAID = "checkout.session.completed"
START = 1_750_000_000


async def test_a_payment_is_credited_once_however_often_it_is_told(shop: Shop) -> None:
    payment = await shop.order()
    body = event(PAID, session(payment.reference, "pi_1"), created=START)
    await shop.tell(body, body, event(PAID, session(payment.reference, "pi_1")), body)
    assert await shop.credits() == (100, 7)
    assert await shop.entries() == [("purchase", "phone", 100), ("purchase", "sms", 7)]
    row = await shop.payment(payment.id)
    assert (row.state, row.intent_id, row.paid_at.timestamp()) == ("paid", "pi_1", START)


async def test_at_one_time_it_is_credited_once(shop: Shop) -> None:
    payment = await shop.order()
    bodies = [event(PAID, session(payment.reference, "pi_1"), name=f"evt_{n % 4}") for n in range(12)]
    await asyncio.gather(*map(shop.tell, bodies))
    assert await shop.credits() == (100, 7)


async def test_a_bank_debit_is_credited_when_the_money_has_come(shop: Shop) -> None:
    payment = await shop.order()
    await shop.tell(event(PAID, session(payment.reference, "pi_1", payment_status="unpaid")))
    assert ((await shop.payment(payment.id)).state, await shop.credits()) == ("processing", (0, 0))
    await shop.tell(event("checkout.session.async_payment_succeeded", session(payment.reference, "pi_1")))
    assert ((await shop.payment(payment.id)).state, await shop.credits()) == ("paid", (100, 7))


@pytest.mark.parametrize(("kind", "state"), [("async_payment_failed", "failed"), ("expired", "expired")])
async def test_what_was_never_paid_gives_nothing(shop: Shop, kind: str, state: str) -> None:
    payment = await shop.order()
    unpaid = session(payment.reference, None, payment_status="unpaid")
    await shop.tell(event(f"checkout.session.{kind}", unpaid))
    assert ((await shop.payment(payment.id)).state, await shop.credits()) == (state, (0, 0))


async def test_a_refund_takes_its_part_and_one_that_fails_gives_it_back(shop: Shop) -> None:
    payment = await shop.order()
    await shop.tell(event(PAID, session(payment.reference, "pi_1")))
    await shop.tell(event("charge.refunded", charge(payment.reference, "pi_1", 333)))
    assert await shop.credits() == (67, 5)
    await shop.tell(event("refund.created", refund("re_1", "pi_1", 333, "pending")))
    assert await shop.credits() == (67, 5)
    await shop.tell(event("refund.updated", refund("re_1", "pi_1", 333, "failed")))
    assert ((await shop.payment(payment.id)).state, await shop.credits()) == ("paid", (100, 7))
    await shop.tell(event("charge.refunded", charge(payment.reference, "pi_1", 1000)))
    await shop.tell(event("refund.created", refund("re_2", "pi_1", 1000)))
    assert ((await shop.payment(payment.id)).state, await shop.credits()) == ("refunded", (0, 0))


async def test_a_dispute_takes_all_and_one_that_is_won_gives_it_back(shop: Shop) -> None:
    payment = await shop.order()
    await shop.tell(event(PAID, session(payment.reference, "pi_1")))
    steps = [
        ("created", "warning_needs_response", (100, 7)),
        ("funds_withdrawn", "needs_response", (0, 0)),
        ("closed", "lost", (0, 0)),
        ("funds_reinstated", "won", (100, 7)),
    ]
    for second, (kind, status, expected) in enumerate(steps):
        body = event(f"charge.dispute.{kind}", dispute("dp_1", "pi_1", status), created=START + second)
        await shop.tell(body)
        assert await shop.credits() == expected, kind


async def test_what_was_spent_of_a_refund_is_owed(shop: Shop) -> None:
    payment = await shop.order()
    await shop.tell(event(PAID, session(payment.reference, "pi_1")))
    async with transaction(shop.sessions) as open_session:
        await credits.adjust(open_session, shop.tenant.account_id, Currency.PHONE, -60, "spent")
    await shop.tell(event("charge.refunded", charge(payment.reference, "pi_1", 1000)))
    assert await shop.credits() == (0, 0)
    following = await shop.order(session_id="cs_test_a2")
    await shop.tell(event(PAID, session(following.reference, "pi_2", name="cs_test_a2")))
    assert await shop.credits() == (40, 7)


async def test_refund_and_dispute_before_the_payment_are_not_lost(shop: Shop) -> None:
    payment = await shop.order()
    await shop.tell(
        event("refund.created", refund("re_1", "pi_1", 400)),
        event("charge.dispute.created", dispute("dp_1", "pi_1", "needs_response", 600), created=START),
        event("charge.dispute.closed", dispute("dp_1", "pi_1", "won", 600), created=START + 1),
    )
    assert await shop.entries() == []
    await shop.tell(event(PAID, session(payment.reference, "pi_1")))
    assert await shop.credits() == (60, 5)
    async with shop.sessions() as looking:
        waiting = await looking.scalar(text("SELECT count(*) FROM payment_events WHERE payment_id IS NULL"))
    assert waiting == 0


async def test_a_refund_and_its_payment_at_one_time_find_each_other(shop: Shop) -> None:
    for number in range(8):
        intent = f"pi_{number}"
        payment = await shop.order(session_id=f"cs_test_{number}")
        paid = event(PAID, session(payment.reference, intent, name=f"cs_test_{number}"))
        back = event("refund.created", refund(f"re_{number}", intent, 1000))
        await asyncio.gather(*(shop.tell(body) for body in random.sample([paid, back], 2)))
        assert (await shop.payment(payment.id)).state == "refunded"
    assert await shop.credits() == (0, 0)


async def test_another_installations_payment_is_nobodys(shop: Shop) -> None:
    await shop.tell(
        event(PAID, session(uuid4(), "pi_1")), event("charge.refunded", charge(uuid4(), "pi_1", 9))
    )
    assert await shop.entries() == []
    async with shop.sessions() as looking:
        assert not await looking.scalar(text("SELECT count(*) FROM payment_events"))


@pytest.mark.parametrize("wrong", [{"amount": 999}, {"amount": 1001}, {"currency": "usd"}])
async def test_another_amount_is_an_alarm_and_no_credits(
    shop: Shop, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    payment = await shop.order()
    with caplog.at_level(logging.ERROR, "ghanti.payments"):
        await shop.tell(event(PAID, session(payment.reference, "pi_1", **wrong)))
    row = await shop.payment(payment.id)
    assert (row.state, row.look_at, await shop.credits()) == ("open", None, (0, 0))
    assert row.alarm in caplog.text
    await shop.tell(event(PAID, session(payment.reference, "pi_1")))
    assert await shop.credits() == (100, 7)


async def test_an_event_of_another_mode_than_the_payments_is_nobodys(shop: Shop) -> None:
    payment = await shop.order(live=True)
    await shop.tell(event(PAID, session(payment.reference, "pi_1")))
    assert (await shop.payment(payment.id)).state == "open"


async def test_what_is_forged_leaves_no_trace_and_is_not_told_why(shop: Shop) -> None:
    payment = await shop.order()
    body = event(PAID, session(payment.reference, "pi_1"))
    for headers in ({}, {"stripe-signature": "t=1,v1=00"}):
        with pytest.raises(InvalidError, match=r"^This is no event that can be believed\.$"):
            await shop.payments.handle_event(body, headers)
    assert (await shop.payment(payment.id)).state == "open"


async def test_credits_expire_by_the_package_they_were_bought_in(shop: Shop) -> None:
    payment = await shop.order(valid_days=30)
    await shop.tell(event(PAID, session(payment.reference, "pi_1")))
    async with shop.sessions() as looking:
        days = await looking.scalars(
            text("SELECT extract(day FROM expires_at - created_at) FROM credit_lots WHERE account_id = :id"),
            {"id": shop.tenant.account_id},
        )
        assert [round(each) for each in days] in ([30, 30], [29, 29])


def _told(payment: Payment) -> list[bytes]:
    """Everything that can be told of one payment, at different times."""
    reference, intent = payment.reference, f"pi_{payment.id}"
    things = [
        (PAID, session(reference, intent, payment_status="unpaid")),
        ("checkout.session.async_payment_succeeded", session(reference, intent)),
        ("charge.refunded", charge(reference, intent, 300)),
        ("refund.created", refund(f"re_1_{intent}", intent, 300, "pending")),
        ("refund.failed", refund(f"re_1_{intent}", intent, 300, "failed")),
        ("charge.refunded", charge(None, intent, 250)),
        ("refund.updated", refund(f"re_2_{intent}", intent, 250)),
        ("charge.dispute.created", dispute(f"dp_{intent}", intent, "needs_response", 500)),
        ("charge.dispute.funds_withdrawn", dispute(f"dp_{intent}", intent, "needs_response", 500)),
        ("charge.dispute.closed", dispute(f"dp_{intent}", intent, "won", 500)),
    ]
    return [event(kind, thing, created=START + number) for number, (kind, thing) in enumerate(things)]


@given(data=st.data())
@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_order_and_any_repetition_end_alike(shop: Shop, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.integers(0, 9)), label="events")
    again = data.draw(st.lists(st.sampled_from(sorted(chosen)), max_size=3) if chosen else st.just([]))
    order = data.draw(st.permutations([*chosen, *again]), label="order")
    before = await shop.credits()
    payment = await shop.order()
    bodies = _told(payment)
    await shop.tell(*(bodies[index] for index in order))

    row = await shop.payment(payment.id)
    assert (row.given_phone, row.given_sms) == _expected(chosen)
    after = await shop.credits()
    assert (after[0] - before[0], after[1] - before[1]) == (row.given_phone, row.given_sms)


def _expected(chosen: set[int]) -> tuple[int, int]:
    """What is due by the facts, worked out another way than the code does."""
    if 1 not in chosen:
        return 0, 0
    total = 300 if 2 in chosen else 250 if 5 in chosen else 0
    failed = 300 if 4 in chosen else 0
    single = (300 if 3 in chosen and not failed else 0) + (250 if 6 in chosen else 0)
    gone = max(total - failed, single)
    if (7 in chosen or 8 in chosen) and 9 not in chosen:
        gone += 500
    stays = max(0, 1000 - gone)
    return -(-100 * stays // 1000), -(-7 * stays // 1000)


async def test_two_processes_with_pools_of_their_own_credit_once(
    shop: Shop, api_database: str, settings: Settings
) -> None:
    payment = await shop.order()
    body = event(PAID, session(payment.reference, "pi_1"))
    async with opened(api_database) as engine:
        second = Payments(create_session_factory(engine), provider_of(settings), settings)
        other = Shop(shop.sessions, second, shop.tenant, shop.principal)
        await asyncio.gather(*(each.tell(body) for each in (shop, other) * 4))
    assert await shop.credits() == (100, 7)
