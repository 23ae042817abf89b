"""A survey as a call script (docs/call-scripts.md): what its calls say, and where they wait for answers.

The campaign's ``message`` is not part of it: clients send a filler there. A greeting is a step of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ghanti.media.uploads import ulaw_key
from ghanti.surveys.models import ContentType, ResponseType, SurveyStep
from ghanti.surveys.schemas import StepOptions

INVALID_PROMPT = "तपाईंले थिच्नुभएको अंक मिलेन। कृपया फेरि प्रयास गर्नुहोस्।"
"""Said before a question is asked again, when what was pressed is no valid answer."""

MISSING_PROMPT = "हामीले तपाईंको जवाफ पाएनौं। कृपया फेरि प्रयास गर्नुहोस्।"
"""Said before a question is asked again, when nothing was pressed or said."""

_INVALID, _MISSING = "invalid", "missing"


def answer_name(step_id: int) -> str:
    """The name under which the answer to a step is kept."""
    return f"step_{step_id}"


def expects_answer(step: SurveyStep) -> bool:
    """Whether a call waits for an answer to it; to an info step none is expected, whatever it says."""
    return step.content_type != ContentType.INFO and step.response_type != ResponseType.NONE


def fault(step: SurveyStep) -> str | None:
    """Why a call could not do this step, or None."""
    if step.audio_file is not None:
        return None
    if step.content_type == ContentType.PLAY:
        return "It plays an audio file, and has none."
    return None if step.text_or_url.strip() else "It has nothing to say."


def compiled(steps: Sequence[SurveyStep]) -> dict[str, Any]:
    """The ``script`` and the ``audios`` of a call content (``dialing/contents.py``); no step has a fault."""
    script: list[dict[str, Any]] = []
    audios: dict[str, dict[str, Any]] = {}
    for step in steps:
        name = answer_name(step.id)
        script.append({"do": "play", "audio": name})
        audios[name] = _audio(step)
        if expects_answer(step):
            script.append(_answer(step, name))
    prompts = {prompt for item in script for prompt in (item.get("invalid"), item.get("missing"))}
    for prompt, said in ((_INVALID, INVALID_PROMPT), (_MISSING, MISSING_PROMPT)):
        if prompt in prompts:
            audios[prompt] = {"template": said}
    return {"script": {"v": 1, "steps": script}, "audios": audios}


def _audio(step: SurveyStep) -> dict[str, Any]:
    if step.audio_file is None:
        return {"template": step.text_or_url}
    return {"media": ulaw_key(step.audio_file), "ms": step.audio_ms}


def _answer(step: SurveyStep, name: str) -> dict[str, Any]:
    options = StepOptions.of(step.options)
    common = {"name": name, "terminator": options.terminator, "tries": options.tries}
    if options.tries > 1:
        common["missing"] = _MISSING
    if step.response_type == ResponseType.RAW_RECORD:
        return {
            "do": "record",
            **common,
            "max_ms": _ms(options.max_record_seconds),
            "min_ms": _ms(options.min_record_seconds),
            "silence_ms": None if options.silence_seconds is None else _ms(options.silence_seconds),
            "beep": options.beep,
        }
    if options.tries > 1:
        common["invalid"] = _INVALID
    return {
        "do": "listen",
        **common,
        "min_digits": options.min_digits,
        "max_digits": options.max_digits,
        "valid": list(options.valid_answers) or None,
        "timeout_ms": _ms(options.timeout_seconds),
        "inter_digit_ms": _ms(options.inter_digit_seconds),
        "barge_in": options.barge_in,
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
