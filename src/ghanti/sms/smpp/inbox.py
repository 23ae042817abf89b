"""Delivery receipts on their way from a link to whoever keeps them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from ghanti.sms.port import OnReceipts
from ghanti.sms.receipts import Receipt, parse_receipt
from ghanti.sms.smpp.commands import Status
from ghanti.sms.smpp.link import Link
from ghanti.sms.smpp.pdus import DeliverSm, Pdu, PduError

logger = logging.getLogger(__name__)

_BATCH = 500
_LIMIT = 10_000


class Inbox:
    """Hands receipts over in batches and answers the SMSC only after that.

    A receipt is acknowledged once `on_receipts` returned; when it raises, the SMSC is told to try again
    later (ESME_RX_T_APPN), so a receipt is never lost between the wire and the database. It may come
    twice instead.
    """

    def __init__(self, on_receipts: OnReceipts) -> None:
        self._on_receipts = on_receipts
        self._queue: deque[tuple[Link, Pdu, Receipt]] = deque()
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work(), name="sms receipts")

    async def stop(self) -> None:
        """Stop at once; the SMSC sends again what was not acknowledged."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))

    def put(self, link: Link, pdu: Pdu) -> None:
        """Take a deliver_sm; what isn't a receipt is rejected for good, so that nothing vanishes silently."""
        try:
            receipt = parse_receipt(DeliverSm.decode(pdu.body))
        except PduError as error:
            logger.warning("malformed deliver_sm: %s", error)
            link.respond(pdu, error.status)
            return
        if receipt is None:
            logger.info("a deliver_sm that is no receipt was rejected")
            link.respond(pdu, Status.ESME_RX_P_APPN)
        elif len(self._queue) >= _LIMIT:
            link.respond(pdu, Status.ESME_RMSGQFUL)
        else:
            self._queue.append((link, pdu, receipt))
            self._arrived.set()

    async def _work(self) -> None:
        while True:
            await self._arrived.wait()
            batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
            if not self._queue:
                self._arrived.clear()
            status = await self._hand_over([receipt for _, _, receipt in batch])
            for link, pdu, _ in batch:
                link.respond(pdu, status)

    async def _hand_over(self, receipts: list[Receipt]) -> Status:
        try:
            await self._on_receipts(receipts)
        except Exception:
            logger.exception("%d receipts could not be kept; the SMSC will send them again", len(receipts))
            return Status.ESME_RX_T_APPN
        return Status.ESME_ROK
