"""URLs of media files in answers."""

from __future__ import annotations

from fastapi import Request

from ghanti.api.context import base_url, parts_of


def media_url(request: Request, key: str | None) -> str | None:
    """An absolute, signed URL of a file of the media store, or None without one."""
    if key is None:
        return None
    token = parts_of(request).links.sign(key)
    return f"{base_url(request)}/api/v1/media/{token}/{key.rpartition('/')[2]}"
