"""Admission: which orders of the dialler become calls."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from uuid import UUID

from ghanti.voice.call import Call, Services
from ghanti.voice.protocol import Dial, Ended, Extend, Hangup, Void

logger = logging.getLogger(__name__)

REMEMBERED_LEGS = 20_000
_Leg = tuple[UUID, int]


class Desk:
    """The calls of this process. A leg is dialled once, however often it is ordered."""

    def __init__(self, services: Services, capacity: int) -> None:
        self._services = services
        self.capacity = capacity
        self._calls: dict[_Leg, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._seen: OrderedDict[_Leg, None] = OrderedDict()
        self._draining = False

    @property
    def attempts(self) -> list[UUID]:
        """The attempts with a call in flight."""
        return [attempt for attempt, _ in self._calls]

    def dial(self, dial: Dial) -> None:
        """Start a call, or report at once why it isn't sent; a leg already seen is ignored."""
        leg = (dial.attempt, dial.leg)
        if not self._first_time(leg):
            logger.warning("leg %d of attempt %s was ordered again; its events tell its state", *leg[::-1])
        elif self._draining:
            self._refuse(leg, "draining")
        elif len(self._calls) >= self.capacity:
            self._refuse(leg, "capacity")
        else:
            self._start(leg, dial)

    def refuse_malformed(self, attempt: UUID, leg: int, detail: str) -> None:
        """Report a dial that could not be understood."""
        if self._first_time((attempt, leg)):
            self._refuse((attempt, leg), "malformed", detail)

    def void(self, order: Void) -> None:
        """Report a leg that was never ordered as not sent, and ignore its order should it come yet."""
        leg = (order.attempt, order.leg)
        if leg not in self._calls and self._first_time(leg):
            self._refuse(leg, "void")

    def hang_up(self, order: Hangup) -> None:
        for (attempt, _), call in self._calls.items():
            if attempt == order.attempt:
                call.stop("cancelled")

    def extend(self, order: Extend) -> None:
        for (attempt, _), call in self._calls.items():
            if attempt == order.attempt:
                call.extend(order.max_seconds)

    async def drain(self, grace_seconds: float, hurry: asyncio.Event) -> None:
        """Take no more calls, let those in flight end within the grace, then hang up what is left."""
        self._draining = True
        if self._tasks:
            impatient = asyncio.create_task(hurry.wait())
            ended = asyncio.create_task(asyncio.wait(set(self._tasks)))
            await asyncio.wait({ended, impatient}, timeout=grace_seconds, return_when=asyncio.FIRST_COMPLETED)
            impatient.cancel()
            for call in self._calls.values():
                call.stop("shutdown")
            await ended

    def _first_time(self, leg: _Leg) -> bool:
        if leg in self._seen:
            return False
        self._seen[leg] = None
        if len(self._seen) > REMEMBERED_LEGS:
            self._seen.popitem(last=False)
        return True

    def _refuse(self, leg: _Leg, reason: str, detail: str | None = None) -> None:
        self._services.report(Ended, *leg, reason=reason, detail=detail, not_sent=True)

    def _start(self, leg: _Leg, dial: Dial) -> None:
        call = Call(dial, self._services)
        self._calls[leg] = call
        task = asyncio.create_task(self._carry(leg, call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, leg: _Leg, call: Call) -> None:
        try:
            await call.run()
        finally:
            del self._calls[leg]
