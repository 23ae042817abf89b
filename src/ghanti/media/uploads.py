"""Uploaded audio in the media store: the original, for people, and beside it what phones hear."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from ghanti.media.decoding import UndecodableError
from ghanti.media.decoding_process import decode
from ghanti.media.g711 import SAMPLE_RATE
from ghanti.media.store import MediaStore
from ghanti.settings import Settings

_CHUNK = 1 << 20
_ULAW = ".ulaw"


@dataclass(frozen=True, slots=True)
class KeptAudio:
    """A piece of audio in the media store.

    Attributes:
        original_key: the file as it was sent. Keep this one: it leads to the other.
        ulaw_key: what phones hear, G.711 µ-law at 8 kHz.
        ms: its length in milliseconds.
    """

    original_key: str
    ulaw_key: str
    ms: int


async def keep_audio(store: MediaStore, upload: BinaryIO, account_id: int, settings: Settings) -> KeptAudio:
    """Decode an uploaded file, read from its beginning, and keep it with what was decoded.

    Delete both when they are needed no more (``keys``). Hold no transaction meanwhile.

    Raises:
        UndecodableError: no audio that can be played, too long, or larger than the settings allow.
    """
    with store.scratch() as scratch:
        original, ulaw = scratch / "original", scratch / "ulaw"
        await asyncio.to_thread(_copy, upload, original, settings.upload_megabytes)
        decoded = await decode(original, ulaw, account_id, settings)
        original_key = f"{folder(account_id)}{uuid4().hex}{decoded.ending}"
        # The original comes last: where it is, the other is too.
        await asyncio.to_thread(store.put_file, ulaw_key(original_key), ulaw)
        await asyncio.to_thread(store.put_file, original_key, original)
    return KeptAudio(original_key, ulaw_key(original_key), decoded.ms)


def kept_audio(store: MediaStore, original_key: str) -> KeptAudio | None:
    """What was kept under the key of an original; None when it is there no more."""
    size = store.size(ulaw_key(original_key))
    if not size:
        return None
    return KeptAudio(original_key, ulaw_key(original_key), size * 1000 // SAMPLE_RATE)


def folder(account_id: int) -> str:
    """How the keys of an account's audio begin."""
    return f"uploads/{account_id}/audio/"


def ulaw_key(original_key: str) -> str:
    """Where that lies which phones hear of an original."""
    return original_key.rpartition(".")[0] + _ULAW


def keys(original_key: str) -> list[str]:
    """All that is to be deleted with an original."""
    return [original_key, ulaw_key(original_key)]


def _copy(upload: BinaryIO, target: Path, megabytes: int) -> None:
    upload.seek(0)
    size = 0
    with target.open("wb") as file:
        while chunk := upload.read(_CHUNK):
            size += len(chunk)
            if size > megabytes << 20:
                raise UndecodableError(f"The file is larger than {megabytes} MB.")
            file.write(chunk)
    if not size:
        raise UndecodableError("The file is empty.")
