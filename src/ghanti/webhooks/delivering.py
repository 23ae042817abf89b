"""Sending what was ordered: at least once, again with growing pauses, for a day at most.

A delivery is leased, sent, and then recorded. Who dies in between leaves a lease that runs out, and another
sends it again: so a receiver may see one twice, under one id.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from typing import Any
from uuid import UUID, uuid4

import orjson

from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing.worker import until_committed
from ghanti.encryption import DecryptionError, SecretBox
from ghanti.fetching import FetchRefusedError, NoAnswerError, SafeFetcher
from ghanti.settings import Settings
from ghanti.turns import NoTurnError
from ghanti.webhooks import repository, request
from ghanti.webhooks.models import DeliveryState

logger = logging.getLogger(__name__)

AT_ONCE = 16
"""Requests that one process has under way."""

EACH = 4
"""Of those, how many of one account: whose receivers are slow must not hold up others'."""

ANSWER_SECONDS = 15.0
LEASE_SECONDS = 60.0
GIVE_UP_SECONDS = 86_400
_IDLE_SECONDS = 1.0

_PAUSES = (5, 30, 120, 600, 1800, 3600, 7200)
"""Seconds before each further try; the last again and again."""

_LONGEST_PAUSE = 7200
_AGAIN = frozenset({408, 425, 429, *range(500, 600)})
"""Answers that another try may change."""


class Deliverer:
    """Sends deliveries of all accounts. Any number of processes may each have one."""

    def __init__(
        self,
        sessions: SessionFactory,
        settings: Settings,
        box: SecretBox,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._sessions = sessions
        self._box = box
        self._fetcher = SafeFetcher(settings, at_once=AT_ONCE, each=EACH)
        self._answer_seconds = answer_seconds
        self._lease_seconds = lease_seconds
        self._under_way: dict[asyncio.Task[None], int] = {}

    async def pass_once(self) -> int:
        """Begin what is due, as far as there is room, and wait a little for any of it; answers how much."""
        begun = await self._begin() if len(self._under_way) < AT_ONCE else 0
        if self._under_way:
            await self._end(timeout=_IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(_IDLE_SECONDS)
        return begun

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        if self._under_way:
            await self._end()

    async def close(self) -> None:
        """Drop what is under way: whoever leases it next sends it again."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._under_way.clear()

    async def _end(self, **until: Any) -> None:
        done, _ = await asyncio.wait(self._under_way, **until)
        for task in done:
            del self._under_way[task]
            if error := task.exception():
                logger.error("a web hook's delivery was not recorded: %s", type(error).__name__)

    async def _begin(self) -> int:
        token = uuid4()
        async with transaction(self._sessions) as session:
            rows = await repository.lease(
                session,
                token,
                self._lease_seconds,
                AT_ONCE - len(self._under_way),
                EACH,
                Counter(self._under_way.values()),
            )
            secrets = await repository.secrets(session, [row.account_id for row in rows]) if rows else {}
        for row in rows:
            task = asyncio.create_task(self._deliver(row, token, secrets.get(row.account_id)))
            self._under_way[task] = row.account_id
        return len(rows)

    async def _deliver(self, row: Any, token: UUID, secret: bytes | None) -> None:
        state, status, error, pause = await self._tried(row, secret)

        async def conclude() -> None:
            async with transaction(self._sessions) as session:
                await repository.conclude(
                    session,
                    row.account_id,
                    row.id,
                    token,
                    state,
                    status=status,
                    error=error,
                    again_seconds=pause,
                )

        await until_committed(conclude, "recording a web hook's delivery")
        if state is DeliveryState.FAILED:
            logger.warning("delivery %s of a web hook failed after %d tries", row.id, row.attempts)

    async def _tried(
        self, row: Any, secret: bytes | None
    ) -> tuple[DeliveryState, int | None, str | None, float]:
        """Send it once: its state from now on, the status and what went wrong, seconds until another try."""
        status: int | None = None
        wanted = 0
        try:
            status, wanted = await self._send(row, secret)
        except (NoAnswerError, NoTurnError) as error:
            reason = error.message
        except DecryptionError as error:
            reason = str(error)
        except FetchRefusedError as error:
            return DeliveryState.FAILED, None, error.message, 0
        except Exception:
            # Never with its traceback: that could quote what is secret.
            logger.error("delivery %s of a web hook could not be made", row.id)
            return DeliveryState.FAILED, None, "The request could not be made.", 0
        else:
            if 200 <= status < 300:
                return DeliveryState.DELIVERED, status, None, 0
            reason = f"The address answers with status {status}."
            if status not in _AGAIN:
                return DeliveryState.FAILED, status, reason, 0
        pause = _pause(row.attempts, wanted)
        if row.age + pause > GIVE_UP_SECONDS:
            return DeliveryState.FAILED, status, reason, 0
        return DeliveryState.WAITING, status, reason, pause

    async def _send(self, row: Any, secret: bytes | None) -> tuple[int, int]:
        """The status of the answer, and the seconds that it asks to be left alone for."""
        told = orjson.loads(self._box.decrypt(row.sealed))
        key = self._box.decrypt(secret) if secret is not None else ""
        made = request.build(row.method, told, row.variables or {}, row.id, key, int(time.time()))
        sent = await self._fetcher.send(
            made.method,
            made.url,
            account_id=row.account_id,
            headers=made.headers,
            params=made.params,
            body=made.body,
            seconds=self._answer_seconds,
        )
        return sent.status, sent.retry_after or 0


def _pause(attempts: int, wanted: int) -> float:
    """Seconds until the next try, after so many and what the receiver wants; never two at the same moment."""
    pause = _PAUSES[min(attempts, len(_PAUSES)) - 1] * random.uniform(0.8, 1.2)
    return max(pause, min(wanted, _LONGEST_PAUSE))
