"""Audio of steps on its way into the media store: uploaded, fetched from a URL, or taken over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO, cast

from ghanti.accounts.errors import ConflictError, InvalidError
from ghanti.fetching import FetchRefusedError, SafeFetcher
from ghanti.media import uploads
from ghanti.media.decoding import UndecodableError
from ghanti.media.store import MediaStore
from ghanti.settings import Settings
from ghanti.surveys.schemas import Sound, StepDraft

ONE_SECONDS = 30
"""How long fetching one URL may take."""

ALL_SECONDS = 120
"""How long fetching and decoding all audio of one request may take."""


@dataclass(frozen=True, slots=True)
class SoundSources:
    """Where the audio of one request's steps may come from.

    Attributes:
        uploads: Files that came with the request, by the order of the step.
        present: Keys of the audio that the steps have now, by step id; what stays is taken over.
        own_key: The key of the media store that a URL is our own link to, or None.
        fetcher: Fetches any other URL.
    """

    uploads: Mapping[int, BinaryIO]
    present: Mapping[int, str]
    own_key: Callable[[str], str | None]
    fetcher: SafeFetcher


@asynccontextmanager
async def kept(
    store: MediaStore,
    settings: Settings,
    account_id: int,
    drafts: Sequence[StepDraft],
    sources: SoundSources,
    field: str = "steps",
) -> AsyncIterator[list[StepDraft]]:
    """The drafts with their audio in the media store; if the block fails, what was stored goes again.

    Hold no transaction when you enter it: fetching and decoding take their time.

    Raises InvalidError about ``field``, with the step and the reason, for audio that cannot be had or played.
    """
    keeper = _Keeper(store, settings, account_id, sources, field)
    try:
        try:
            async with asyncio.timeout(ALL_SECONDS):
                ready = [await keeper.keep(index, draft) for index, draft in enumerate(drafts)]
        except TimeoutError:
            raise InvalidError.of(field, f"The audio took more than {ALL_SECONDS} seconds.") from None
        yield ready
    except BaseException:
        await asyncio.to_thread(keeper.forget)
        raise


def settled(draft: StepDraft, present: Mapping[str, Sound]) -> StepDraft:
    """A draft with the audio that it takes over from the steps there are, by key, now that they are locked.

    Raises ConflictError when it is there no more.
    """
    if draft.borrowed is None:
        return draft
    if draft.borrowed not in present:
        raise ConflictError("The steps were changed meanwhile. Read them, and send them again.")
    return replace(draft, sound=present[draft.borrowed])


class _Keeper:
    def __init__(
        self, store: MediaStore, settings: Settings, account_id: int, sources: SoundSources, field: str
    ) -> None:
        self._store = store
        self._settings = settings
        self._account_id = account_id
        self._sources = sources
        self._field = field
        self._made: list[str] = []
        self._fetched: dict[str, Sound] = {}

    async def keep(self, index: int, draft: StepDraft) -> StepDraft:
        try:
            return await self._keep(draft)
        except (FetchRefusedError, UndecodableError) as error:
            raise InvalidError.of(self._field, f"Step {index + 1} ({draft.input_name}): {error}") from None

    def forget(self) -> None:
        for key in self._made:
            for made in uploads.keys(key):
                self._store.delete(made)

    async def _keep(self, draft: StepDraft) -> StepDraft:
        uploaded = self._sources.uploads.get(draft.order)
        if uploaded is not None:
            return replace(draft, sound=await self._store_file(uploaded))
        present = self._sources.present
        if draft.audio_url is not None:
            key = self._sources.own_key(draft.audio_url)
            if key is not None and key in present.values():
                return replace(draft, borrowed=key)
            return replace(draft, sound=await self._of_url(draft.audio_url, key))
        if draft.keeps_sound and draft.step_id is not None and draft.step_id in present:
            return replace(draft, borrowed=present[draft.step_id])
        return draft

    async def _of_url(self, url: str, own_key: str | None) -> Sound:
        if url not in self._fetched:
            self._fetched[url] = await (self._copy(own_key) if own_key else self._fetch(url))
        return self._fetched[url]

    async def _copy(self, key: str) -> Sound:
        """The same audio once more. Only files of the account's own are read."""
        if not key.startswith(uploads.folder(self._account_id)):
            raise FetchRefusedError("There is no such audio file.")
        try:
            file = self._store.path(key).open("rb")
        except FileNotFoundError:
            raise FetchRefusedError("The audio file is there no more.") from None
        with file:
            return await self._store_file(file)

    async def _fetch(self, url: str) -> Sound:
        most = self._settings.upload_megabytes << 20
        with await self._sources.fetcher.fetch(
            url, account_id=self._account_id, max_bytes=most, seconds=ONE_SECONDS
        ) as fetched:
            return await self._store_file(cast(BinaryIO, fetched.file))

    async def _store_file(self, file: BinaryIO) -> Sound:
        audio = await uploads.keep_audio(self._store, file, self._account_id, self._settings)
        self._made.append(audio.original_key)
        return Sound(audio.original_key, audio.ms)
