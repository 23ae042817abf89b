"""Events in the shape that Stripe's API reference gives them, written by hand and signed by its rule."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any
from uuid import UUID

import stripe

SECRET = "whsec_of_these_tests"
KEY = "sk_test_of_these_tests"

Json = dict[str, Any]

_numbers = itertools.count(1)


def event(kind: str, thing: Json, *, created: int | None = None, name: str | None = None) -> bytes:
    """An event's body. ``created`` is in seconds since 1970."""
    return json.dumps(
        {
            "id": name or f"evt_{next(_numbers):014}",
            "object": "event",
            "api_version": "2025-09-30.clover",
            "created": created if created is not None else int(time.time()),
            "data": {"object": thing},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
    ).encode()


def signed(body: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers that such a body comes with."""
    moment = int(at if at is not None else time.time())
    value = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, moment)
    return {"stripe-signature": value, "content-type": "application/json; charset=utf-8"}


def session(
    reference: UUID | str,
    intent: str | None,
    amount: int = 1000,
    currency: str = "npr",
    payment_status: str = "paid",
    status: str = "complete",
    name: str = "cs_test_a1",
) -> Json:
    return {
        "id": name,
        "object": "checkout.session",
        "amount_subtotal": amount,
        "amount_total": amount,
        "automatic_tax": {"enabled": False, "liability": None, "status": None},
        "cancel_url": "https://example.com/cancel",
        "client_reference_id": str(reference),
        "created": int(time.time()) - 60,
        "currency": currency,
        "customer": None,
        "customer_details": {"email": "ram@example.com", "name": "Ram", "phone": None},
        "expires_at": int(time.time()) + 86340,
        "livemode": False,
        "metadata": {"ghanti_payment": str(reference)},
        "mode": "payment",
        "payment_intent": intent,
        "payment_method_types": ["card"],
        "payment_status": payment_status,
        "status": status,
        "success_url": "https://example.com/success",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "url": None,
    }


def charge(
    reference: UUID | str | None,
    intent: str | None,
    refunded: int,
    amount: int = 1000,
    currency: str = "npr",
    metadata: Json | None = None,
) -> Json:
    named = {"ghanti_payment": str(reference)} if reference is not None else {}
    return {
        "id": "ch_3MmlLrLkdIwHu7ix0snN0B15",
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": refunded,
        "captured": True,
        "created": int(time.time()) - 50,
        "currency": currency,
        "disputed": False,
        "livemode": False,
        "metadata": metadata if metadata is not None else named,
        "paid": True,
        "payment_intent": intent,
        "refunded": refunded >= amount,
        "status": "succeeded",
    }


def refund(
    name: str, intent: str | None, amount: int, status: str = "succeeded", currency: str = "npr"
) -> Json:
    return {
        "id": name,
        "object": "refund",
        "amount": amount,
        "balance_transaction": "txn_1",
        "charge": "ch_3MmlLrLkdIwHu7ix0snN0B15",
        "created": int(time.time()) - 40,
        "currency": currency,
        "metadata": {},
        "payment_intent": intent,
        "reason": None,
        "status": status,
    }


def dispute(name: str, intent: str | None, status: str, amount: int = 1000, currency: str = "npr") -> Json:
    return {
        "id": name,
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": "ch_3MmlLrLkdIwHu7ix0snN0B15",
        "created": int(time.time()) - 30,
        "currency": currency,
        "evidence_details": {"due_by": None, "has_evidence": False},
        "is_charge_refundable": status.startswith("warning_"),
        "livemode": False,
        "metadata": {},
        "payment_intent": intent,
        "reason": "general",
        "status": status,
    }
