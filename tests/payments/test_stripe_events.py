"""What is read of Stripe's events, and which are not believed."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from stripe_shapes import KEY, SECRET, charge, dispute, event, refund, session, signed

from ghanti.accounts.errors import NotOfferedError
from ghanti.payments.facts import ReversalKind, Stage, Told
from ghanti.payments.port import ForgedError
from ghanti.payments.stripe_events import EVENTS
from ghanti.payments.stripe_provider import StripeProvider

REFERENCE = UUID("11111111-2222-4333-8444-555555555555")
BASE = "http://127.0.0.1:9"


@pytest.fixture
def provider() -> StripeProvider:
    return StripeProvider(KEY, ("whsec_the_next", SECRET), BASE)


def told_by(provider: StripeProvider, kind: str, thing: dict[str, Any]) -> Told:
    body = event(kind, thing, created=1_700_000_000)
    found = provider.event(body, signed(body))
    assert found is not None
    assert found.type == kind
    assert found.told.at == datetime.fromtimestamp(1_700_000_000, UTC)
    return found.told


@pytest.mark.parametrize(
    ("kind", "payment_status", "facts"),
    [
        ("completed", "paid", {"paid"}),
        ("completed", "unpaid", {"processing"}),
        ("async_payment_succeeded", "paid", {"paid"}),
        ("async_payment_failed", "unpaid", {"failed"}),
        ("expired", "unpaid", {"expired"}),
    ],
)
def test_a_checkout(provider: StripeProvider, kind: str, payment_status: str, facts: set[str]) -> None:
    thing = session(REFERENCE, "pi_1", payment_status=payment_status)
    told = told_by(provider, f"checkout.session.{kind}", thing)
    assert (told.reference, told.session, told.intent) == (REFERENCE, "cs_test_a1", "pi_1")
    assert (told.amount, told.currency) == (1000, "npr")
    said = {name for name in ("paid", "processing", "failed", "expired") if getattr(told, name)}
    assert said == facts


def test_a_refunded_charge(provider: StripeProvider) -> None:
    told = told_by(provider, "charge.refunded", charge(REFERENCE, "pi_1", 250))
    assert (told.reference, told.intent, told.amount, told.refunded) == (REFERENCE, "pi_1", 1000, 250)
    assert not told.paid


@pytest.mark.parametrize(
    ("kind", "status", "stage"),
    [
        ("refund.created", "pending", Stage.TAKEN),
        ("refund.updated", "succeeded", Stage.TAKEN),
        ("refund.updated", "canceled", Stage.BACK),
        ("charge.refund.updated", "failed", Stage.BACK),
        ("refund.failed", "failed", Stage.BACK),
    ],
)
def test_a_refund(provider: StripeProvider, kind: str, status: str, stage: Stage) -> None:
    taken = told_by(provider, kind, refund("re_1", "pi_1", 250, status)).reversal
    assert taken is not None
    assert (taken.kind, taken.id, taken.amount, taken.stage) == (ReversalKind.REFUND, "re_1", 250, stage)


@pytest.mark.parametrize(
    ("kind", "status", "stage"),
    [
        ("created", "warning_needs_response", Stage.ASKED),
        ("updated", "warning_under_review", Stage.ASKED),
        ("closed", "warning_closed", Stage.BACK),
        ("created", "needs_response", Stage.TAKEN),
        ("funds_withdrawn", "needs_response", Stage.TAKEN),
        ("funds_withdrawn", "warning_needs_response", Stage.TAKEN),
        ("updated", "under_review", Stage.TAKEN),
        ("closed", "lost", Stage.LOST),
        ("closed", "won", Stage.BACK),
        ("funds_reinstated", "won", Stage.BACK),
        ("funds_reinstated", "lost", Stage.BACK),
    ],
)
def test_a_dispute(provider: StripeProvider, kind: str, status: str, stage: Stage) -> None:
    told = told_by(provider, f"charge.dispute.{kind}", dispute("dp_1", "pi_1", status))
    assert told.reversal is not None
    assert (told.intent, told.reversal.kind, told.reversal.stage) == ("pi_1", ReversalKind.DISPUTE, stage)


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("customer.created", {"id": "cus_1", "object": "customer"}),
        ("payment_intent.succeeded", {"id": "pi_1", "object": "payment_intent"}),
        ("checkout.session.completed", session("somebody's own name", "pi_1") | {"metadata": {}}),
        ("charge.refunded", charge(None, "pi_1", 10, metadata={"order": "7"})),
        ("charge.refunded", charge(REFERENCE, None, 10)),
        ("refund.updated", refund("re_1", None, 10)),
        ("charge.dispute.closed", dispute("dp_1", None, "lost")),
    ],
)
def test_what_is_none_of_our_payments(provider: StripeProvider, kind: str, thing: dict[str, Any]) -> None:
    body = event(kind, thing)
    assert provider.event(body, signed(body)) is None


def test_every_type_that_an_operator_orders_is_read(provider: StripeProvider) -> None:
    things = {
        "checkout.session.": session(REFERENCE, "pi_1"),
        "charge.refunded": charge(REFERENCE, "pi_1", 1),
        "charge.refund.": refund("re_1", "pi_1", 1),
        "refund.": refund("re_1", "pi_1", 1),
        "charge.dispute.": dispute("dp_1", "pi_1", "won"),
    }
    assert len(EVENTS) == 14
    for kind in EVENTS:
        thing = next(thing for start, thing in things.items() if kind.startswith(start))
        assert told_by(provider, kind, thing).intent == "pi_1"


def _completed() -> bytes:
    return event("checkout.session.completed", session(REFERENCE, "pi_1"))


def test_both_secrets_are_good_while_one_replaces_the_other(provider: StripeProvider) -> None:
    body = _completed()
    for secret in (SECRET, "whsec_the_next"):
        assert provider.event(body, signed(body, secret)) is not None


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "t=,v1=",
        "nonsense",
        "t=1700000000,v0=abc",
        "t=x,v1=abc",
        "t=1700000000,v1=é",
        "t=99999999999999999999999,v1=abc",
    ],
)
def test_a_header_that_is_no_signature(provider: StripeProvider, header: str | None) -> None:
    headers = {} if header is None else {"stripe-signature": header}
    with pytest.raises(ForgedError, match="signature"):
        provider.event(_completed(), headers)


def test_another_secret_another_body_and_another_time(provider: StripeProvider) -> None:
    body = _completed()
    forged = [
        (body, signed(body, "whsec_of_somebody_else")),
        (body, signed(body, "")),
        (body.replace(b'"amount_total": 1000', b'"amount_total": 9000'), signed(body)),
        (body + b" ", signed(body)),
        (b"\xff" + body, signed(body)),
        (b"", signed(body)),
        (body, signed(body, at=time.time() - 301)),
    ]
    assert forged[2][0] != body
    for sent, headers in forged:
        with pytest.raises(ForgedError, match="signature"):
            provider.event(sent, headers)
    assert provider.event(body, signed(body, at=time.time() - 290)) is not None


def test_without_a_secret_nothing_is_believed() -> None:
    body = _completed()
    with pytest.raises(NotOfferedError, match="GHANTI_STRIPE_WEBHOOK_SECRET"):
        StripeProvider(KEY, (), BASE).event(body, signed(body))


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1"])
def test_an_event_of_the_test_mode_is_nothing_to_a_live_key(key: str) -> None:
    live = StripeProvider(key, (SECRET,), BASE)
    body = _completed()
    with pytest.raises(ForgedError, match="mode"):
        live.event(body, signed(body))
    real = json.dumps(json.loads(body) | {"livemode": True}).encode()
    assert live.event(real, signed(real)) is not None
    with pytest.raises(ForgedError, match="mode"):
        StripeProvider(KEY, (SECRET,), BASE).event(real, signed(real))


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b"null",
        b"{",
        event("refund.updated", {"id": "re_1", "payment_intent": "pi_1"}),
        event("charge.refunded", charge(REFERENCE, "pi_1", 1) | {"amount": "many"}),
    ],
)
def test_what_is_signed_and_no_event_names_no_content(provider: StripeProvider, body: bytes) -> None:
    with pytest.raises(ForgedError, match="no event as Stripe makes them") as refused:
        provider.event(body, signed(body))
    assert "many" not in str(refused.value)
