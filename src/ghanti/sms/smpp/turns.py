"""Who submits next: turns come at the pacer's pace, and go to urgent texts first."""

from __future__ import annotations

import asyncio
from collections import deque

from ghanti.sms.smpp.pacing import Pacer


class Turns:
    """Hands out the turns of a pacer, one at a time, in the order asked for; urgent ones before others."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self._loop = asyncio.get_running_loop()
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def ask(self, urgent: bool) -> asyncio.Future[None]:
        """Done when the turn has come. One that is cancelled before gives its place to the next."""
        turn: asyncio.Future[None] = self._loop.create_future()
        (self._urgent if urgent else self._others).append(turn)
        if self._timer is None:
            self._serve()
        return turn

    def _serve(self) -> None:
        self._timer = None
        while self._waiting():
            wait = self._pacer.due()
            if wait > 0:
                self._timer = self._loop.call_later(wait, self._serve)
                return
            self._pacer.reserve()
            (self._urgent or self._others).popleft().set_result(None)

    def _waiting(self) -> bool:
        for queue in (self._urgent, self._others):
            while queue and queue[0].done():
                queue.popleft()
        return bool(self._urgent or self._others)
