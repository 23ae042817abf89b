"""Who asks: bearers of credentials, remembered for a moment so that not every request asks the database."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts import service as accounts
from ghanti.accounts.errors import UnauthenticatedError
from ghanti.accounts.service import Principal
from ghanti.accounts.tokens import SessionTokens
from ghanti.api.limits import RequestLimits
from ghanti.database.session import SessionFactory, transaction

MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    checked_at: float


class _Check(Protocol):
    def __call__(
        self, session: AsyncSession, sessions: SessionTokens, credential: str, /
    ) -> Awaitable[Principal]: ...


class Authenticator:
    """Knows the bearers of credentials, and counts their requests.

    A credential that was good is taken as good for ``memory_seconds``: that long, at most, one lives on that
    another process revoked, and a change of its account is not seen. Past that it is looked up again, but
    known as one that existed, so that its bearer does not suffer from neighbours who guess. Unknown
    credentials are never remembered.
    """

    def __init__(
        self,
        sessions: SessionFactory,
        tokens: SessionTokens,
        limits: RequestLimits,
        memory_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._limits = limits
        self._memory_seconds = memory_seconds
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._asking: dict[tuple[bytes, int], asyncio.Task[Principal]] = {}
        self._forgotten = 0

    async def bearer(self, credential: str, address: str) -> Principal:
        """The bearer of a TingTing token or access token, who asks from ``address``.

        Raises:
            UnauthenticatedError: Nobody we know.
            ThrottledError: Somebody who asks too much; said without asking the database.
        """
        return await self._who(accounts.authenticate, credential, address)

    async def toingg(self, credential: str, address: str) -> Principal:
        """The bearer of a Toingg token. Raises as ``bearer`` does."""
        return await self._who(accounts.authenticate_toingg, credential, address)

    async def cookie(self, token: str, address: str) -> Principal:
        """The bearer of an access token alone. Raises as ``bearer`` does."""
        return await self._who(accounts.authenticate_access, token, address)

    def forget(self, user_id: int) -> None:
        """Look the user's credentials up again from now on: one of them was revoked."""
        self._forgotten += 1
        for key in [key for key, known in self._known.items() if known.principal.user_id == user_id]:
            del self._known[key]

    async def _who(self, check: _Check, credential: str, address: str) -> Principal:
        key = hashlib.sha256(f"{check.__name__} {credential}".encode(errors="replace")).digest()  # type: ignore[attr-defined]
        known = self._known.get(key)
        now = self._clock()
        if known is None:
            self._limits.check(address)
            principal = await self._ask(check, credential, key, address)
            self._limits.count(principal.user_id)
            return principal
        self._limits.count(known.principal.user_id)
        if now - known.checked_at < self._memory_seconds:
            return known.principal
        return await self._ask_once(check, credential, key, address)

    async def _ask_once(self, check: _Check, credential: str, key: bytes, address: str) -> Principal:
        """Ask again for a credential that was good, once for all requests at this time that bear it.

        One that comes after a revocation does not take an answer from before it.
        """
        asked = (key, self._forgotten)
        asking = self._asking.get(asked)
        if asking is None:
            asking = asyncio.create_task(self._ask(check, credential, key, address))
            self._asking[asked] = asking
            asking.add_done_callback(lambda _: self._asking.pop(asked, None))
            asking.add_done_callback(_heard)
        # Whoever goes away meanwhile must not take it from the others.
        return await asyncio.shield(asking)

    async def _ask(self, check: _Check, credential: str, key: bytes, address: str) -> Principal:
        now, forgotten = self._clock(), self._forgotten
        try:
            # A transaction of its own, over before the body is read: a slow upload must hold no connection.
            async with transaction(self._sessions) as session:
                principal = await check(session, self._tokens, credential)
        except UnauthenticatedError:
            self._known.pop(key, None)
            self._limits.failed(address)
            raise
        if forgotten == self._forgotten:
            self._known[key] = _Known(principal, now)
            self._known.move_to_end(key)
            if len(self._known) > MOST_REMEMBERED:
                self._known.popitem(last=False)
        return principal


def _heard(asked: asyncio.Task[Principal]) -> None:
    """Nobody may be left to hear why it failed, which asyncio would complain of."""
    if not asked.cancelled():
        asked.exception()
