"""Whole texts over an SMPP session."""

from __future__ import annotations

import random

from ghanti.sms.port import OnReceipts, OutgoingSms, SendOutcome, SendResult, SentPart
from ghanti.sms.segments import Segments, TooLongError, segment
from ghanti.sms.smpp.commands import UDH_INDICATOR, Status
from ghanti.sms.smpp.config import SmscConfig
from ghanti.sms.smpp.pdus import PduError, SubmitSm
from ghanti.sms.smpp.results import SubmitOutcome, SubmitResult
from ghanti.sms.smpp.session import OnState, SmppSession

_OUTCOMES = {
    SubmitOutcome.REFUSED: SendOutcome.REFUSED,
    SubmitOutcome.THROTTLED: SendOutcome.THROTTLED,
    SubmitOutcome.NOT_SENT: SendOutcome.NOT_SENT,
}


class SmppChannel:
    """An `SmsChannel` over one SMSC account.

    The parts of a text go one after the other: when the first is refused the rest isn't wasted, and a text
    takes one place in the window, however long it is.
    """

    def __init__(self, config: SmscConfig, on_receipts: OnReceipts, on_state: OnState | None = None) -> None:
        self._config = config
        self._session = SmppSession(config, on_receipts, on_state)
        self._reference = random.randrange(256)

    @property
    def free(self) -> int:
        return self._session.free

    async def start(self) -> None:
        self._session.start()

    async def stop(self) -> None:
        await self._session.stop()

    async def wait_up(self) -> None:
        """Return once texts can be sent."""
        await self._session.wait_bound()

    async def send(self, message: OutgoingSms) -> SendResult:
        try:
            segments = segment(message.text)
            submits = self._submits(message, segments)
        except (TooLongError, PduError) as error:
            status = Status.ESME_RINVMSGLEN if isinstance(error, TooLongError) else error.status
            return SendResult(SendOutcome.REFUSED, 0, status=status, permanent=True, reason=str(error))
        accepted: list[SentPart] = []
        for number, submit in enumerate(submits, start=1):
            result = await self._session.submit(submit, urgent=message.urgent)
            if result.outcome is not SubmitOutcome.ACCEPTED:
                return _failed(len(submits), accepted, result)
            accepted.append(SentPart(number, result.message_id))
        return SendResult(SendOutcome.ACCEPTED, len(submits), tuple(accepted))

    def _submits(self, message: OutgoingSms, segments: Segments) -> list[SubmitSm]:
        config = self._config
        self._reference = (self._reference + 1) % 256
        source = config.source_address(message.source)
        destination = config.destination_address(message.to)
        validity = config.validity_period(message.validity)
        esm_class = UDH_INDICATOR if len(segments.parts) > 1 else 0
        return [
            SubmitSm(
                source=source,
                destination=destination,
                short_message=short_message,
                data_coding=segments.encoding.data_coding,
                esm_class=esm_class,
                validity_period=validity,
            )
            for short_message in segments.short_messages(self._reference)
        ]


def _failed(total: int, accepted: list[SentPart], result: SubmitResult) -> SendResult:
    if result.outcome is SubmitOutcome.UNKNOWN:
        outcome = SendOutcome.UNKNOWN
    else:
        outcome = SendOutcome.PARTLY if accepted else _OUTCOMES[result.outcome]
    return SendResult(
        outcome,
        total,
        tuple(accepted),
        result.status,
        result.permanent,
        result.reason,
    )
