"""Slowing down those who guess passwords.

Failures are counted in this process's memory: several API processes each allow the same number,
and a restart forgets. That is enough against guessing, since each try also costs a tenth of a
second of hashing.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

WINDOW_SECONDS = 300.0
FAILURES_PER_USER = 5
FAILURES_PER_ADDRESS = 50
_REMEMBERED = 10_000


class LoginThrottle:
    """Counts failed logins by (email, address) and by address, over a sliding window of five minutes.

    A try counts as failed from its beginning, so that many at once are not all let through.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[tuple[str, ...], deque[float]] = {}

    def wait(self, email: str, address: str) -> int:
        """Seconds until the next try is allowed; 0 when it is allowed now."""
        return max(
            self._wait((email, address), FAILURES_PER_USER), self._wait((address,), FAILURES_PER_ADDRESS)
        )

    def begin(self, email: str, address: str) -> None:
        """Count a try, until it succeeds, as a failure."""
        now = self._clock()
        for key in ((email, address), (address,)):
            if key not in self._failures and len(self._failures) >= _REMEMBERED:
                self._failures.pop(next(iter(self._failures)))
            self._failures.setdefault(key, deque(maxlen=FAILURES_PER_ADDRESS)).append(now)

    def succeeded(self, email: str, address: str) -> None:
        self._failures.pop((email, address), None)
        if tries := self._failures.get((address,)):
            tries.pop()

    def _wait(self, key: tuple[str, ...], allowed: int) -> int:
        times = self._failures.get(key)
        if times is None:
            return 0
        oldest = self._clock() - WINDOW_SECONDS
        while times and times[0] <= oldest:
            times.popleft()
        if not times:
            del self._failures[key]
            return 0
        if len(times) < allowed:
            return 0
        return max(1, math.ceil(times[-allowed] - oldest))
