"""The SQL of idempotency keys."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, Select, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.idempotency.models import IdempotencyKey


def try_lock(connection: Connection, account_id: int, key: str) -> bool:
    """Whether the key is this transaction's until it ends; the lock ends with a lost connection too."""
    statement = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")
    return bool(connection.scalar(statement, {"key": f"idempotency key {account_id}/{key}"}))


def live(account_id: int, key: str) -> Select[bytes, int, str, bytes | None]:
    """What was answered under a key, unless it has expired."""
    columns = (
        IdempotencyKey.fingerprint,
        IdempotencyKey.status,
        IdempotencyKey.media_type,
        IdempotencyKey.body,
    )
    return select(*columns).where(
        IdempotencyKey.account_id == account_id,
        IdempotencyKey.key == key,
        IdempotencyKey.expires_at > func.now(),
    )


async def put(
    session: AsyncSession,
    account_id: int,
    key: str,
    fingerprint: bytes,
    status: int,
    media_type: str,
    body: bytes | None,
    lifetime: timedelta,
) -> None:
    """Keep an answer, in place of one that has expired."""
    values = {
        "fingerprint": fingerprint,
        "status": status,
        "media_type": media_type,
        "body": body,
        "expires_at": func.now() + lifetime,
    }
    statement = insert(IdempotencyKey).values(account_id=account_id, key=key, **values)
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=[IdempotencyKey.account_id, IdempotencyKey.key], set_=values
        )
    )


async def remove_expired(session: AsyncSession, most: int) -> int:
    """Remove up to ``most`` rows that have expired; answers how many."""
    expired = (
        select(IdempotencyKey.account_id, IdempotencyKey.key)
        .where(IdempotencyKey.expires_at <= func.now())
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("expired")
    )
    removed = await session.scalars(
        delete(IdempotencyKey)
        .where(IdempotencyKey.account_id == expired.c.account_id, IdempotencyKey.key == expired.c.key)
        .returning(IdempotencyKey.account_id)
        .execution_options(synchronize_session=False)
    )
    return len(removed.all())
