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

from ghanti.networks import customer

WINDOW_SECONDS = 300.0
FAILURES_PER_USER = 5
FAILURES_PER_ADDRESS = 50
FAILURES_PER_EMAIL = 50
"""From anywhere: so many that nobody locks a user out by the way."""

_REMEMBERED = 10_000


_Key = tuple[str | None, str | None]
"""An email and where it is tried from; None for any."""


class LoginThrottle:
    """Counts failed logins by email and address, by address and by email, over a sliding five minutes.

    A try counts as failed from its beginning, so that many at once are not all let through. Of IPv6 addresses
    the network counts (``ghanti.networks.customer``).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[_Key, deque[float]] = {}

    def wait(self, email: str, address: str) -> int:
        """Seconds until the next try is allowed; 0 when it is allowed now."""
        return max(self._wait(key, allowed) for key, allowed in _keys(email, address).items())

    def begin(self, email: str, address: str) -> None:
        """Count a try, until it succeeds, as a failure."""
        now = self._clock()
        for key, allowed in _keys(email, address).items():
            if key not in self._failures and len(self._failures) >= _REMEMBERED:
                self._failures.pop(next(iter(self._failures)))
            self._failures.setdefault(key, deque(maxlen=allowed)).append(now)

    def succeeded(self, email: str, address: str) -> None:
        both, *each = _keys(email, address)
        self._failures.pop(both, None)
        for key in each:
            if tries := self._failures.get(key):
                tries.pop()

    def _wait(self, key: _Key, allowed: int) -> int:
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


def _keys(email: str, address: str) -> dict[_Key, int]:
    """What a try is counted by, with how many failures it may have."""
    place = customer(address)
    return {
        (email, place): FAILURES_PER_USER,
        (None, place): FAILURES_PER_ADDRESS,
        (email, None): FAILURES_PER_EMAIL,
    }
