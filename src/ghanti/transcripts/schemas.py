"""Transcripts as they are answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Speaker(StrEnum):
    ASSISTANT = "assistant"
    USER = "user"


class TranscriptState(StrEnum):
    """How much of what the callee said is in a transcript; what our voice said and keys always are.

    ``not_recorded`` is all of a call of which no recording was wanted; ``draft`` is all that was recognised.
    """

    IN_PROGRESS = "in_progress"
    NOT_RECORDED = "not_recorded"
    PENDING = "pending"
    DRAFT = "draft"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one of the two said or pressed, ``at_ms`` after the answer.

    Attributes:
        step: The name of the step of the script that it answers, of a key or a spoken answer.
        draft: Whether a recogniser took it to be so, rather than that it is known.
    """

    role: Speaker
    content: str
    at_ms: int
    step: str | None = None
    draft: bool = False


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said in a call.

    Attributes:
        language: That of our voice, as voices name it; empty where none spoke.
        turns: In the order of time.
        reason: Why the callee's speech is not in it, where it was to be.
        recording: The media store's key of the callee's recording, where there is one.
    """

    state: TranscriptState
    language: str
    turns: list[Turn]
    reason: str | None = None
    recording: str | None = None
