"""The ``audio_file`` of campaigns: an upload, a URL, null, or what an answer of ours held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO, cast

from ghanti.accounts.errors import InvalidError
from ghanti.accounts.service import Principal
from ghanti.api.body import Body
from ghanti.api.context import Parts
from ghanti.campaigns import views
from ghanti.campaigns.schemas import CampaignFields
from ghanti.database.session import transaction
from ghanti.fetching import FetchRefusedError
from ghanti.media import uploads
from ghanti.media.decoding import KINDS, UndecodableError

FIELD = "audio_file"
FILES = {FIELD: f"What an Audio campaign plays: {KINDS}"}
_FETCH_SECONDS = 30


@asynccontextmanager
async def taken(
    parts: Parts, principal: Principal, sent: Body, fields: CampaignFields, campaign_id: int | None = None
) -> AsyncIterator[None]:
    """Set ``audio_file`` among the fields to what was sent, once it is in the media store.

    It is left out where nothing was sent, or the campaign's present audio. If the block fails, what was
    stored goes again. Hold no transaction when you enter it: fetching and decoding take their time.

    Raises InvalidError for what is no audio.
    """
    key = None
    try:
        if _upload(sent) is not None or sent.values.get(FIELD):
            key = await _key(parts, principal, sent, campaign_id)
            if key is not None:
                fields["audio_file"] = key
        elif FIELD in sent.values:
            fields["audio_file"] = None
        yield
    except BaseException:
        if key is not None:
            for made in uploads.keys(key):
                await asyncio.to_thread(parts.store.delete, made)
        raise


def _upload(sent: Body) -> BinaryIO | None:
    """The file that was uploaded; a form in which none was chosen sends one without a name and bytes."""
    file = sent.files.get(FIELD)
    return file.file if file is not None and (file.filename or file.size) else None


async def _key(parts: Parts, principal: Principal, sent: Body, campaign_id: int | None) -> str | None:
    """The key of the audio, newly stored; None for the audio that the campaign has."""
    try:
        if (file := _upload(sent)) is not None:
            return await _keep(parts, principal, file)
        return await _of_url(parts, principal, sent.values[FIELD], campaign_id)
    except (UndecodableError, FetchRefusedError) as error:
        raise InvalidError.of(FIELD, error.message) from None


async def _of_url(parts: Parts, principal: Principal, url: object, campaign_id: int | None) -> str | None:
    if not isinstance(url, str):
        raise InvalidError.of(FIELD, "Send a file, or the URL of one.")
    own = parts.links.key_of(url)
    if own is not None:
        if campaign_id is not None and own == await _present(parts, principal, campaign_id):
            return None
        return await _copy(parts, principal, own)
    most = parts.settings.upload_megabytes << 20
    with await parts.fetcher.fetch(
        url, account_id=principal.account_id, max_bytes=most, seconds=_FETCH_SECONDS
    ) as fetched:
        return await _keep(parts, principal, cast(BinaryIO, fetched.file))


async def _present(parts: Parts, principal: Principal, campaign_id: int) -> str | None:
    async with transaction(parts.sessions) as session:
        return (await views.found(session, principal.account_id, campaign_id)).audio_file


async def _copy(parts: Parts, principal: Principal, key: str) -> str:
    """The same audio once more: each campaign deletes its own. Only files of the account's own are read."""
    if not key.startswith(uploads.folder(principal.account_id)):
        raise InvalidError.of(FIELD, "There is no such audio file.")
    try:
        file = parts.store.path(key).open("rb")
    except FileNotFoundError:
        raise InvalidError.of(FIELD, "The audio file is there no more; send it again.") from None
    with file:
        return await _keep(parts, principal, file)


async def _keep(parts: Parts, principal: Principal, file: BinaryIO) -> str:
    kept = await uploads.keep_audio(parts.store, file, principal.account_id, parts.settings)
    return kept.original_key
