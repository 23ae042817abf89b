"""What becomes of a call, in the words of Twilio, which Toingg's clients read."""

from __future__ import annotations

from typing import Final

from ghanti.dialing.models import Outcome
from ghanti.direct.schemas import DirectCall, State

COMPLETED: Final = "completed"

UNDER_WAY: Final = {
    State.WAITING: "queued",
    State.DIALING: "queued",
    State.RINGING: "ringing",
    State.ANSWERED: "in-progress",
}

ENDED: Final = {
    Outcome.COMPLETED: COMPLETED,
    Outcome.HUNGUP: COMPLETED,
    Outcome.BUSY: "busy",
    Outcome.NO_ANSWER: "no-answer",
    Outcome.REJECTED: "failed",
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "failed",
    Outcome.INVALID_NUMBER: "failed",
    Outcome.EXPIRED: "canceled",
    Outcome.BLOCKED: "canceled",
    Outcome.CANCELLED: "canceled",
}

_EXPLAINED = frozenset({"failed", "canceled"})


def status_of(call: DirectCall) -> str:
    """The status of a call."""
    if call.state is State.ENDED and call.outcome is not None:
        return ENDED[call.outcome]
    return UNDER_WAY.get(call.state, "queued")


def error_of(call: DirectCall) -> str | None:
    """Why a call was not to be, or None."""
    if status_of(call) not in _EXPLAINED or call.outcome is None:
        return None
    return call.reason or call.outcome.value
