"""Events that the dialler has not committed yet."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from uuid import UUID

from ghanti.voice.protocol import Ended, Event, EventType, Played


class EventLog:
    """Numbers events and keeps each until it is acked; only the newest progress of a leg is kept.

    Numbers rise but may leave gaps. A listener is told of every new event.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self.limit = limit
        self._seq = 0
        self._events: OrderedDict[int, Event] = OrderedDict()
        self._progress: dict[tuple[UUID, int], int] = {}
        self._listener: Callable[[Event], None] | None = None
        self.settled = asyncio.Event()
        self.settled.set()

    def __len__(self) -> int:
        return len(self._events)

    def __contains__(self, seq: int) -> bool:
        return seq in self._events

    @property
    def full(self) -> bool:
        """Whether the dialler owes so many acks that no more calls may begin."""
        return len(self._events) >= self.limit

    def report(
        self, event: EventType, attempt: UUID, leg: int, *, at: float | None = None, **fields: Any
    ) -> None:
        """Append an event; ``at`` is in Unix seconds, now when absent."""
        self._seq += 1
        entry = event(seq=self._seq, attempt=attempt, leg=leg, at=time.time() if at is None else at, **fields)
        if isinstance(entry, Played):
            superseded = self._progress.get((attempt, leg))
            if superseded is not None:
                self._events.pop(superseded, None)
            self._progress[attempt, leg] = self._seq
        elif isinstance(entry, Ended):
            self._progress.pop((attempt, leg), None)
        self._events[self._seq] = entry
        self.settled.clear()
        if self._listener is not None:
            self._listener(entry)

    def ack(self, seq: int) -> None:
        """Forget every event up to ``seq``."""
        while self._events and next(iter(self._events)) <= seq:
            self._events.popitem(last=False)
        if not self._events:
            self.settled.set()

    def attach(self, listener: Callable[[Event], None]) -> list[Event]:
        """Tell ``listener`` of what is to come, instead of any before it; returns what waits for an ack."""
        self._listener = listener
        return list(self._events.values())

    def detach(self, listener: Callable[[Event], None]) -> None:
        if self._listener is listener:
            self._listener = None
