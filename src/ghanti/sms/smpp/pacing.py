"""How fast submits may go out: a rate that learns what the SMSC really allows.

It begins at a quarter of the ceiling, doubles every second until the SMSC throttles for the first time, and
from then on halves when throttled and creeps back (additive increase, multiplicative decrease).
"""

from __future__ import annotations

from collections.abc import Callable

_START = 0.25
_CREEP = 0.02
_INTERVAL = 1.0
_DEPTH = 0.05


class Pacer:
    """Hands out turns. `ceiling` is in messages a second, times are in seconds of `clock`."""

    def __init__(self, ceiling: float, clock: Callable[[], float]) -> None:
        self._ceiling = ceiling
        self._floor = min(1.0, ceiling)
        self._clock = clock
        self._next = self._changed = clock()
        self._cut: float | None = None
        self.rate = max(self._floor, ceiling * _START)

    def due(self) -> float:
        """In how many seconds the next turn comes."""
        return max(0.0, self._next - self._clock())

    def reserve(self) -> float:
        """Take the next turn; returns how long to wait for it.

        A pause saves up no more than 0.05 s of turns: an SMSC that counts by the second would
        see a deeper bucket as a burst.
        """
        now = self._clock()
        turn = max(self._next, now - _DEPTH)
        self._next = turn + 1.0 / self.rate
        return max(0.0, turn - now)

    def accepted(self) -> None:
        """The SMSC took a message at this rate."""
        if self.rate >= self._ceiling or self._clock() - self._changed < _INTERVAL:
            return
        self._changed = self._clock()
        faster = self.rate * 2 if self._cut is None else self.rate + self._ceiling * _CREEP
        self.rate = min(self._ceiling, faster)

    def throttled(self) -> None:
        """The SMSC said no. One window's worth of refusals counts once."""
        now = self._clock()
        if self._cut is None or now - self._cut >= _INTERVAL:
            self._cut = self._changed = now
            self.rate = max(self._floor, self.rate / 2)
