"""What answers link to files of the media store."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import Request

from ghanti.accounts.service import Principal
from ghanti.api.context import base_url, parts_of
from ghanti.api.media import LIFETIME
from ghanti.api.tingting import shapes
from ghanti.campaigns.schemas import CampaignView


def campaign(
    request: Request,
    principal: Principal,
    view: CampaignView,
    *,
    voice_object: bool = False,
    category_unset: bool = False,
) -> dict[str, Any]:
    """A campaign as ``shapes.campaign`` has it, in the asker's time zone and with links to its files."""
    return shapes.campaign(
        view,
        principal.time_zone,
        media_url(request, view.campaign.audio_file),
        media_url(request, view.campaign.bulk_file),
        voice_object=voice_object,
        category_unset=category_unset,
    )


def media_url(request: Request, key: str | None, lifetime: timedelta = LIFETIME) -> str | None:
    """An absolute, signed URL of a file of the media store, or None without one."""
    if key is None:
        return None
    token = parts_of(request).links.sign(key, lifetime)
    return f"{base_url(request)}/api/v1/media/{token}/{key.rpartition('/')[2]}"
