"""Answers given in calls: kept as they happen, once however often they are told.

The voice process tells of each answer until it is acked, so all here may be done again. A recording is
moved into the media store before its answer counts as stored.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.dialing.attempts import Lease
from ghanti.dialing.models import AnswerKind, AnswerState
from ghanti.media.store import MediaStore

FOLDER = "recordings"
"""Where in the media store recordings lie, each account's in a folder of its own."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """What an attempt's call told of one step; see ``models.Answer``."""

    attempt_id: UUID
    name: str
    kind: AnswerKind
    state: AnswerState
    answered_at: datetime
    keys: str | None = None
    media_key: str | None = None
    ms: int | None = None


async def record(session: AsyncSession, given: Sequence[GivenAnswer]) -> None:
    """Keep answers. One that stands is left alone; only what is pending or lost is replaced.

    A lost recording gives way to the truth about the same attempt, and to whatever a later one tells. Of a
    contact that was deleted nothing is kept.
    """
    if not given:
        return
    await session.execute(
        text(
            """
            INSERT INTO answers (account_id, target_id, name, attempt_id, kind, state, keys, media_key, ms,
                                 answered_at)
            SELECT a.account_id, a.target_id, :name, a.id, :kind, :state, :keys, :media_key, :ms, :answered_at
              FROM attempts a
              JOIN targets t ON t.account_id = a.account_id AND t.id = a.target_id
             WHERE a.id = :attempt_id AND NOT t.withdrawn
               FOR KEY SHARE OF t
            ON CONFLICT (account_id, target_id, name) DO UPDATE
               SET attempt_id = excluded.attempt_id, kind = excluded.kind, state = excluded.state,
                   keys = excluded.keys, media_key = excluded.media_key, ms = excluded.ms,
                   answered_at = excluded.answered_at
             WHERE answers.state = 'pending'
                OR (answers.state = 'lost'
                    AND (answers.attempt_id <> excluded.attempt_id OR excluded.state <> 'pending'))
            """
        ),
        [asdict(answer) for answer in given],
    )


async def lose_pending(session: AsyncSession, attempt_ids: Sequence[UUID]) -> None:
    """Recordings that these attempts, now ended, never finished."""
    await session.execute(
        text(
            """
            UPDATE answers SET state = 'lost' FROM attempts a
             WHERE a.id = ANY(:ids) AND answers.account_id = a.account_id AND answers.attempt_id = a.id
               AND answers.state = 'pending'
            """
        ),
        {"ids": list(attempt_ids)},
    )


async def lose_abandoned(session: AsyncSession) -> None:
    """Recordings of attempts that ended without a word of their channel: its process died."""
    await session.execute(
        text(
            """
            UPDATE answers SET state = 'lost' FROM attempts a
             WHERE answers.state = 'pending' AND a.account_id = answers.account_id
               AND a.id = answers.attempt_id AND a.state = 'ended'
            """
        )
    )


async def answered(session: AsyncSession, leases: Sequence[Lease]) -> dict[int, set[str]]:
    """Which steps have an answer, by target; of calls that ask nothing, nothing."""
    asking = [lease for lease in leases if lease.said.get("script")]
    found: dict[int, set[str]] = defaultdict(set)
    if asking:
        rows = await session.execute(
            text(
                """
                SELECT r.target_id, r.name
                  FROM unnest(CAST(:accounts AS bigint[]), CAST(:targets AS bigint[]))
                       AS v (account_id, target_id)
                  JOIN answers r ON r.account_id = v.account_id AND r.target_id = v.target_id
                 WHERE r.state IN ('given', 'stored')
                """
            ),
            {
                "accounts": [lease.account_id for lease in asking],
                "targets": [lease.target_id for lease in asking],
            },
        )
        for row in rows:
            found[row.target_id].add(row.name)
    return found


async def all_answered(session: AsyncSession, attempt_ids: Sequence[UUID]) -> set[UUID]:
    """The attempts whose scripts ask, and whose targets have an answer to each question."""
    rows = await session.scalars(
        text(
            """
            SELECT a.id
              FROM attempts a
              JOIN plans p ON p.account_id = a.account_id AND p.id = a.plan_id
             CROSS JOIN LATERAL (
                   SELECT count(*) AS asked, count(r.name) AS answered
                     FROM jsonb_path_query(p.call_content,
                              '$.script.steps[*] ? (@.do == "listen" || @.do == "record").name') AS step
                     LEFT JOIN answers r ON r.account_id = a.account_id AND r.target_id = a.target_id
                                        AND r.name = step #>> '{}' AND r.state IN ('given', 'stored')) steps
             WHERE a.id = ANY(:ids) AND a.channel = 'call' AND p.call_content ? 'script'
               AND steps.asked > 0 AND steps.answered = steps.asked
            """
        ),
        {"ids": list(attempt_ids)},
    )
    return set(rows)


async def accounts_of(session: AsyncSession, attempt_ids: Sequence[UUID]) -> dict[UUID, int]:
    """To which account attempts belong."""
    rows = await session.execute(
        text("SELECT id, account_id FROM attempts WHERE id = ANY(:ids)"), {"ids": list(attempt_ids)}
    )
    return {row.id: row.account_id for row in rows}


def adopt(store: MediaStore, account_id: int, recording: Path) -> str | None:
    """Move a recording into the media store; answers its key, or None when it is nowhere. Blocks.

    One that was moved before is found where it went.
    """
    key = f"{FOLDER}/{account_id}/{recording.name}"
    try:
        # It may be old, and no answer names it yet: a clean-up must see that it is being taken in.
        os.utime(recording)
        store.put_file(key, recording)
    except FileNotFoundError:
        return key if store.touch(key) else None
    except OSError:  # Another disk.
        store.put(key, recording.read_bytes())
        recording.unlink(missing_ok=True)
    return key
