"""What the rules of surveys take and give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from typing import Any, TypedDict

from ghanti.campaigns.models import Campaign
from ghanti.speech.models import Voice
from ghanti.surveys.models import ContentType, ResponseType, SurveyStep, SurveyTemplate

MOST_STEPS = 100


@dataclass(frozen=True, slots=True)
class StepOptions:
    """How a step takes its answer. Seconds may have a fraction.

    Attributes:
        max_digits: Keys that end the answer.
        min_digits: Fewer keys are no valid answer.
        terminator: The key that ends an answer before ``max_digits``; it is no part of it. None is none.
        timeout_seconds: How long to wait for the first key.
        inter_digit_seconds: How long to wait for each further one.
        valid_answers: The only answers that are taken; empty takes any.
        tries: How often the question is asked in all, when nothing valid is pressed or nothing is said.
        barge_in: Whether a key may interrupt the question.
        max_record_seconds: The longest recording.
        min_record_seconds: A recording whose last sound comes before this is none.
        silence_seconds: How much silence ends a recording; None is none.
        beep: Whether a tone says that the recording begins.
    """

    max_digits: int = 1
    min_digits: int = 1
    terminator: str | None = "#"
    timeout_seconds: float = 5
    inter_digit_seconds: float = 3
    valid_answers: tuple[str, ...] = ()
    tries: int = 2
    barge_in: bool = True
    max_record_seconds: float = 30
    min_record_seconds: float = 0.3
    silence_seconds: float | None = 4
    beep: bool = True

    def unusual(self) -> dict[str, Any]:
        """Those that are not the defaults, as the database keeps them."""
        usual = asdict(DEFAULTS)
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> StepOptions:
        """From what the database keeps."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in kept.items() if name in known}
        if "valid_answers" in values:
            values["valid_answers"] = tuple(values["valid_answers"])
        return cls(**values)


DEFAULTS = StepOptions()

KEY_OPTIONS = (
    "max_digits",
    "min_digits",
    "terminator",
    "timeout_seconds",
    "inter_digit_seconds",
    "valid_answers",
    "tries",
    "barge_in",
)
RECORD_OPTIONS = (
    "max_record_seconds",
    "min_record_seconds",
    "silence_seconds",
    "terminator",
    "tries",
    "beep",
)


@dataclass(frozen=True, slots=True)
class Sound:
    """Audio of a step: the key of the file in the media store (``media/uploads.py``), and its length."""

    key: str
    ms: int


@dataclass(frozen=True, slots=True)
class StepDraft:
    """A step as its owner wants it.

    Attributes:
        order: Where it stands; ascending, and unique in a survey.
        step_id: The step of the same survey that it was, None for a new one.
        audio_url: Where its audio is to be fetched from: its ``audio_file``, or its ``text_or_url``.
        keeps_sound: Whether the audio of the step that it was stays, unless another is given.
        sound: Its audio, once that is in the media store.
        borrowed: The key of audio that a present step of the same survey has, and that this one takes over.
    """

    order: int
    content_type: ContentType
    response_type: ResponseType
    input_name: str
    text_or_url: str = ""
    options: StepOptions = DEFAULTS
    step_id: int | None = None
    audio_url: str | None = None
    keeps_sound: bool = False
    sound: Sound | None = None
    borrowed: str | None = None

    def as_content(self) -> dict[str, Any]:
        """The step as a template keeps it."""
        return {
            "order": self.order,
            "content_type": self.content_type.value,
            "text_or_url": self.text_or_url,
            "response_type": self.response_type.value,
            "input_name": self.input_name,
            "options": self.options.unusual(),
            "sound": asdict(self.sound) if self.sound else None,
        }


def draft_of(step: SurveyStep) -> StepDraft:
    """A step as it stands, as a draft of itself."""
    return StepDraft(
        order=step.position,
        content_type=ContentType(step.content_type),
        response_type=ResponseType(step.response_type),
        input_name=step.input_name,
        text_or_url=step.text_or_url,
        options=StepOptions.of(step.options),
        step_id=step.id,
        sound=sound_of(step),
    )


def sound_of(step: SurveyStep) -> Sound | None:
    return None if step.audio_file is None else Sound(step.audio_file, step.audio_ms or 0)


@dataclass(frozen=True, slots=True)
class SurveyView:
    campaign: Campaign
    survey_id: int
    steps: Sequence[SurveyStep]


@dataclass(frozen=True, slots=True)
class Replaced:
    """``dropped`` are keys of files that nothing uses any more, to be removed after the commit."""

    view: SurveyView
    dropped: list[str]


class TemplateFields(TypedDict, total=False):
    """The fields that a create or an update of a template names."""

    name: str
    voice: int | str
    length_factor: Decimal
    content: list[StepDraft]


@dataclass(frozen=True, slots=True)
class TemplateView:
    template: SurveyTemplate
    voice: Voice


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """``dropped`` are keys of files that nothing uses any more, to be removed after the commit."""

    view: TemplateView
    dropped: list[str]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of applying a template.

    Attributes:
        steps: The survey's new steps.
        errors: Messages by field, of each step that could not be made.
        dropped: Keys of files that nothing uses any more, to be removed after the commit.
    """

    survey_id: int
    steps: Sequence[SurveyStep]
    errors: list[dict[str, list[str]]]
    dropped: list[str]
