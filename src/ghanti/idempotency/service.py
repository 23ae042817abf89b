"""The rules of idempotency keys: a repeated request is answered as the first was, and has no second effect.

The key is an advisory lock of the transaction in which the request has its effect, and the answer is a
row of the same transaction. So a process that is killed before the commit has done nothing and holds
nothing, and one that is killed after it has done everything, the answer included: a repetition does the
work or repeats the answer, never both. No lease has to run out first.
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
from sqlalchemy.ext.asyncio import AsyncSession

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


async def begin(
    session: AsyncSession, safe: AnswerSafe, account_id: int, key: str, fingerprint: bytes
) -> Answer | None:
    """Take the key until the transaction ends; answers what was answered under it before, if anything.

    Raises:
        ConflictError: A request under this key is under way.
        UnprocessableError: The key was used for another request.
    """
    if not await repository.try_lock(session, account_id, key):
        raise ConflictError("A request with this Idempotency-Key is still being carried out.")
    # A statement of its own: what the lock's former holder committed is seen by those that begin after.
    row = await repository.live(session, account_id, key)
    if row is None:
        return None
    if not hmac.compare_digest(row.fingerprint, fingerprint):
        raise UnprocessableError("This Idempotency-Key was used for another request.")
    return Answer(row.status, row.media_type, None if row.body is None else safe.open(row.body))


async def complete(
    session: AsyncSession, safe: AnswerSafe, account_id: int, key: str, fingerprint: bytes, answer: Answer
) -> None:
    """Keep the answer for a day, once the transaction commits; the key must have been taken in it."""
    body = None if answer.body is None else safe.seal(answer.body)
    await repository.put(
        session, account_id, key, fingerprint, answer.status, answer.media_type, body, LIFETIME
    )


async def sweep(sessions: SessionFactory) -> None:
    """Remove the answers that have expired."""
    removed = _SWEEP_ROWS
    while removed == _SWEEP_ROWS:
        async with transaction(sessions) as session:
            removed = await repository.remove_expired(session, _SWEEP_ROWS)
