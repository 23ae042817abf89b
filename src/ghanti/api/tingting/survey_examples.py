"""Requests and answers of surveys and their templates for the OpenAPI document, as the API sends them."""

from __future__ import annotations

from typing import Any

from ghanti.api.tingting.demo_calls_examples import DEMO_CALL_BEGAN
from ghanti.api.tingting.examples import BEGAN, CAMPAIGN

_AUDIO = "https://example.com/api/v1/media/MTc4…/3f2a91.mp3"
_KEY_OPTIONS = {
    "max_digits": 1,
    "min_digits": 1,
    "terminator": "#",
    "timeout_seconds": 5,
    "inter_digit_seconds": 3,
    "valid_answers": ["1", "2"],
    "tries": 2,
    "barge_in": True,
}

STEP = {
    "id": 101,
    "survey": 80,
    "order": 0,
    "content_type": "say",
    "text_or_url": "नमस्ते {name}, पानी आयो भने १, आएन भने २ थिच्नुहोस्",
    "response_type": "dtmf",
    "input_name": "water",
    "audio_file": None,
    **_KEY_OPTIONS,
}
_RECORDED = {
    "id": 102,
    "survey": 80,
    "order": 1,
    "content_type": "play",
    "text_or_url": "",
    "response_type": "raw_record",
    "input_name": "complaint",
    "audio_file": _AUDIO,
    "max_record_seconds": 30,
    "min_record_seconds": 0.3,
    "silence_seconds": 4,
    "terminator": "#",
    "tries": 2,
    "beep": True,
}
STEPS = {
    "count": 2,
    "results": [STEP, _RECORDED],
}
REPLACED_STEPS = {**STEPS, "campaign": {**CAMPAIGN, "services": "SURVEY"}}
SURVEY_BEGAN = {
    "message": "Campaign Began Successfully!!",
    "data": {**CAMPAIGN, "services": "SURVEY", "status": "Running"},
    **{name: value for name, value in BEGAN.items() if name.startswith("remaining_")},
}
TEST_BEGAN = {**DEMO_CALL_BEGAN, "message": "Survey test call began successfully"}

_STEP_BODY = {
    "content_type": "say",
    "text_or_url": STEP["text_or_url"],
    "response_type": "dtmf",
    "input_name": "water",
    "valid_answers": ["1", "2"],
}
_OBJECT = {"type": "object"}
STEPS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"steps": {"type": "array", "maxItems": 100, "items": _OBJECT}},
                },
                "example": {"steps": [_STEP_BODY]},
            },
            "application/x-www-form-urlencoded": {"schema": _OBJECT},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "steps": {"type": "string", "description": "The steps as JSON"},
                        "0": {"type": "string", "format": "binary", "description": "Audio of the first step"},
                    },
                }
            },
        },
    }
}

_CALL = {
    "number": "9841349152",
    "name": "राम",
    "status": "completed",
    "water": "1",
    "complaint": _AUDIO,
    "answered": 2,
    "call_duration": "21s",
    "attempts": 1,
    "started_at": "2025-07-08T16:52:43+05:45",
    "ended_at": "2025-07-08T16:53:04+05:45",
}
REPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A line, or with format=json an object, a contact",
        "content": {
            "text/csv": {"example": f"{','.join(_CALL)}\n{','.join(map(str, _CALL.values()))}\n"},
            "application/json": {
                "example": {
                    "survey": {
                        "id": 80,
                        "campaign_id": 79,
                        "name": "पानी",
                        "status": "Completed",
                        "steps": [STEP, _RECORDED],
                    },
                    "summary": {
                        "contacts": 1,
                        "questions": {
                            "water": {"answered": 1, "unanswered": 0, "answers": {"1": 1}},
                            "complaint": {"answered": 1, "unanswered": 0, "recordings": {"stored": 1}},
                        },
                    },
                    "results": [
                        {
                            "id": 42,
                            "number": "9841349152",
                            "other_variables": {"name": "राम"},
                            "status": "completed",
                            "answers": {
                                "water": {"value": "1"},
                                "complaint": {"recording": _AUDIO, "state": "stored", "seconds": 6.2},
                            },
                            "answered": 2,
                            "call_duration": "21s",
                            "attempts": 1,
                            "started_at": "2025-07-08T16:52:43.054691+05:45",
                            "ended_at": "2025-07-08T16:53:04.054691+05:45",
                        }
                    ],
                }
            },
        },
    }
}

TEMPLATE = {
    "id": 3,
    "name": "Water supply",
    "voice": {
        "id": 5,
        "voice_display_name": "Shreegya",
        "voice_internal_name": "np_shreegya",
        "is_premium": False,
        "is_beta": False,
    },
    "length_factor": "1.00",
    "content": [
        {
            "order": 0,
            "content_type": "say",
            "response_type": "dtmf",
            "input_name": "water",
            "audio_file": None,
            "text_or_url": STEP["text_or_url"],
            **_KEY_OPTIONS,
        }
    ],
    "created_at": "2026-06-02T12:00:00Z",
}
TEMPLATE_PAGE = {"count": 1, "next": None, "previous": None, "results": [TEMPLATE]}
TEMPLATE_BODY = {
    "name": "Water supply",
    "voice": {"voice_internal_name": "np_shreegya"},
    "length_factor": "1.00",
    "content": [{"order": 0, **_STEP_BODY}],
}
APPLIED = {
    "message": "Template applied successfully.",
    "steps": [
        {
            "id": 101,
            "order": 0,
            "content_type": "say",
            "response_type": "dtmf",
            "input_name": "water",
            "audio_file": None,
            "survey": 80,
            "text_or_url": STEP["text_or_url"],
        }
    ],
}
PARTLY_APPLIED = {
    "created": [{"id": 103, "order": 0}],
    "errors": [{"content_type": ["This field is required."]}],
}
