"""Requests and answers of demo calls for the OpenAPI document, as the API really sends them."""

from __future__ import annotations

_ORDERED = {
    "id": 9120,
    "contact_id": 42,
    "campaign_id": 79,
    "number": "+9779841349152",
    "created_at": "2025-07-08T16:52:41.120731+05:45",
    "status": "not started",
    "call_duration": "0s",
    "playback": "",
    "credit_consumed": 0,
    "reason": "",
    "started_at": None,
    "ended_at": None,
}
DEMO_CALL_BEGAN = {
    "message": "Demo call began successfully",
    "data": _ORDERED,
    "remaining_sms_credits": 62,
    "remaining_phone_credits": 127,
}
DEMO_CALLS = {
    "results": [
        {
            **_ORDERED,
            "status": "completed",
            "call_duration": "10s",
            "playback": "100",
            "credit_consumed": 1,
            "reason": "played to the end",
            "started_at": "2025-07-08T16:52:43.054691+05:45",
            "ended_at": "2025-07-08T16:52:55.054691+05:45",
        }
    ]
}
