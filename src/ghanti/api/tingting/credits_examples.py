"""Requests and answers of credits/ for the OpenAPI document."""

from __future__ import annotations

from typing import Any

_PHONE = {
    "balance": 127,
    "held": 4,
    "owed": 0,
    "expiring": {"credits": 100, "at": "2027-01-01T00:00:00.000000+05:45"},
    "low_threshold": 20,
    "alert": "low",
    "days_left": 12.7,
}
_SMS = {
    "balance": 62,
    "held": 0,
    "owed": 0,
    "expiring": None,
    "low_threshold": 10,
    "alert": None,
    "days_left": None,
}
BALANCE = {"remaining_sms_credits": 62, "remaining_phone_credits": 127, "phone": _PHONE, "sms": _SMS}

STATEMENT = {
    "count": 1,
    "total_pages": 1,
    "next": None,
    "previous": None,
    "results": [
        {
            "id": 912,
            "time": "2026-11-23T14:46:00.125080+05:45",
            "kind": "reserve",
            "currency": "phone",
            "amount": -2,
            "balance_after": 127,
            "cause": "held for attempts",
            "reference": "plan 79",
        }
    ],
    "owed": {"phone": 0, "sms": 0},
}
STATEMENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A line an entry",
        "content": {
            "text/csv": {
                "example": "time,kind,currency,amount,balance_after,cause,reference\n"
                "2026-11-23 14:46:00+05:45,reserve,phone,-2,127,held for attempts,plan 79\n"
            },
            "application/json": {"example": STATEMENT},
        },
    }
}

EVENTS = {
    "count": 1,
    "total_pages": 1,
    "next": None,
    "previous": None,
    "results": [
        {
            "id": 7,
            "event": "low",
            "currency": "phone",
            "balance": 20,
            "low_threshold": 20,
            "plan": None,
            "time": "2026-11-23T14:46:00.125080+05:45",
        }
    ],
}

ALERTS_BODY = {"phone": 20, "sms": None}
ALERTS = {
    "phone": {"low_threshold": 20, "own": True},
    "sms": {"low_threshold": 10, "own": False},
}
