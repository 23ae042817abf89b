"""Delivery receipts: kept as they come, matched to message parts, summed up per attempt.

A receipt may overtake the commit of its own submit response, so every one goes to an inbox first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.dialing.models import Delivery
from ghanti.sms.port import SentPart
from ghanti.sms.receipts import DeliveryState, Receipt, canonical_id

_DELIVERIES = {
    DeliveryState.DELIVERED: Delivery.DELIVERED,
    DeliveryState.EXPIRED: Delivery.EXPIRED,
    DeliveryState.UNDELIVERED: Delivery.UNDELIVERED,
    DeliveryState.REJECTED: Delivery.UNDELIVERED,
    DeliveryState.UNKNOWN: Delivery.UNDELIVERED,
}

KEEP_DAYS = 7
"""How long a receipt waits for a part that never comes."""


async def keep(session: AsyncSession, smsc_id: int, batch: Sequence[Receipt]) -> None:
    """Put final receipts in the inbox; those that promise another say nothing yet."""
    rows = [
        {
            "smsc_id": smsc_id,
            "message_ids": list(receipt.candidates),
            "recipient": "".join(filter(str.isdigit, receipt.recipient)),
            "delivery": _DELIVERIES[receipt.state],
        }
        for receipt in batch
        if receipt.final
    ]
    if rows:
        await session.execute(
            text(
                "INSERT INTO delivery_receipts (smsc_id, message_ids, recipient, delivery)"
                " VALUES (:smsc_id, :message_ids, :recipient, :delivery)"
            ),
            rows,
        )


@dataclass(frozen=True, slots=True)
class Accepted:
    """A part of an attempt's message that an SMSC took."""

    smsc_id: int
    account_id: int
    attempt_id: UUID
    part: SentPart


async def insert_parts(session: AsyncSession, accepted: Sequence[Accepted]) -> None:
    if not accepted:
        return
    await session.execute(
        text(
            """
            INSERT INTO message_parts (account_id, attempt_id, part, smsc_id, smsc_message_id)
            VALUES (:account_id, :attempt_id, :part, :smsc_id, :message_id) ON CONFLICT DO NOTHING
            """
        ),
        [
            {
                "account_id": entry.account_id,
                "attempt_id": entry.attempt_id,
                "part": entry.part.number,
                "smsc_id": entry.smsc_id,
                "message_id": canonical_id(entry.part.message_id),
            }
            for entry in accepted
        ],
    )


async def match(session: AsyncSession, limit: int = 2000) -> int:
    """Move receipts from the inbox to their parts and the parts' state to their attempts.

    An id alone may be ambiguous between decimal and hexadecimal: the last digits of the recipient
    must agree too. Receipts may come at any later time and in any order; the last one holds, so only
    one worker at a time matches. Answers how many attempts changed.
    """
    if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(hashtext('ghanti receipts'))")):
        return 0
    attempt_ids = await session.scalars(
        text(
            """
            WITH matched AS (
                SELECT r.id AS receipt_id, r.delivery, r.received_at, m.account_id, m.attempt_id, m.part
                  FROM delivery_receipts r
                  JOIN message_parts m ON m.smsc_id = r.smsc_id AND m.smsc_message_id = ANY(r.message_ids)
                  JOIN attempts a ON a.account_id = m.account_id AND a.id = m.attempt_id
                 WHERE right(a.number, 8) = right(r.recipient, 8) OR r.recipient = ''
                 ORDER BY r.id LIMIT :limit),
            last AS (
                SELECT DISTINCT ON (account_id, attempt_id, part) * FROM matched
                 ORDER BY account_id, attempt_id, part, receipt_id DESC),
            parts AS (
                UPDATE message_parts m SET delivery = last.delivery, reported_at = last.received_at
                  FROM last
                 WHERE m.account_id = last.account_id AND m.attempt_id = last.attempt_id
                   AND m.part = last.part),
            gone AS (DELETE FROM delivery_receipts r USING matched WHERE r.id = matched.receipt_id)
            SELECT DISTINCT attempt_id FROM last
            """
        ),
        {"limit": limit},
    )
    touched = list(attempt_ids)
    if touched:
        await _sum_up(session, touched)
    return len(touched)


async def _sum_up(session: AsyncSession, attempt_ids: Sequence[UUID]) -> None:
    """A message is delivered when all its parts are; one part that was not decides otherwise."""
    await session.execute(
        text(
            """
            UPDATE attempts a SET delivery = s.delivery
              FROM (SELECT account_id, attempt_id,
                           CASE WHEN bool_or(delivery = 'undelivered') THEN 'undelivered'
                                WHEN bool_or(delivery = 'expired') THEN 'expired'
                                WHEN bool_and(delivery = 'delivered') THEN 'delivered'
                                ELSE 'awaited' END AS delivery
                      FROM message_parts WHERE attempt_id = ANY(:ids)
                     GROUP BY account_id, attempt_id) s
             WHERE a.account_id = s.account_id AND a.id = s.attempt_id
            """
        ),
        {"ids": list(attempt_ids)},
    )


async def forget_unmatched(session: AsyncSession) -> None:
    await session.execute(
        text("DELETE FROM delivery_receipts WHERE received_at < now() - make_interval(days => :days)"),
        {"days": KEEP_DAYS},
    )
