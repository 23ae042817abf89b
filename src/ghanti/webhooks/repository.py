"""The SQL of web hooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.webhooks.models import DeliveryState, WebHook, WebHookDelivery, WebHookSecret

_NEWEST = 100


async def put(session: AsyncSession, values: Mapping[str, Any]) -> int:
    """Add a hook, or change the one of its name; answers its id."""
    statement = insert(WebHook).values(**values)
    changed = {name: statement.excluded[name] for name in ("method", "description", "sealed")}
    put = statement.on_conflict_do_update(
        index_elements=[WebHook.account_id, WebHook.name], set_=changed | {"updated_at": func.now()}
    )
    return int((await session.execute(put.returning(WebHook.id))).scalar_one())


async def count(session: AsyncSession, account_id: int, but: str) -> int:
    """How many hooks the account has beside the one of that name."""
    counted = select(func.count()).where(WebHook.account_id == account_id, WebHook.name != but)
    return int(await session.scalar(counted) or 0)


async def hooks(session: AsyncSession, account_id: int) -> Sequence[WebHook]:
    """By name."""
    found = select(WebHook).where(WebHook.account_id == account_id).order_by(WebHook.name)
    return (await session.scalars(found)).all()


async def names(session: AsyncSession, account_id: int) -> set[str]:
    return set(await session.scalars(select(WebHook.name).where(WebHook.account_id == account_id)))


async def remove(session: AsyncSession, account_id: int, hook_id: int) -> bool:
    """Delete a hook with its deliveries; False when there is none."""
    gone = delete(WebHook).where(WebHook.account_id == account_id, WebHook.id == hook_id)
    return (await session.scalar(gone.returning(WebHook.id))) is not None


async def secret(session: AsyncSession, account_id: int) -> bytes | None:
    return await session.scalar(select(WebHookSecret.sealed).where(WebHookSecret.account_id == account_id))


async def put_secret(session: AsyncSession, account_id: int, sealed: bytes, *, renew: bool) -> bytes:
    """Keep a signing secret; answers the one that is kept, which is the former unless it is renewed."""
    statement = insert(WebHookSecret).values(account_id=account_id, sealed=sealed)
    kept = statement.excluded.sealed if renew else WebHookSecret.sealed
    put = statement.on_conflict_do_update(index_elements=[WebHookSecret.account_id], set_={"sealed": kept})
    return bytes((await session.execute(put.returning(WebHookSecret.sealed))).scalar_one())


async def deliveries(session: AsyncSession, account_id: int) -> Sequence[tuple[WebHookDelivery, str]]:
    """The latest, newest first, with the names of their hooks."""
    listed = (
        select(WebHookDelivery, WebHook.name)
        .join(
            WebHook,
            (WebHook.account_id == WebHookDelivery.account_id) & (WebHook.id == WebHookDelivery.hook_id),
        )
        .where(WebHookDelivery.account_id == account_id)
        .order_by(WebHookDelivery.created_at.desc(), WebHookDelivery.id)
        .limit(_NEWEST)
    )
    return [(row[0], row[1]) for row in await session.execute(listed)]


async def pressed(session: AsyncSession, targets: Sequence[tuple[int, int]]) -> Sequence[Row[Any]]:
    """Keys that were pressed in calls of targets, by account and id, and that a hook of the account is
    called for: with the hook, and with what fills its tags.
    """
    rows = await session.execute(
        text(
            """
            SELECT t.account_id, t.id AS target_id, t.number, t.personal, r.name AS step, r.keys,
                   h.id AS hook_id, coalesce(c.variables, '{}') AS variables
              FROM unnest(CAST(:accounts AS bigint[]), CAST(:targets AS bigint[])) AS v (account_id, id)
              JOIN targets t ON t.account_id = v.account_id AND t.id = v.id AND NOT t.withdrawn
              JOIN plans p ON p.account_id = t.account_id AND p.id = t.plan_id AND p.call_content ? 'hooks'
              JOIN answers r ON r.account_id = t.account_id AND r.target_id = t.id AND r.keys IS NOT NULL
              JOIN web_hooks h ON h.account_id = t.account_id
                              AND h.name = p.call_content #>> ARRAY['hooks', r.name, r.keys]
              LEFT JOIN contacts c ON c.account_id = t.account_id AND c.id = t.contact_id
            """
        ),
        {"accounts": [account for account, _ in targets], "targets": [target for _, target in targets]},
    )
    return rows.all()


async def order(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add deliveries; one of the same target and step stands already, and remains the only one."""
    await session.execute(
        insert(WebHookDelivery).on_conflict_do_nothing(
            index_elements=[
                WebHookDelivery.account_id,
                WebHookDelivery.target_id,
                WebHookDelivery.step,
            ]
        ),
        list(rows),
    )


async def drop_open(session: AsyncSession, account_id: int, contact_id: int) -> None:
    """Remove the open deliveries of all calls of a contact."""
    await session.execute(
        text(
            """
            DELETE FROM web_hook_deliveries d USING targets t
             WHERE t.account_id = :account_id AND t.contact_id = :contact_id
               AND d.account_id = t.account_id AND d.target_id = t.id AND d.ended_at IS NULL
            """
        ),
        {"account_id": account_id, "contact_id": contact_id},
    )


async def lease(
    session: AsyncSession, token: UUID, seconds: float, most: int, each: int, under_way: Mapping[int, int]
) -> Sequence[Row[Any]]:
    """Take deliveries that are due, or that whoever sends them has not spoken of for too long.

    Args:
        seconds: for how long nobody else takes them.
        most: how many at most.
        each: how many one account may have, those of ``under_way`` included.
    """
    rows = await session.execute(
        text(
            """
            WITH accounts AS (
                SELECT DISTINCT account_id FROM web_hook_deliveries
                 WHERE ended_at IS NULL AND due_at <= now()
            ), taken AS (
                SELECT one.account_id, one.id
                  FROM accounts a
                  LEFT JOIN unnest(CAST(:busy AS bigint[]), CAST(:busy_with AS bigint[]))
                       AS b (account_id, number) USING (account_id)
                 CROSS JOIN LATERAL (
                       SELECT d.account_id, d.id, d.due_at FROM web_hook_deliveries d
                        WHERE d.account_id = a.account_id AND d.ended_at IS NULL AND d.due_at <= now()
                        ORDER BY d.due_at
                        LIMIT greatest(0, :each - coalesce(b.number, 0))
                          FOR UPDATE SKIP LOCKED) one
                 ORDER BY one.due_at
                 LIMIT :most
            )
            UPDATE web_hook_deliveries d
               SET state = 'sending', token = :token, attempts = d.attempts + 1,
                   due_at = now() + make_interval(secs => :seconds)
              FROM taken, web_hooks h
             WHERE d.account_id = taken.account_id AND d.id = taken.id
               AND h.account_id = d.account_id AND h.id = d.hook_id
            RETURNING d.account_id, d.id, d.attempts, d.variables, h.method, h.sealed,
                      CAST(extract(epoch FROM now() - d.created_at) AS float8) AS age
            """
        ),
        {
            "token": token,
            "seconds": seconds,
            "most": most,
            "each": each,
            "busy": list(under_way),
            "busy_with": list(under_way.values()),
        },
    )
    return rows.all()


async def secrets(session: AsyncSession, account_ids: Sequence[int]) -> dict[int, bytes]:
    """The signing secrets of accounts, encrypted."""
    rows = await session.execute(
        select(WebHookSecret.account_id, WebHookSecret.sealed).where(
            WebHookSecret.account_id.in_(account_ids)
        )
    )
    return {row.account_id: row.sealed for row in rows}


async def conclude(
    session: AsyncSession,
    account_id: int,
    delivery_id: UUID,
    token: UUID,
    state: DeliveryState,
    *,
    status: int | None,
    error: str | None,
    again_seconds: float = 0,
) -> bool:
    """Record what became of a lease; False when it is another's by now."""
    done = await session.execute(
        text(
            """
            UPDATE web_hook_deliveries
               SET state = :state, token = NULL, last_status = :status, last_error = :error,
                   due_at = now() + make_interval(secs => :again),
                   ended_at = CASE WHEN :ended THEN now() END,
                   variables = CASE WHEN :ended THEN NULL ELSE variables END
             WHERE account_id = :account_id AND id = :id AND token = :token
            RETURNING id
            """
        ),
        {
            "account_id": account_id,
            "id": delivery_id,
            "token": token,
            "state": state,
            "status": status,
            "error": error,
            "again": again_seconds,
            "ended": state is not DeliveryState.WAITING,
        },
    )
    return done.first() is not None
