"""Files that nobody needs any more: personal audio some time after its call, secret audio at once, and
recordings of what was deleted."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing.answers import FOLDER as RECORDINGS_FOLDER
from ghanti.dialing.speaking import SECRET_FOLDER
from ghanti.media.store import MediaStore

ORPHAN_SECONDS = 60.0
"""Age from which a file that nothing names is left over: of a process that died, or of what was deleted."""

_SWEEP_BATCH = 1000
_ATTEMPT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-")
"""What the name of a recording begins with."""


async def discard_audio(sessions: SessionFactory, store: MediaStore, keep_seconds: int) -> int:
    """Delete personal audio of targets that are long final; answers how many files went.

    Audio that an open target of any account still needs stays, since equal messages share a file.
    """
    async with transaction(sessions) as session:
        keys = await unneeded(session, keep_seconds)
    for key in keys:
        await asyncio.to_thread(store.delete, key)
    return len(keys)


async def unneeded(session: AsyncSession, keep_seconds: int) -> Sequence[str]:
    """Have some targets that are long final forget their audio; answers what of it nobody else needs."""
    rows = await session.scalars(
        text(
            """
            WITH old AS (
                SELECT account_id, id, content FROM targets
                 WHERE state = 'final' AND content ? 'audios'
                   AND final_at < now() - make_interval(secs => :keep)
                 ORDER BY final_at LIMIT 500 FOR UPDATE SKIP LOCKED),
            cleared AS (
                UPDATE targets t SET content = t.content - 'audios'
                  FROM old WHERE t.account_id = old.account_id AND t.id = old.id),
            audio AS (
                SELECT DISTINCT jsonb_path_query(old.content, '$.audios.*') #>> '{}' AS key FROM old)
            SELECT key FROM audio
             WHERE NOT EXISTS (SELECT FROM targets t
                                WHERE t.state <> 'final' AND t.ready AND t.content ? 'audios'
                                  AND jsonb_path_query_array(t.content, '$.audios.*') ? audio.key)
            """
        ),
        {"keep": keep_seconds},
    )
    return rows.all()


async def discard_secrets(sessions: SessionFactory, store: MediaStore) -> int:
    """Delete the secret audio of targets that are final; answers of how many.

    Files first: if this process dies in between, the next one finds the rows as they were.
    """
    async with transaction(sessions) as session:
        rows = (
            await session.execute(
                text(
                    """
                    SELECT account_id, id, content -> 'secrets' AS secrets FROM targets
                     WHERE content ? 'secrets' AND state = 'final'
                     ORDER BY account_id, id LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
                    """
                )
            )
        ).all()
        for row in rows:
            for key in row.secrets.values():
                await asyncio.to_thread(store.delete, key)
        if rows:
            await session.execute(
                text(
                    "UPDATE targets SET content = content - 'secrets'"
                    " WHERE account_id = :account_id AND id = :id"
                ),
                [{"account_id": row.account_id, "id": row.id} for row in rows],
            )
    return len(rows)


async def sweep_secrets(sessions: SessionFactory, store: MediaStore) -> int:
    """Delete secret audio that no target names: its process died before it was needed; answers how much."""
    left = await asyncio.to_thread(_older, store.path(SECRET_FOLDER), time.time() - ORPHAN_SECONDS)
    if not left:
        return 0
    async with transaction(sessions) as session:
        named = await session.scalars(
            text(
                "SELECT jsonb_path_query(content, '$.secrets.*') #>> '{}' FROM targets"
                " WHERE content ? 'secrets'"
            )
        )
        needed = {store.path(key) for key in named}
    orphans = [path for path in left if path not in needed]
    for path in orphans:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return len(orphans)


async def sweep_recordings(sessions: SessionFactory, store: MediaStore) -> int:
    """Delete the recordings of attempts that are no more, as of a deleted campaign; answers how many."""
    folder, before = store.path(RECORDINGS_FOLDER), time.time() - ORPHAN_SECONDS
    old = await asyncio.to_thread(_older, folder, before, "**/*.wav")
    owners = {path: UUID(named[1]) for path in old if (named := _ATTEMPT.match(path.name))}
    gone = 0
    for batch in _batches(list(owners)):
        async with transaction(sessions) as session:
            found = await session.scalars(
                text("SELECT id FROM attempts WHERE id = ANY(:ids)"),
                {"ids": [owners[path] for path in batch]},
            )
            known = set(found)
        for path in batch:
            if owners[path] not in known:
                await asyncio.to_thread(path.unlink, missing_ok=True)
                gone += 1
    return gone


def _batches(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    return (paths[start : start + _SWEEP_BATCH] for start in range(0, len(paths), _SWEEP_BATCH))


def _older(folder: Path, than: float, pattern: str = "*") -> list[Path]:
    found = []
    for path in folder.glob(pattern):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < than:
                found.append(path)
    return found
