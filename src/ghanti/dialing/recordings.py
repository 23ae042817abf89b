"""What calls said when, and recordings of whole calls: told by a voice process as answers are.

All here may be done again, since a voice process tells what was not acked again. Of a process that was
killed, what it had written of a recording is found where it wrote it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.session import SessionFactory, dump_json, transaction
from ghanti.dialing.answers import FOLDER, adopt
from ghanti.dialing.recorded import RecordingState
from ghanti.media.store import MediaStore
from ghanti.media.wav import read_wav
from ghanti.voice.protocol import Ended, Event, Played, Said

logger = logging.getLogger(__name__)

_STILL_SECONDS = 5.0
"""A recording grows once a second: what was left alone for longer has nobody who writes it."""


@dataclass(frozen=True, slots=True)
class ToldRecording:
    """What a call told of its recording; see ``recorded.CallRecording``."""

    attempt_id: UUID
    state: RecordingState
    begun_at: datetime
    media_key: str | None = None
    ms: int | None = None


async def record(session: AsyncSession, told: Sequence[ToldRecording]) -> None:
    """Keep what was told of recordings. One that is stored gives way only to more of the same file.

    Of a contact that was deleted nothing is kept.
    """
    if not told:
        return
    await session.execute(
        text(
            """
            INSERT INTO call_recordings (account_id, attempt_id, state, media_key, ms, begun_at)
            SELECT a.account_id, a.id, :state, :media_key, :ms, :begun_at
              FROM attempts a
              JOIN targets t ON t.account_id = a.account_id AND t.id = a.target_id
             WHERE a.id = :attempt_id AND NOT t.withdrawn
               FOR KEY SHARE OF t
            ON CONFLICT (account_id, attempt_id) DO UPDATE
               SET state = excluded.state, media_key = excluded.media_key, ms = excluded.ms
             WHERE call_recordings.state IN ('pending', 'lost')
                OR (call_recordings.state = 'stored' AND excluded.state = 'stored')
            """
        ),
        [asdict(recording) for recording in told],
    )


async def log(session: AsyncSession, events: Sequence[Event]) -> None:
    """Keep what was played when, of calls of which it can't be told by the share heard of one message."""
    plays: dict[UUID, list[Said]] = {}
    for event in events:
        if isinstance(event, Played | Ended) and _is_told_apart(event):
            plays[event.attempt] = event.said
    if plays:
        await session.execute(
            text(
                """
                INSERT INTO call_logs (account_id, attempt_id, plays)
                SELECT account_id, id, CAST(:plays AS jsonb) FROM attempts WHERE id = :attempt_id
                ON CONFLICT (account_id, attempt_id) DO UPDATE SET plays = excluded.plays
                """
            ),
            [
                {"attempt_id": attempt, "plays": dump_json([play.model_dump() for play in said])}
                for attempt, said in plays.items()
            ],
        )


def _is_told_apart(event: Played | Ended) -> bool:
    return len(event.said) > 1 or any(play.total_ms != event.total_ms for play in event.said)


async def adopt_abandoned(sessions: SessionFactory, store: MediaStore) -> None:
    """Take in what is left of recordings whose calls ended without a word: their process died."""
    async with transaction(sessions) as session:
        rows = await session.execute(
            text(
                """
                SELECT r.account_id, r.attempt_id, r.begun_at FROM call_recordings r
                  JOIN attempts a ON a.account_id = r.account_id AND a.id = r.attempt_id
                 WHERE r.state = 'pending' AND a.state = 'ended'
                """
            )
        )
        left = list(rows)
    told = []
    for row in left:
        found = await asyncio.to_thread(_left_behind, store, row.account_id, row.attempt_id)
        if found is None:
            continue
        key, ms = found
        state = RecordingState.STORED if ms else RecordingState.LOST
        told.append(ToldRecording(row.attempt_id, state, row.begun_at, key if ms else None, ms or None))
        logger.warning("the recording of %s was left behind: %s", row.attempt_id, state)
    if told:
        async with transaction(sessions) as session:
            await record(session, told)


def _left_behind(store: MediaStore, account_id: int, attempt_id: UUID) -> tuple[str | None, int] | None:
    """The key of what was written, and its length in milliseconds; None while somebody still writes it."""
    name = f"{attempt_id}-1-call.wav"
    path = store.path(FOLDER) / name
    with suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime < _STILL_SECONDS:
            return None
    key = adopt(store, account_id, path)
    return key, 0 if key is None else _length_ms(store.path(key))


def _length_ms(path: Path) -> int:
    """Milliseconds; none of a file that its writer was killed before it had a header."""
    try:
        samples, rate = read_wav(path)
    except ValueError:
        return 0
    return len(samples) * 1000 // rate
