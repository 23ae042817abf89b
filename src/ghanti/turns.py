"""Turns at what only a few may do at a time, of which no account gets more than its share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary


class NoTurnError(Exception):
    """Others kept all turns for too long; ``message`` says so, and ``retry_after`` when to ask again."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class Turns:
    """Who waits is served in order, each account among its own first: one with many waits behind itself.

    Args:
        at_once: How many may go on at one time in this process.
        each: How many of those may be of one account.
    """

    def __init__(self, at_once: int, each: int) -> None:
        self._all = asyncio.Semaphore(at_once)
        self._each = each
        # Those of accounts that have and want no turn are forgotten.
        self._own: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    async def take(self, account_id: int) -> Callable[[], None]:
        """Wait for a turn; answers what ends it, to be called once."""
        own = self._own.setdefault(account_id, asyncio.Semaphore(self._each))
        await own.acquire()
        try:
            await self._all.acquire()
        except BaseException:
            own.release()
            raise

        def end() -> None:
            self._all.release()
            own.release()

        return end

    async def take_within(self, seconds: float, account_id: int, what: str) -> Callable[[], None]:
        """The same, for at most so long. Raises NoTurnError, which names ``what`` there is too much of."""
        try:
            async with asyncio.timeout(seconds):
                return await self.take(account_id)
        except TimeoutError:
            raise NoTurnError(f"Too many {what} are under way. Try again.", max(1, round(seconds))) from None

    @asynccontextmanager
    async def turn(self, account_id: int) -> AsyncIterator[None]:
        """A turn for the length of the block."""
        end = await self.take(account_id)
        try:
            yield
        finally:
            end()
