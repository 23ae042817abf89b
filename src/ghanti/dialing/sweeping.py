"""Recordings that nobody can ask for any more: of what was deleted, and what killed processes left."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing.answers import FOLDER
from ghanti.dialing.discarding import ASIDE, ORPHAN_SECONDS, batches, older, take
from ghanti.media.store import MediaStore

UNTOLD_SECONDS = 86_400.0
"""For how long a recording is kept that its voice process has not told of yet."""

_ATTEMPT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-")
"""What the name of a recording begins with."""


async def sweep_recordings(sessions: SessionFactory, store: MediaStore) -> int:
    """Delete recordings that no answer and no call names, and pieces of files; answers how many went.

    One that was not told of yet waits for that, unless its attempt or its contact is no more.
    """
    folder, now = store.path(FOLDER), time.time()
    before = now - ORPHAN_SECONDS
    gone = 0
    for ending in (".part", ASIDE):
        gone += await _take(await asyncio.to_thread(older, folder, before, f"**/*{ending}"), before)
    found = await asyncio.to_thread(older, folder, before, "**/*.wav")
    untold = set(await asyncio.to_thread(older, folder, now - UNTOLD_SECONDS, "*.wav"))
    owners = {path: UUID(match[1]) for path in found if (match := _ATTEMPT.match(path.name))}
    for batch in batches(list(owners)):
        async with transaction(sessions) as session:
            named, awaited = await _kept(session, [owners[path] for path in batch])
        left_over = [
            path
            for path in batch
            if path.relative_to(store.folder).as_posix() not in named
            and not (path.parent == folder and owners[path] in awaited and path not in untold)
        ]
        gone += await _take(left_over, before)
    return gone


async def _kept(session: AsyncSession, attempt_ids: Sequence[UUID]) -> tuple[set[str], set[UUID]]:
    """The recordings that these attempts, and answers to their targets, name, and who may tell of more."""
    rows = await session.execute(
        text(
            """
            SELECT a.id, t.withdrawn, r.media_key, c.media_key AS call_key
              FROM attempts a
              JOIN targets t ON t.account_id = a.account_id AND t.id = a.target_id
              LEFT JOIN answers r ON r.account_id = a.account_id AND r.target_id = a.target_id
                                 AND r.media_key IS NOT NULL
              LEFT JOIN call_recordings c ON c.account_id = a.account_id AND c.attempt_id = a.id
             WHERE a.id = ANY(:ids)
            """
        ),
        {"ids": list(attempt_ids)},
    )
    found = rows.all()
    named = {key for row in found for key in (row.media_key, row.call_key) if key}
    return named, {row.id for row in found if not row.withdrawn}


async def _take(paths: Sequence[Path], before: float) -> int:
    return sum([await asyncio.to_thread(take, path, before) for path in paths])
