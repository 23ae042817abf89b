"""Requests and answers of the one-time passwords, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

OTP_BODY = {
    "number": "9851023212",
    "message": "Hi your OTP is {otp}",
    "sms_send_options": "text",
    "otp_options": "generated",
    "otp_length": 6,
    "company_name": "TingTing",
}
_DETAILS: dict[str, Any] = {
    "number": "9851023212",
    "otp_options": "generated",
    "message": "TingTing: Hi your OTP is 564546",
    "otp": "564546",
    "sms_send_options": "text",
    "credits_used": 1,
    "remaining_sms_credits": 62,
    "remaining_phone_credits": 127,
    "company_name": "TingTing",
    "id": 12,
}
SENT_OTP = {
    "status": 200,
    "success": True,
    "message": "OTP Sent Successfully.",
    "errors": [],
    "data": {"details": _DETAILS},
}
OTP_PAGE = {
    "count": 1,
    "total_pages": 1,
    "next": None,
    "previous": None,
    "results": {
        "status": 200,
        "success": True,
        "errors": [],
        "data": [
            {
                "id": 12,
                "phone_number": "9851023212",
                "message": "TingTing: Hi your OTP is 564546",
                "otp": "564546",
                "otp_options": "generated",
                "sms_send_options": "text",
                "created_at": "2025-10-29T13:33:55.512191+05:45",
                "status": "completed",
                "delivery": "delivered",
                "credits_used": 1,
                "reason": "",
            }
        ],
    },
}
