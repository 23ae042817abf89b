"""The SQL of idempotency keys."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.idempotency.models import IdempotencyKey


async def try_lock(session: AsyncSession, account_id: int, key: str) -> bool:
    """Whether the key is this transaction's until it ends; the lock ends with a lost connection too."""
    statement = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:key, 0))")
    return bool(await session.scalar(statement, {"key": f"idempotency key {account_id}/{key}"}))


async def live(session: AsyncSession, account_id: int, key: str) -> IdempotencyKey | None:
    statement = select(IdempotencyKey).where(
        IdempotencyKey.account_id == account_id,
        IdempotencyKey.key == key,
        IdempotencyKey.expires_at > func.now(),
    )
    return (await session.scalars(statement)).one_or_none()


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
