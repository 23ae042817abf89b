"""media/: files behind signed links."""

from __future__ import annotations

from pathlib import PurePosixPath

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from ghanti.accounts.errors import NotFoundError
from ghanti.api.context import InParts

router = APIRouter(tags=["Media"])

_TYPES = {
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
    ".m4a": "audio/mp4",
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""By the ending that we gave the file, never by what its sender called it."""

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'",
    "Referrer-Policy": "no-referrer",  # the link itself is the credential
    "Cache-Control": "private, max-age=3600",
}


@router.api_route("/media/{token}/{filename}/", methods=["GET", "HEAD"], include_in_schema=False)
async def media(token: str, filename: str, parts: InParts) -> Response:
    """The file that the link names, or parts of it; it needs no other credential while it lasts.

    Browsers play audio where it is linked to, and save everything else.
    """
    key = parts.links.read(token)
    if key is None or key.rpartition("/")[2] != filename or not parts.store.exists(key):
        raise NotFoundError
    kind = _TYPES.get(PurePosixPath(filename).suffix, "application/octet-stream")
    return FileResponse(
        parts.store.path(key),
        media_type=kind,
        filename=filename,
        content_disposition_type="inline" if kind.startswith("audio/") else "attachment",
        headers=_SAFE,
    )
