"""Personal audio that nobody needs any more: some time after its call, secret audio at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing.speaking import SECRET_FOLDER
from ghanti.media.store import MediaStore

ORPHAN_SECONDS = 60.0
"""Age from which a file that nothing names is left over: of a process that died, or of what was deleted."""

FRESH_SECONDS = 600.0
"""For how long audio is safe that was rendered, or found again, while its targets are being made ready."""

_AUDIO_FOLDER = "audio"
_SWEEP_BATCH = 1000
ASIDE = ".aside"
_NEEDED = """EXISTS (SELECT FROM targets t
                                WHERE t.state <> 'final' AND t.ready AND t.content ? 'audios'
                                  AND jsonb_path_query_array(t.content, '$.audios.*') ? audio.key)"""


async def discard_audio(sessions: SessionFactory, store: MediaStore, keep_seconds: int) -> int:
    """Delete personal audio of targets that are long final; answers how many files went.

    Audio that an open target of any account still needs stays, since equal messages share a file; so does
    what was asked for since, which ``sweep_audio`` finds once it is old.
    """
    before = time.time() - keep_seconds
    async with transaction(sessions) as session:
        keys = await unneeded(session, keep_seconds)
    return sum([await asyncio.to_thread(take, store.path(key), before) for key in keys])


async def sweep_audio(sessions: SessionFactory, store: MediaStore, keep_seconds: int) -> int:
    """Delete old audio that no open target needs, whoever forgot it; answers how many files went.

    Its targets were deleted, or made ready anew, or never were: their process died. What is left of writing
    goes too.
    """
    before = time.time() - max(keep_seconds, FRESH_SECONDS)
    gone = 0
    for folder in await asyncio.to_thread(_folders, store.path(_AUDIO_FOLDER)):
        for batch in batches(await asyncio.to_thread(older, folder, before)):
            keys = {path: path.relative_to(store.folder).as_posix() for path in batch}
            async with transaction(sessions) as session:
                needed = await _needed(session, list(keys.values()))
            for path in batch:
                if keys[path] not in needed:
                    gone += await asyncio.to_thread(take, path, before)
    return gone


async def _needed(session: AsyncSession, keys: Sequence[str]) -> set[str]:
    rows = await session.scalars(
        text(f"SELECT audio.key FROM unnest(CAST(:keys AS text[])) AS audio (key) WHERE {_NEEDED}"),  # noqa: S608
        {"keys": list(keys)},
    )
    return set(rows)


def take(path: Path, before: float) -> bool:
    """Delete a file, unless it was touched at or after a moment; answers whether it went.

    It is put aside first: who touches it after that finds it gone and makes it anew, who did before is seen
    here. In between its call may find it missing, is given back unsent, and has its audio made again.
    """
    aside = path.with_name(f".{path.name}{ASIDE}")
    try:
        path.rename(aside)
        if aside.stat().st_mtime >= before:
            aside.rename(path)
            return False
        aside.unlink()
    except FileNotFoundError:
        return False
    return True


async def unneeded(session: AsyncSession, keep_seconds: int) -> Sequence[str]:
    """Have some targets that are long final forget their audio; answers what of it nobody else needs."""
    rows = await session.scalars(
        text(
            f"""
            WITH old AS (
                SELECT account_id, id, content FROM targets
                 WHERE state = 'final' AND content ? 'audios'
                   AND final_at < now() - make_interval(secs => :keep)
                 ORDER BY final_at LIMIT 500 FOR UPDATE SKIP LOCKED),
            cleared AS (
                UPDATE targets t SET content = t.content - 'audios'
                  FROM old WHERE t.account_id = old.account_id AND t.id = old.id),
            audio AS (
                SELECT DISTINCT jsonb_path_query(old.content, '$.audios.*') #>> '{{}}' AS key FROM old)
            SELECT key FROM audio WHERE NOT {_NEEDED}
            """  # noqa: S608
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
    left = await asyncio.to_thread(older, store.path(SECRET_FOLDER), time.time() - ORPHAN_SECONDS)
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


def batches(paths: Sequence[Path]) -> Iterator[Sequence[Path]]:
    """Paths, so many at a time as one query may ask for."""
    return (paths[start : start + _SWEEP_BATCH] for start in range(0, len(paths), _SWEEP_BATCH))


def older(folder: Path, than: float, pattern: str = "*") -> list[Path]:
    """Files of a folder that were last written before a moment. Blocks."""
    found = []
    for path in folder.glob(pattern):
        with suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_mtime < than:
                found.append(path)
    return found


def _folders(folder: Path) -> list[Path]:
    """A folder and those in it."""
    return [folder, *(path for path in folder.glob("*") if path.is_dir())]
