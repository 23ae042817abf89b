"""Requests and answers of payments, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

PACKAGES: list[dict[str, Any]] = [
    {
        "package": "ward",
        "name": "1,000 calls and 500 messages",
        "phone_credits": 1000,
        "sms_credits": 500,
        "amount": 250000,
        "currency": "npr",
        "valid_days": 365,
    }
]
CHECKOUT_BODY = {"package": "ward"}
CHECKOUT = {
    "id": 12,
    "sessionId": "cs_live_a1Vq8wDn2Yk",
    "url": "https://checkout.stripe.com/c/pay/cs_live_a1Vq8wDn2Yk",
    "expires_at": "2025-10-30T13:33:55.000000+05:45",
}
PAYMENT: dict[str, Any] = {
    "id": 12,
    "package": "ward",
    "name": "1,000 calls and 500 messages",
    "status": "paid",
    "amount": 250000,
    "currency": "npr",
    "phone_credits": 1000,
    "sms_credits": 500,
    "credited": {"phone_credits": 1000, "sms_credits": 500},
    "url": "https://checkout.stripe.com/c/pay/cs_live_a1Vq8wDn2Yk",
    "expires_at": "2025-10-30T13:33:55.000000+05:45",
    "paid_at": "2025-10-29T13:36:02.000000+05:45",
    "created_at": "2025-10-29T13:33:55.512191+05:45",
    "updated_at": "2025-10-29T13:36:03.402715+05:45",
}
PAYMENT_PAGE = {"count": 1, "total_pages": 1, "next": None, "previous": None, "results": [PAYMENT]}
