"""Requests and answers for the OpenAPI document, as the API really sends them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_VOICE = {
    "id": 5,
    "voice_display_name": "Shreegya",
    "voice_internal_name": "np_shreegya",
    "is_premium": False,
}

LOGGED_IN = {"has_logged_in": True, "message": "Login Successful"}
REFRESHED = {"message": "Session Refreshed Successfully"}
NEW_TOKEN = {"token": "7acbdcd5" * 8, "message": "New API token generated successfully"}
TOKEN = {
    "token": "7acb" + "*" * 56 + "dcd5",
    "last_used": "2025-02-20T14:30:00.000Z",
    "created_at": "2025-03-14T14:30:00.000Z",
}
PROFILE = {
    "id": 35,
    "user": {
        "first_name": "Ram",
        "last_name": "Thapa",
        "username": "ramthapa",
        "email": "ram@example.com",
    },
    "profile_picture": "",
    "contact_no": "9808365218",
    "address": "Lalitpur",
    "is_verified_contact": True,
}
VOICES = [
    {"id": 1, "voice_display_name": "Rija", "voice_internal_name": "np_rija", "is_premium": False},
    _VOICE,
]
PHONES = [{"id": 1, "phone_number": "+97715970425"}]

CAMPAIGN_BODY = {
    "name": "example test campaign",
    "services": "PHONE",
    "user_phone": [3],
    "message": "नमस्ते {name}, तपाईंको बाँकी रकम {amount} हो",
    "sms_message": "नमस्ते {name}",
    "description": "Test message",
    "schedule": "2025-07-08",
}
CREATED_CAMPAIGN = {
    "id": 79,
    "name": "example test campaign",
    "services": "PHONE",
    "status": "Not Started",
    "sms_message": "नमस्ते {name}",
    "message": "नमस्ते {name}, तपाईंको बाँकी रकम {amount} हो",
    "description": "Test message",
    "schedule": "2025-07-08T00:00:00+05:45",
    "audio_file": None,
    "bulk_file": None,
    "category": None,
    "user_phone": [3],
    "campaign_action_count": 0,
    "progress_percent": 0,
    "updated_at": "2025-07-07T14:01:50.508344+05:45",
    "credit_limit": None,
    "voice": None,
    "draft": False,
    "failover_target": [],
    "length_factor": "1.00",
    "pace": None,
    "retries": {},
}
CAMPAIGN = {**CREATED_CAMPAIGN, "category": "Text", "campaign_action_count": 1, "voice": 3}
CAMPAIGN_PAGE = {
    "count": 1,
    "total_pages": 1,
    "next": None,
    "previous": None,
    "results": [{**CAMPAIGN, "voice": _VOICE}],
}
MESSAGE_STEP = {
    "voice": 3,
    "sms_message": "नमस्ते {name}",
    "message": "नमस्ते {name}, तपाईंको बाँकी रकम {amount} हो",
    "category": "Text",
    "draft": False,
    "length_factor": "1.00",
}
DELETED_CAMPAIGN = {"message": "Campaign deleted successfully", "data": {"id": 79}}

CONTACT_BODY = {"number": 9823561098, "other_variables": {"age": 23, "name": "Rajesh", "salary": 50000}}
CONTACT_PROGRESS = {
    "id": 125,
    "number": "9841349152",
    "status": "completed",
    "updated_at": "2025-07-08T16:52:53.054691+05:45",
    "call_duration": "10s",
    "playback": "100",
    "credit_consumed": 1,
    "credit_consumed_SMS": 0,
    "carrier": "NTC",
    "sms_status": "",
    "reason": "",
    "failover_sms_sent": False,
}
ADDED_CONTACT = {
    "message": "New Contact added",
    "id": 125,
    "number": "9823561098",
    "status": "not started",
    "updated_at": "2025-07-08T16:52:53.054691+05:45",
    "call_duration": "0s",
    "playback": "",
    "credit_consumed": 0,
    "credit_consumed_SMS": 0,
    "carrier": "Ncell",
    "attributes": CONTACT_BODY["other_variables"],
    "other_variables": CONTACT_BODY["other_variables"],
}
ADDED_CONTACTS = {"created": 1, "skipped": 0, "contacts": [{"number": "9823561098", "id": 125}], "errors": []}
SKIPPED_CONTACTS = {"created": 0, "skipped": 1, "contacts": [], "errors": []}
CONTACT_PAGE = {
    "count": 1,
    "total_pages": 1,
    "next": None,
    "previous": None,
    "results": [CONTACT_PROGRESS],
    "total_credits_consumed": 1,
    "carrier_summary": {"NTC": 1},
}
IMPORTED = {
    "error_list": [
        {"row": 7, "number": "12", "field": "number", "message": "Enter a phone number of 7 to 15 digits."}
    ],
    "samples": [
        {"column": "number", "sample": "9841234567", "values": [9841234567, 9841234568]},
        {"column": "name", "sample": "Rajesh", "values": ["Rajesh", "Sita"]},
    ],
    "total_validated_rows": 150,
    "created": 150,
    "skipped": 0,
    "error_count": 1,
}
ATTRIBUTES = {"age": 22, "name": "राहुल", "salary": "एक लाख "}
DELETED_CONTACT = {"message": "Successfully Deleted."}

_REMAINING = {"remaining_sms_credits": 62, "remaining_phone_credits": 127}
BEGAN = {"message": "Campaign Scheduled successfully for 2082-03-25 at 14:46:00", **_REMAINING}
STOPPED = {
    "message": "Campaign stopped successfully",
    "data": {**CAMPAIGN, "status": "Terminated", "status_reason": "emergency_stop"},
    **_REMAINING,
}
CSV_REPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A line a contact",
        "content": {
            "text/csv": {
                "example": "number,name,status,call_duration,duration_seconds,playback,credit_consumed,"
                "credit_consumed_SMS,sms_status,carrier,attempts,started_at,ended_at,reason\n"
                "9841349152,राम,completed,10s,10,100,1,0,,NTC,1,"
                "2025-07-08T16:52:43+05:45,2025-07-08T16:52:53+05:45,\n"
            }
        },
    }
}

UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["bulk_file"],
                    "properties": {
                        "bulk_file": {
                            "type": "string",
                            "format": "binary",
                            "description": "An .xlsx or .csv file with a phone column; "
                            "the other columns are variables",
                        }
                    },
                }
            }
        },
    }
}


def answers(example: Any, status: int = 200, *, also: Any = None) -> dict[int | str, dict[str, Any]]:
    """The success answer of a route, by example, and by one of what it answers otherwise."""
    media = {"example": example} if also is None else {"example": example, "x-also": also}
    return {status: {"description": "Success", "content": {"application/json": media}}}


def accepts(
    example: dict[str, Any], required: Sequence[str] = (), files: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The body of a route: JSON or a form, by example; a multipart form may have files, by description."""
    schema: dict[str, Any] = (
        {"type": "object", "required": list(required)} if required else {"type": "object"}
    )
    parts = {
        name: {"type": "string", "format": "binary", "description": text}
        for name, text in (files or {}).items()
    }
    return {
        "requestBody": {
            "required": bool(required),
            "content": {
                "application/json": {"schema": schema, "example": example},
                "application/x-www-form-urlencoded": {"schema": schema},
                "multipart/form-data": {"schema": {**schema, "properties": parts} if parts else schema},
            },
        }
    }


def queries(**described: str) -> dict[str, Any]:
    """Optional query parameters, by name and description."""
    return {
        "parameters": [
            {"name": name, "in": "query", "description": text, "schema": {"type": "string"}}
            for name, text in described.items()
        ]
    }
