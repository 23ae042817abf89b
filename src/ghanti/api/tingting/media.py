"""media/: files behind signed links."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from ghanti.accounts.errors import NotFoundError
from ghanti.api.context import InParts
from ghanti.api.responses import answer

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

_RANGES = re.compile(
    r"bytes=[ \t]*(\d{1,18}-(\d{1,18})?|-\d{1,18})([ \t]*,[ \t]*(\d{1,18}-(\d{1,18})?|-\d{1,18}))*", re.I
)
"""``Range`` of bytes (RFC 9110, section 14.1.2)."""


class _File(FileResponse):
    """A file, or the parts of it that ``Range`` asks for."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = Headers(scope=scope).get("range")
        if wanted is not None and not _is_understood(wanted):
            # One that is malformed, or of another unit, is ignored (RFC 9110, section 14.2).
            others = [(name, value) for name, value in scope["headers"] if name != b"range"]
            scope = {**scope, "headers": others}
        refused: dict[str, str] = {}

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 416:
                refused["Content-Range"] = Headers(raw=message["headers"])["content-range"]
            elif not refused:
                await send(message)

        await super().__call__(scope, receive, sent)
        if refused:
            refusal = answer({"message": "The file has no such range."}, 416, refused)
            await refusal(scope, receive, send)


def _is_understood(wanted: str) -> bool:
    """Whether a range is of bytes, each part with an end that is not before its beginning."""
    if not _RANGES.fullmatch(wanted.strip()):
        return False
    bounds = re.findall(r"(\d+)-(\d+)", wanted)
    return all(int(first) <= int(last) for first, last in bounds)


@router.api_route("/media/{token}/{filename}/", methods=["GET", "HEAD"], include_in_schema=False)
async def media(token: str, filename: str, parts: InParts) -> Response:
    """The file that the link names, or parts of it; it needs no other credential while it lasts.

    Browsers play audio where it is linked to, and save everything else.
    """
    key = parts.links.read(token)
    if key is None or key.rpartition("/")[2] != filename or not parts.store.exists(key):
        raise NotFoundError
    kind = _TYPES.get(PurePosixPath(filename).suffix, "application/octet-stream")
    return _File(
        parts.store.path(key),
        media_type=kind,
        filename=filename,
        content_disposition_type="inline" if kind.startswith("audio/") else "attachment",
        headers=_SAFE,
    )
