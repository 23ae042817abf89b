"""What became of a submit, told honestly."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SubmitOutcome(StrEnum):
    """`UNKNOWN` is the one that must never be followed by a silent resend: the SMSC may have it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    THROTTLED = "throttled"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """One part's outcome.

    `message_id` is the SMSC's, when accepted (empty if it gave none). `status` is its command_status, when it
    answered. `permanent` says that the same message would be refused again. `reason` is for people.
    """

    outcome: SubmitOutcome
    message_id: str = ""
    status: int | None = None
    permanent: bool = False
    reason: str = ""
