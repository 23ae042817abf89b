"""How many requests a user may make, and how many unknown credentials an address may try, each minute.

Counts are kept in this process' memory, as a sliding window of two counters each: several API processes
each allow the same number, and a restart forgets. Only users who exist are counted, so that made-up
tokens take no memory; addresses are forgotten after two minutes, and all at once past ``MOST_ADDRESSES``.
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from ghanti.accounts.errors import ThrottledError
from ghanti.networks import customer

MOST_ADDRESSES = 20_000
_PURGE_SECONDS = 60.0


class _QuietStorage(MemoryStorage):
    """Removes counters that expired when new ones are made, not in a thread every ten milliseconds."""

    _next_purge = 0.0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        count = self.get(key) + amount
        if count == amount:
            self._purge(time.time())
            self.expirations[key] = time.time() + expiry
        self.storage[key] = count
        return count

    def _purge(self, now: float) -> None:
        if now < self._next_purge:
            return
        self._next_purge = now + _PURGE_SECONDS
        for key in [key for key, expires_at in self.expirations.items() if expires_at <= now]:
            self.clear(key)


class RequestLimits:
    """Args: how many requests a user and how many failures an address may have in any one minute."""

    def __init__(self, requests_per_minute: int, failures_per_minute: int) -> None:
        self._requests = RateLimitItemPerMinute(requests_per_minute)
        self._failures = RateLimitItemPerMinute(failures_per_minute)
        self._users = SlidingWindowCounterRateLimiter(_QuietStorage())
        self._storage = _QuietStorage()
        self._addresses = SlidingWindowCounterRateLimiter(self._storage)

    def count(self, user_id: int) -> None:
        """Count a request of a user. Raises ThrottledError for one too many, which is not counted."""
        if not self._users.hit(self._requests, str(user_id)):
            raise ThrottledError(
                "Too many requests. Try again later.", _wait(self._users, self._requests, str(user_id))
            )

    def check(self, address: str) -> None:
        """Raises ThrottledError for an address that tried too many unknown credentials."""
        network = customer(address)
        if not self._addresses.test(self._failures, network):
            raise ThrottledError(
                "Too many unknown credentials. Try again later.",
                _wait(self._addresses, self._failures, network),
            )

    def failed(self, address: str) -> None:
        """Count an unknown credential."""
        if len(self._storage.storage) >= MOST_ADDRESSES:
            self._storage.reset()
        self._addresses.hit(self._failures, customer(address))


def _wait(limiter: SlidingWindowCounterRateLimiter, item: RateLimitItem, name: str) -> int:
    """Seconds until one more is allowed."""
    freed_at = limiter.get_window_stats(item, name).reset_time
    # When the window's last counter becomes the one before, its first hit has still to slide out.
    return max(1, math.ceil(freed_at - time.time() + item.get_expiry() / item.amount))
