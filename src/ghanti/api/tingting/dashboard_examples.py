"""The answer of the dashboard, for the OpenAPI document."""

from __future__ import annotations

DASHBOARD = {
    "total_credits_purchased": 1000,
    "credits_used": 450,
    "remaining_credits": 550,
    "campaigns": {
        "total": 4,
        "Not Started": 1,
        "Scheduled": 0,
        "Running": 0,
        "Completed": 2,
        "Terminated": 1,
    },
    "outbound_calls": 1200,
    "outbound_sms": 300,
    "total_call_duration": "05:30:00",
    "total_owned_numbers": 5,
    "total_playback": {"seconds": 18400, "calls": 900, "average_percent": 81.5},
    "credit_spent": 0.375,
    "top_performing_campaign": {
        "id": 79,
        "name": "example test campaign",
        "services": "PHONE",
        "completion_percent": 92.5,
        "completed": 370,
        "total": 400,
    },
    "playback_distribution": {"0-25": 80, "25-50": 60, "50-75": 60, "75-100": 700},
    "campaign_type_ratio": {"PHONE": 75.0, "SMS": 25.0, "SMS & PHONE": 0.0, "SURVEY": 0.0},
    "call_outcomes": {"completed": 680, "hungup": 220, "unanswered": 200, "failed": 90, "terminated": 10},
    "credit_usage_overtime": [
        {"date": "2026-11-22", "phone": 150, "sms": 100},
        {"date": "2026-11-23", "phone": 200, "sms": 0},
    ],
    "days": 30,
    "remaining_sms_credits": 200,
    "remaining_phone_credits": 350,
}
