"""What a voice process tells becomes rows: a batch of its events in one transaction.

All of it may be done again, since events that were not acked are told again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.database.session import SessionFactory, transaction
from ghanti.dialing import answers, attempts, outcomes, recordings, stock
from ghanti.dialing.answers import GivenAnswer
from ghanti.dialing.calls import RETURNABLE, moment, outcome_of
from ghanti.dialing.models import AnswerKind, AnswerState
from ghanti.dialing.recorded import RecordingState
from ghanti.dialing.recordings import ToldRecording
from ghanti.media.store import MediaStore
from ghanti.voice.protocol import Answer, Answered, Ended, Event, Played, Recorded, Ringing

logger = logging.getLogger(__name__)


class EventRecorder:
    """Records for one worker, the voice process' session."""

    def __init__(self, factory: SessionFactory, store: MediaStore, worker: UUID) -> None:
        self._sessions = factory
        self._store = store
        self._worker = worker

    async def record(self, batch: Sequence[Event]) -> None:
        """Events of a connection come in order, so each kind is folded."""
        accounts = await self._accounts(batch)
        given = [await self._answer(e, accounts.get(e.attempt)) for e in batch if isinstance(e, Answer)]
        told = [await self._recording(e, accounts.get(e.attempt)) for e in batch if isinstance(e, Recorded)]
        ended = [event for event in batch if isinstance(event, Ended)]
        returned = [e for e in ended if e.not_sent and e.reason in RETURNABLE]
        async with transaction(self._sessions) as session:
            if ended:
                # Balances are locked before attempts, whatever else the transaction does.
                await attempts.lock_balances(session, [e.attempt for e in ended])
            await _set_progress(session, batch)
            await answers.record(session, given)
            await recordings.record(session, told)
            await recordings.log(session, batch)
            if returned:
                await _give_back(session, returned)
            given_back = {e.attempt for e in returned}
            final = [outcome_of(e) for e in ended if e.attempt not in given_back]
            await outcomes.record(session, final, self._worker)
            if talked := [e.attempt for e in ended if e.answered]:
                await answers.lose_pending(session, talked)
            await attempts.end_legs(
                session,
                [
                    {"id": e.attempt, "leg": e.leg, "ended_at": moment(e.at), "sip_code": e.sip_code}
                    for e in ended
                ],
            )

    async def _accounts(self, events: Sequence[Event]) -> dict[UUID, int]:
        """Whose the recordings are that have files."""
        filed = [e.attempt for e in events if isinstance(e, Answer | Recorded) and e.path is not None]
        if not filed:
            return {}
        async with transaction(self._sessions) as session:
            return await answers.accounts_of(session, filed)

    async def _recording(self, event: Recorded, account_id: int | None) -> ToldRecording:
        """As its row has it, the file moved into the media store before once it is finished."""
        state, key = RecordingState(event.state), None
        if state is RecordingState.STORED and event.path is not None and account_id is not None:
            key = await asyncio.to_thread(answers.adopt, self._store, account_id, Path(event.path))
        if state is RecordingState.STORED and key is None:
            logger.error("the recording of %s is gone", event.attempt)
            state = RecordingState.LOST
        return ToldRecording(event.attempt, state, moment(event.at), key, event.ms)

    async def _answer(self, event: Answer, account_id: int | None) -> GivenAnswer:
        """As its row has it, its recording moved into the media store before."""
        state, key = AnswerState(event.state), None
        if event.path is not None and account_id is not None:
            key = await asyncio.to_thread(answers.adopt, self._store, account_id, Path(event.path))
        if state is AnswerState.STORED and key is None:
            logger.error("the recording of %s, step %s, is gone", event.attempt, event.name)
            state = AnswerState.LOST
        return GivenAnswer(
            attempt_id=event.attempt,
            name=event.name,
            kind=AnswerKind(event.kind),
            state=state,
            answered_at=moment(event.at),
            keys=event.keys,
            media_key=key,
            ms=event.ms,
        )


async def _set_progress(session: AsyncSession, batch: Sequence[Event]) -> None:
    ringing = {e.attempt: moment(e.at) for e in batch if isinstance(e, Ringing)}
    answered = {e.attempt: moment(e.at) for e in batch if isinstance(e, Answered)}
    played = {e.attempt: e.played_ms for e in batch if isinstance(e, Played)}
    if ringing:
        await attempts.set_ringing(session, ringing)
    if answered:
        await attempts.set_answered(session, answered)
    if played:
        await attempts.set_played(session, played)


async def _give_back(session: AsyncSession, events: Sequence[Ended]) -> None:
    unreadable = [e.attempt for e in events if e.reason == "audio"]
    if unreadable:
        await stock.make_unready(session, unreadable)
    await attempts.void_unsent_each(session, {event.attempt: event.reason for event in events})
