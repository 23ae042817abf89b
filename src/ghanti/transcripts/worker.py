"""The background worker: drafts of recordings, one at a time, behind all else that a machine does."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ghanti.database.session import SessionFactory, transaction
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.transcripts import recognising, repository
from ghanti.transcripts.models import DraftState
from ghanti.transcripts.recognising import Draft

logger = logging.getLogger(__name__)

MOST_TRIES = 3
"""How often a recording is taken up whose worker died of it, or with it."""

_MARGIN_SECONDS = 60
_PAUSE_SECONDS = 1.0


class Transcriber:
    """Takes up recordings as they come in, whosever they are."""

    def __init__(self, sessions: SessionFactory, settings: Settings) -> None:
        self._sessions = sessions
        self._store = MediaStore(settings.media_folder)
        self._models = settings.transcribe_models
        if not recognising.installed():
            logger.error("calls are recorded, and there is no recogniser: install ghanti[transcribe]")

    async def run(self) -> None:
        """One after the other, for as long as there are any."""
        while await self.draft_next():
            pass
        await asyncio.sleep(_PAUSE_SECONDS)

    async def draft_next(self) -> bool:
        """Make the draft that waits longest; answers whether there was one to make."""
        least = recognising.longest_seconds(0) + _MARGIN_SECONDS
        async with transaction(self._sessions) as session:
            taken = await repository.take(session, least, recognising.PATIENCE)
        if taken is None:
            return False
        try:
            draft = await self._draft(taken)
        except asyncio.CancelledError:
            async with transaction(self._sessions) as session:
                await repository.put_back(session, taken.account_id, taken.attempt_id)
            raise
        async with transaction(self._sessions) as session:
            await repository.finish(
                session, taken.account_id, taken.attempt_id, draft.state, draft.turns, draft.reason
            )
        return True

    async def _draft(self, taken: Any) -> Draft:
        if taken.tries > MOST_TRIES:
            return Draft(DraftState.FAILED, reason="The recogniser ended before it was done, every time.")
        recording = self._store.path(taken.media_key)
        return await recognising.recognise(recording, taken.ms, taken.language, self._models)
