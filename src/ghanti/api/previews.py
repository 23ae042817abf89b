"""The API's own small speech process, which renders previews."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from datetime import timedelta
from types import TracebackType

from ghanti.accounts.errors import InvalidError, ThrottledError
from ghanti.media.g711 import ulaw_to_pcm
from ghanti.media.mp3 import mp3_bytes
from ghanti.media.store import MediaStore
from ghanti.speech.cache import Rendered
from ghanti.speech.pool import RenderRequest, SpeechPool

LIFETIME = timedelta(days=1)
"""How long a link to a preview works."""

_FOLDER = "previews"
KEPT = LIFETIME + timedelta(hours=1)
_MOST = 16
_MOST_OF_ONE = 4
_RETRY_SECONDS = 2


def discard(store: MediaStore) -> int:
    """Delete previews that no link leads to any more; answers how many files went."""
    return store.discard_older(_FOLDER, KEPT.total_seconds())


class Previews:
    """Renders previews as MP3 files; equal ones share a file.

    The process starts with the first preview and ends with this object, an async context manager.

    Args:
        megabytes: What all of them may take on the disk, give or take a tenth; the oldest go first.
    """

    def __init__(self, store: MediaStore, megabytes: int) -> None:
        self._store = store
        self._most = megabytes << 20
        self._written = self._most  # by others, for all that we know
        # A store of their own for what is rendered on the way, so that it goes with them.
        self._pool = SpeechPool(store.path(_FOLDER), batch=1)
        self._is_open = False
        self._under_way: Counter[int] = Counter()

    async def __aenter__(self) -> Previews:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_open:
            self._is_open = False
            await self._pool.__aexit__(kind, error, trace)

    async def render(self, request: RenderRequest, account_id: int) -> str:
        """The media key of an MP3 file of a message, good for ``LIFETIME`` from now.

        Raises:
            InvalidError: The message cannot be spoken.
            ThrottledError: Too many previews are under way, of this account or of all.
        """
        if self._under_way[account_id] >= _MOST_OF_ONE or self._under_way.total() >= _MOST:
            raise ThrottledError("Too many previews are being made. Try again.", _RETRY_SECONDS)
        self._under_way[account_id] += 1
        try:
            if not self._is_open:
                self._is_open = True
                await self._pool.__aenter__()
            rendered = (await self._pool.render_many([request]))[0]
        finally:
            self._under_way[account_id] -= 1
            self._under_way += Counter()  # drops the zeros
        if not isinstance(rendered, Rendered):
            raise InvalidError.of("message", f"The message cannot be spoken: {rendered}.")
        return await asyncio.to_thread(self._encode, rendered)

    def _encode(self, rendered: Rendered) -> str:
        key = f"{_FOLDER}/{rendered.key[:2]}/{rendered.key}.mp3"
        try:
            # The file of an earlier link lives as long as the newest one.
            os.utime(self._store.path(key))
        except FileNotFoundError:
            heard = rendered.path.read_bytes()
            encoded = mp3_bytes(ulaw_to_pcm(heard))
            self._store.put(key, encoded)
            self._make_room(len(heard) + len(encoded))
        return key

    def _make_room(self, written: int) -> None:
        self._written += written
        if self._written > self._most // 10:
            self._written = 0
            self._store.discard_beyond(_FOLDER, self._most)
