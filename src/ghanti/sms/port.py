"""What the engine knows of sending texts, whoever carries them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Protocol

from ghanti.sms.receipts import Receipt


@dataclass(frozen=True, slots=True)
class OutgoingSms:
    """A whole text to one phone: `to` in E.164, `source` the sender when it isn't the account's own.

    An `urgent` one leaves before all others that wait for the carrier's pace.
    """

    to: str
    text: str
    source: str | None = None
    validity: timedelta | None = None
    urgent: bool = False


class SendOutcome(StrEnum):
    """What became of a whole text.

    accepted: every part was taken. refused: nothing was, and asking again now gives the same answer.
    throttled: nothing was taken, the carrier is busy. not_sent: nothing left. partly: some parts were
    taken and the rest was not, so the phone gets a torn text. unknown: a part may have been taken.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
    THROTTLED = "throttled"
    NOT_SENT = "not_sent"
    PARTLY = "partly"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SentPart:
    """Part `number` (from 1) and the carrier's id for it; empty when it accepted the part without one."""

    number: int
    message_id: str


@dataclass(frozen=True, slots=True)
class SendResult:
    """`parts` are the accepted ones, also when the outcome is partly or unknown.

    `total` is how many parts the text has, 0 when it could not be split. `status` is the carrier's code
    for the part that failed, `reason` the same for people. `permanent` says that the same text to the same
    phone would be refused again.
    """

    outcome: SendOutcome
    total: int
    parts: tuple[SentPart, ...] = ()
    status: int | None = None
    permanent: bool = False
    reason: str = ""

    @property
    def attempted(self) -> bool:
        """Whether this was an attempt at the contact; else nothing was accepted and the text may go again."""
        return self.outcome not in (SendOutcome.THROTTLED, SendOutcome.NOT_SENT)


OnReceipts = Callable[[list[Receipt]], Awaitable[None]]
"""Gets receipts in batches. When it returns they are kept; when it raises the carrier sends them again."""


class SmsChannel(Protocol):
    """One way of sending texts. Receipts go to the `OnReceipts` that it was made with."""

    @property
    def free(self) -> int:
        """Texts that may be sent now without waiting for another; 0 while the channel is down."""

    async def start(self) -> None:
        """Begin to connect; returns without waiting for it."""

    async def stop(self) -> None:
        """Let what is under way end, within seconds, and disconnect."""

    async def send(self, message: OutgoingSms) -> SendResult:
        """Send all parts of a text. A carrier's fault is a result, never an exception."""
