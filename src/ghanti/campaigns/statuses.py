"""What a contact's state is called on the wire: one table, for the API, the report and the rules."""

from __future__ import annotations

from typing import Final

from ghanti.dialing.models import AttemptState, Delivery, Outcome

NOT_STARTED: Final = "not started"

IN_FLIGHT: Final = {
    AttemptState.LEASED: "dialing",
    AttemptState.SENDING: "dialing",
    AttemptState.RINGING: "ringing",
    AttemptState.ANSWERED: "answered",
    AttemptState.ENDED: "dialing",
}
"""The status of a contact whose attempt is under way."""

FINAL: Final = {
    Outcome.COMPLETED: "completed",
    Outcome.HUNGUP: "hungup",
    Outcome.BUSY: "unanswered",
    Outcome.NO_ANSWER: "unanswered",
    Outcome.REJECTED: "failed",
    Outcome.FAILED: "failed",
    Outcome.UNKNOWN: "failed",
    Outcome.INVALID_NUMBER: "failed",
    Outcome.EXPIRED: "terminated",
    Outcome.BLOCKED: "terminated",
    Outcome.CANCELLED: "terminated",
}
"""The status of a contact by its outcome (design.md, "The life of an attempt")."""

SMS_DELIVERY: Final = {
    Delivery.AWAITED: "sent",
    Delivery.NOT_OFFERED: "sent",
    Delivery.DELIVERED: "delivered",
    Delivery.UNDELIVERED: "undelivered",
    Delivery.EXPIRED: "expired",
}
"""What became of an accepted message: the second axis, shown beside the status."""

FAILOVER_TARGETS: Final = ("not started", "hungup", "unanswered", "failed", "completed")
"""Contact statuses that may trigger a message in place of the call."""
