"""What the engine knows of a person whose contact is deleted: dropped, while the rows stay for the sums.

Of the files, ``discarding.py`` and ``sweeping.py`` take what nothing names any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


async def forget_contact(session: AsyncSession, account_id: int, contact_id: int) -> None:
    """Drop the answers, recordings, the number and what was said to a contact that was withdrawn before.

    Of an attempt in flight it is dropped when that ends; what it tells until then is not kept.
    """
    contact = {"account_id": account_id, "contact_id": contact_id}
    of_contact = "account_id = :account_id AND contact_id = :contact_id"
    # FOR UPDATE, so that no answer comes in meanwhile (``answers.record``).
    await session.execute(
        text(f"SELECT FROM targets WHERE {of_contact} ORDER BY id FOR UPDATE"),
        contact,
    )
    await session.execute(
        text(
            f"DELETE FROM answers WHERE account_id = :account_id"  # noqa: S608
            f" AND target_id IN (SELECT id FROM targets WHERE {of_contact})"
        ),
        contact,
    )
    await session.execute(
        text(
            """
            DELETE FROM call_recordings
             WHERE account_id = :account_id AND attempt_id IN (
                   SELECT a.id FROM attempts a
                     JOIN targets t ON t.account_id = a.account_id AND t.id = a.target_id
                    WHERE t.account_id = :account_id AND t.contact_id = :contact_id)
            """
        ),
        contact,
    )
    await session.execute(
        text(
            f"UPDATE targets SET withdrawn = true, number = '', content = NULL, personal = NULL"  # noqa: S608
            f" WHERE {of_contact}"
        ),
        contact,
    )
    await session.execute(
        text(
            f"""
            UPDATE attempts SET number = '', keys = ''
             WHERE account_id = :account_id AND state = 'ended'
               AND target_id IN (SELECT id FROM targets WHERE {of_contact})
            """  # noqa: S608
        ),
        contact,
    )


async def forget_ended(session: AsyncSession, attempts: Sequence[Any]) -> None:
    """Drop what attempts that just ended know of a contact that was withdrawn; rows of account_id and id."""
    if attempts:
        await session.execute(
            text("UPDATE attempts SET number = '', keys = '' WHERE account_id = :account_id AND id = :id"),
            [{"account_id": row.account_id, "id": row.id} for row in attempts],
        )
