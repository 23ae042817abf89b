"""media/: files behind signed links."""

from __future__ import annotations

import mimetypes

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse

from ghanti.accounts.errors import NotFoundError
from ghanti.api.context import InParts

router = APIRouter(tags=["Media"])


@router.get("/media/{token}/{filename}/", summary="A file, by a signed link", include_in_schema=False)
async def media(token: str, filename: str, parts: InParts) -> Response:
    """The file that the link names; it needs no other credential and works for seven days."""
    key = parts.links.read(token)
    if key is None or key.rpartition("/")[2] != filename or not parts.store.exists(key):
        raise NotFoundError
    return FileResponse(
        parts.store.path(key),
        media_type=mimetypes.guess_type(filename)[0] or "application/octet-stream",
        filename=filename,
        content_disposition_type="attachment",
        headers={"X-Content-Type-Options": "nosniff"},
    )
