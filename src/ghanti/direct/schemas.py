"""What the rules of direct calls and messages take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from ghanti.dialing.models import Channel, Delivery, Outcome

MOST_PEOPLE = 50_000
"""Numbers that one order may name."""


@dataclass(frozen=True)
class Person:
    """Whom to reach, and what fills the tags for them, their ``name`` among it."""

    number: str | int
    variables: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    sid: UUID


@dataclass(frozen=True, slots=True)
class Refused:
    """One of a list that is not called, and the input at fault: ``number`` or ``variables``."""

    field: str
    message: str


class State(StrEnum):
    WAITING = "waiting"
    DIALING = "dialing"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class DirectCall:
    """One that was ordered, and what became of it.

    Times and the length are those of the latest attempt; one that waits to be tried again keeps them.

    Attributes:
        outcome: Once it has ended, and ``reason`` with it.
        number: In E.164; empty once the contact that had it was deleted, as ``variables`` are then.
        variables: As they were given.
        text: What was said in place of the campaign's message, or sent.
        campaign_id: None for a message.
        attempt_id: The latest attempt; None before the first.
        delivery: What became of an accepted message.
        credits: Charged so far.
    """

    sid: UUID
    channel: Channel
    state: State
    outcome: Outcome | None
    reason: str | None
    number: str
    variables: Mapping[str, Any]
    text: str | None
    campaign_id: int | None
    plan_id: int
    target_id: int
    attempt_id: UUID | None
    created_at: datetime
    sent_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    duration_ms: int
    delivery: Delivery | None
    credits: int
