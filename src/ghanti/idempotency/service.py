"""The rules of idempotency keys: a repeated request is answered as the first was, and has no second effect.

The key is an advisory lock of the transaction in which the request has its effect, and the answer is a
row of the same transaction. So a process that is killed before the commit has done nothing and holds
nothing, and one that is killed after it has done everything, the answer included: a repetition does the
work or repeats the answer, never both. No lease has to run out first.

The key is taken as that transaction begins and no sooner: what a request prepares before it, such as audio,
takes its time without a connection, with a key as without.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from collections.abc import AsyncIterable
from dataclasses import dataclass
from datetime import timedelta

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection, Row, event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, SessionTransaction

from ghanti.accounts.errors import ConflictError, UnprocessableError
from ghanti.database.session import SessionFactory, transaction
from ghanti.encryption import SecretBox
from ghanti.idempotency import repository

LIFETIME = timedelta(hours=24)
LONGEST_ANSWER = 4 * 1024 * 1024
"""Bytes of an answer, compressed, that are kept; a bulk add of 50,000 contacts is answered in about half."""

_SWEEP_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, and a body unless it was too large to keep."""

    status: int
    media_type: str
    body: bytes | None


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request under an account's key; equal ones have equal fingerprints (``AnswerSafe``)."""

    account_id: int
    key: str
    fingerprint: bytes


class KeyTakenError(ConflictError):
    """A request under the key is under way."""


class AnsweredBeforeError(Exception):
    """The request was carried out before, with this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class AnswerSafe:
    """Keeps answers, which may hold a new API token, encrypted, and requests only as their HMAC."""

    def __init__(self, box: SecretBox) -> None:
        self._fernet = Fernet(base64.urlsafe_b64encode(box.derive("idempotent answers")))
        self._mac_key = box.derive("idempotent requests")

    async def fingerprint(self, parts: AsyncIterable[bytes]) -> bytes:
        """HMAC-SHA-256 of the parts, each of which counts with its length."""
        mac = hmac.new(self._mac_key, digestmod=hashlib.sha256)
        async for part in parts:
            mac.update(len(part).to_bytes(8, "big"))
            mac.update(part)
        return mac.digest()

    def seal(self, body: bytes) -> bytes | None:
        """The body as it is kept; None for one that is too large."""
        small = zlib.compress(body, 1)
        return self._fernet.encrypt(small) if len(small) <= LONGEST_ANSWER else None

    def open(self, sealed: bytes) -> bytes | None:
        """The body; None for one that was kept under another master key."""
        try:
            return zlib.decompress(self._fernet.decrypt(sealed))
        except InvalidToken:
            return None


async def answered(session: AsyncSession, safe: AnswerSafe, request: KeyedRequest) -> Answer | None:
    """What was answered before, if anything. Raises UnprocessableError as ``guard`` does."""
    found = await session.execute(repository.live(request.account_id, request.key))
    return _known(found.one_or_none(), safe, request)


def guard(session: AsyncSession, safe: AnswerSafe, request: KeyedRequest) -> None:
    """Let the session's transaction take the key as it begins, and hold it until it ends.

    Whatever begins it may then raise:
        AnsweredBeforeError: The request was carried out meanwhile.
        KeyTakenError: A request under this key is under way.
        UnprocessableError: The key was used for another request.
    """

    def take(_session: Session, begun: SessionTransaction, connection: Connection) -> None:
        if begun.nested:
            return
        if not repository.try_lock(connection, request.account_id, request.key):
            raise KeyTakenError("A request with this Idempotency-Key is still being carried out.")
        # A statement of its own: what the lock's former holder committed is seen by those that begin after.
        found = connection.execute(repository.live(request.account_id, request.key))
        known = _known(found.one_or_none(), safe, request)
        if known is not None:
            raise AnsweredBeforeError(known)

    event.listen(session.sync_session, "after_begin", take)


async def complete(session: AsyncSession, safe: AnswerSafe, request: KeyedRequest, answer: Answer) -> None:
    """Keep the answer for a day, once the transaction commits; it must be guarded."""
    body = None if answer.body is None else safe.seal(answer.body)
    await repository.put(
        session,
        request.account_id,
        request.key,
        request.fingerprint,
        answer.status,
        answer.media_type,
        body,
        LIFETIME,
    )


async def sweep(sessions: SessionFactory) -> None:
    """Remove the answers that have expired."""
    removed = _SWEEP_ROWS
    while removed == _SWEEP_ROWS:
        async with transaction(sessions) as session:
            removed = await repository.remove_expired(session, _SWEEP_ROWS)


def _known(
    row: Row[bytes, int, str, bytes | None] | None, safe: AnswerSafe, request: KeyedRequest
) -> Answer | None:
    if row is None:
        return None
    if not hmac.compare_digest(row.fingerprint, request.fingerprint):
        raise UnprocessableError("This Idempotency-Key was used for another request.")
    return Answer(row.status, row.media_type, None if row.body is None else safe.open(row.body))
