"""Answers of tariffs, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

TARIFF: dict[str, Any] = {
    "prefix": "977",
    "pulse_seconds": 60,
    "credits_per_pulse": 1,
    "credits_per_segment": 1,
    "valid_from": "2025-10-29T13:33:55.512191+05:45",
}
TARIFF_PAGE = {"count": 1, "total_pages": 1, "next": None, "previous": None, "results": [TARIFF]}
