"""The rules of transcripts (docs/transcripts.md): what was said in a call, and what it comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import ForbiddenError, NotFoundError
from ghanti.campaigns.schemas import DIRECT_KIND, OWNER_KIND
from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import contents, personal
from ghanti.dialing.models import AttemptState, TargetState
from ghanti.dialing.recorded import RecordingState
from ghanti.media.store import MediaStore
from ghanti.transcripts import repository, said
from ghanti.transcripts.errors import NeedsModelError
from ghanti.transcripts.models import DraftState
from ghanti.transcripts.schemas import Speaker, Transcript, TranscriptState, Turn
from ghanti.voice.protocol import Said
from ghanti.voice.script import Listen

_ERASED_AT_ONCE = 100
_DRAFTS = {
    None: TranscriptState.PENDING,
    DraftState.PENDING: TranscriptState.PENDING,
    DraftState.DONE: TranscriptState.DRAFT,
    DraftState.FAILED: TranscriptState.FAILED,
    DraftState.UNSUPPORTED: TranscriptState.UNSUPPORTED,
}


async def transcript(session: AsyncSession, account_id: int, sid: UUID, store: MediaStore) -> Transcript:
    """What was said in the call with this sid, or of which this is an attempt.

    Raises:
        NotFoundError: there is no such call of this account, or its contact was deleted.
        ForbiddenError: it said what is secret.
    """
    row = await _call(session, account_id, sid)
    state, reason = _state(row)
    turns: list[Turn] = []
    if row.answered_at is not None:
        turns = said.turns(await _known(session, account_id, row))
    drafted = [
        Turn(Speaker.USER, each["content"], each["at_ms"], draft=True) for each in row.draft_turns or ()
    ]
    kept = row.media_key if await asyncio.to_thread(_is_there, store, row.media_key) else None
    return Transcript(
        state=state,
        language=row.language,
        turns=sorted([*turns, *drafted], key=lambda turn: turn.at_ms),
        reason=reason,
        recording=kept,
    )


async def analysis(session: AsyncSession, account_id: int, sid: UUID) -> Mapping[str, Any]:
    """What the callee's keys say: of each question by the name of its step the key's label, else the key.

    None is a question without an answer. Where the campaign's owner wants certain fields it is just these;
    a field that is called as a label says whether the callee chose it.

    Raises:
        NeedsModelError: a field is wanted that is no name of a step and no label.
        NotFoundError: there is no such call of this account, or its contact was deleted.
        ForbiddenError: it said what is secret.
    """
    row = await _call(session, account_id, sid)
    labels: Mapping[str, Mapping[str, str]] = row.call_content.get("labels", {})
    script = contents.script_of(row.call_content)
    questions = [step.name for step in script.steps if isinstance(step, Listen)]
    answers = await repository.answers(session, account_id, row.target_id)
    steps = {answer.name: answer.step for answer in answers}
    keys = {answer.name: answer.keys for answer in answers if answer.keys}
    found = {
        steps.get(name, name): labels.get(name, {}).get(keys[name], keys[name]) if name in keys else None
        for name in questions
    }
    wanted = {}
    if row.owner_kind in (OWNER_KIND, DIRECT_KIND):
        wanted = await repository.wanted_analysis(session, account_id, row.owner_id)
    return _chosen(found, labels, keys, list(wanted)) if wanted else found


def _chosen(
    found: Mapping[str, str | None],
    labels: Mapping[str, Mapping[str, str]],
    keys: Mapping[str, str],
    wanted: list[str],
) -> Mapping[str, Any]:
    """The fields that are wanted."""
    meant: dict[str, bool | None] = {}
    for name, choices in labels.items():
        for key, label in choices.items():
            chosen = keys[name] == key if name in keys else None
            meant[label] = meant.get(label) or chosen
    if unknown := [field for field in wanted if field not in found and field not in meant]:
        raise NeedsModelError(unknown)
    return {field: found[field] if field in found else meant[field] for field in wanted}


async def erase_old(sessions: SessionFactory, store: MediaStore, days: int) -> int:
    """Delete recordings and drafts that were kept for so many days; answers of how many calls.

    Files first: if this process dies in between, the next one finds the rows as they were.
    """
    gone = 0
    while True:
        async with transaction(sessions) as session:
            old = await repository.old_recordings(session, days, _ERASED_AT_ONCE)
            for row in old:
                if row.media_key is not None:
                    await asyncio.to_thread(store.delete, row.media_key)
            await repository.erase(session, old)
        gone += len(old)
        if len(old) < _ERASED_AT_ONCE:
            return gone


async def _call(session: AsyncSession, account_id: int, sid: UUID) -> Any:
    row = await repository.call(session, account_id, sid)
    if row is None or row.withdrawn:
        raise NotFoundError("There is no such call.")
    if any("secret" in audio for audio in row.call_content.get("audios", {}).values()):
        raise ForbiddenError("What this call says is secret, so there is no transcript of it.")
    return row


def _state(row: Any) -> tuple[TranscriptState, str | None]:
    if row.target_state != TargetState.FINAL and row.state != AttemptState.ENDED:
        return TranscriptState.IN_PROGRESS, None
    match row.recording_state:
        case None:
            return TranscriptState.NOT_RECORDED, None
        case RecordingState.PENDING:
            return TranscriptState.PENDING, "The recording is not complete yet."
        case RecordingState.LOST:
            return TranscriptState.FAILED, "The recording was lost."
        case RecordingState.ERASED:
            return TranscriptState.ERASED, "The recording was kept for as long as recordings are, and erased."
        case _:
            return _DRAFTS[row.draft_state], row.draft_reason


async def _known(session: AsyncSession, account_id: int, row: Any) -> said.Call:
    content = contents.read(row.call_content)
    answers = await repository.answers(session, account_id, row.target_id)
    return said.Call(
        content=content,
        texts=personal.templates_of(content.templates, row.personal),
        labels=row.call_content.get("labels", {}),
        variables=personal.variables_of(row.variables, row.personal),
        answered_at=row.answered_at,
        duration_ms=row.duration_ms,
        played_ms=row.played_ms,
        total_ms=row.total_ms or row.content_ms,
        keys=row.keys,
        plays=None if row.plays is None else [Said.model_validate(play) for play in row.plays],
        answers=[answer for answer in answers if answer.attempt_id == row.attempt_id],
    )


def _is_there(store: MediaStore, key: str | None) -> bool:
    return key is not None and store.exists(key)
