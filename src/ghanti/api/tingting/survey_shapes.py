"""Surveys and their templates, key by key in the order that clients know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from ghanti.api.tingting import shapes
from ghanti.surveys.models import ResponseType, SurveyStep
from ghanti.surveys.schemas import KEY_OPTIONS, RECORD_OPTIONS, Applied, StepOptions, SurveyView, TemplateView

Link = Callable[[str | None], str | None]
"""An absolute URL of a file of the media store, by its key."""

_OPTIONS: Mapping[str, Sequence[str]] = {
    ResponseType.DTMF: KEY_OPTIONS,
    ResponseType.RAW_RECORD: RECORD_OPTIONS,
    ResponseType.NONE: (),
}


def step(row: SurveyStep, link: Link) -> dict[str, Any]:
    """A step, with how it takes its answer."""
    return {
        "id": row.id,
        "survey": row.survey_id,
        "order": row.position,
        "content_type": row.content_type,
        "text_or_url": row.text_or_url,
        "response_type": row.response_type,
        "input_name": row.input_name,
        "audio_file": link(row.audio_file),
        **_options(row.response_type, row.options),
    }


def survey(view: SurveyView, link: Link) -> dict[str, Any]:
    """A survey within its campaign."""
    return {"id": view.survey_id, "steps": [step(row, link) for row in view.steps]}


def reported(view: SurveyView, link: Link) -> dict[str, Any]:
    """A survey at the head of its report."""
    campaign = view.campaign
    return {
        "id": view.survey_id,
        "campaign_id": campaign.id,
        "name": campaign.name,
        "status": campaign.status,
        "steps": [step(row, link) for row in view.steps],
    }


def steps(view: SurveyView, link: Link) -> dict[str, Any]:
    return {"count": len(view.steps), "results": [step(row, link) for row in view.steps]}


def template(view: TemplateView, link: Link) -> dict[str, Any]:
    row = view.template
    return {
        "id": row.id,
        "name": row.name,
        "voice": {**shapes.voice(view.voice), "is_beta": view.voice.is_beta},
        "length_factor": f"{row.length_factor:.2f}",
        "content": [_content(item, link) for item in row.content],
        "created_at": second(row.created_at),
    }


def applied(made: Applied, link: Link) -> dict[str, Any]:
    """Every step of a template was made."""
    return {
        "message": "Template applied successfully.",
        "steps": [_applied_step(row, link) for row in made.steps],
    }


def partly_applied(made: Applied) -> dict[str, Any]:
    """Some steps of a template could not be made."""
    return {
        "created": [{"id": row.id, "order": row.position} for row in made.steps],
        "errors": made.errors,
    }


def second(value: datetime) -> str:
    """ISO 8601 in UTC with Z and whole seconds, as templates print times."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _applied_step(row: SurveyStep, link: Link) -> dict[str, Any]:
    return {
        "id": row.id,
        "order": row.position,
        "content_type": row.content_type,
        "response_type": row.response_type,
        "input_name": row.input_name,
        "audio_file": link(row.audio_file),
        "survey": row.survey_id,
        "text_or_url": row.text_or_url,
    }


def _content(item: Mapping[str, Any], link: Link) -> dict[str, Any]:
    sound = item.get("sound")
    return {
        "order": item.get("order"),
        "content_type": item.get("content_type"),
        "response_type": item.get("response_type"),
        "input_name": item.get("input_name"),
        "audio_file": link(sound["key"]) if sound else None,
        "text_or_url": item.get("text_or_url", ""),
        **_options(item.get("response_type"), item.get("options", {})),
    }


def _options(response_type: str | None, kept: dict[str, Any]) -> dict[str, Any]:
    values = asdict(StepOptions.of(kept))
    return {name: values[name] for name in _OPTIONS.get(response_type or "", ())}
