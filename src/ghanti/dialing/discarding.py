"""Audio that nobody needs any more: personal audio some time after its call, secret audio at once."""

from __future__ import annotations

import asyncio

from sqlalchemy import text

from ghanti.database.session import SessionFactory, transaction
from ghanti.media.store import MediaStore


async def discard_audio(sessions: SessionFactory, store: MediaStore, keep_seconds: int) -> int:
    """Delete personal audio of targets that are long final; answers how many files went.

    Audio that an open target of any account still needs stays, since equal messages share a file.
    """
    async with transaction(sessions) as session:
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
        keys = list(rows)
    for key in keys:
        await asyncio.to_thread(store.delete, key)
    return len(keys)
