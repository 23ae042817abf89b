"""What the rules of campaigns take and give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from ghanti.campaigns.models import Campaign, Category, Services
from ghanti.credits.repository import Balances
from ghanti.speech.models import Voice

OWNER_KIND = "campaign"
"""How the engine knows a campaign's plans."""

DEMO_KIND = "demo"
"""How it knows the plans of demo calls; their owner is the campaign whose message they try out."""

DIRECT_KIND = "direct"
"""How it knows the plans of calls that are ordered by number; their owner is the campaign they speak for."""


class CampaignFields(TypedDict, total=False):
    """The fields that a create or an update names; an absent key leaves the field as it is.

    ``voice`` is an id, an internal name, or None for the account's default voice. ``audio_file`` is the key
    of audio that was stored for this campaign alone (``media/uploads.py``), or None for no audio.
    """

    name: str
    services: Services
    message: str
    sms_message: str
    description: str
    schedule: datetime | None
    category: Category
    user_phone: list[int]
    credit_limit: int | None
    voice: int | str | None
    draft: bool
    failover_target: list[str]
    length_factor: Decimal
    pace: Decimal | None
    retries: dict[str, dict[str, int]]
    audio_file: str | None
    asks: bool


@dataclass(frozen=True, slots=True)
class CampaignView:
    """A campaign with what is counted rather than kept.

    Attributes:
        voice: Its voice, None when it takes the account's default; filled in a page of campaigns only.
        contacts: How many contacts it has.
        progress_percent: Final targets of all targets of both channels; 100 only when all are final.
        credits_consumed: Phone plus SMS credits charged so far.
        paused_reason: Why its plan is paused, None when it is not.
        disused: Keys of the media store that it needs no more, to be deleted after the commit.
    """

    campaign: Campaign
    voice: Voice | None = None
    contacts: int = 0
    progress_percent: int = 0
    credits_consumed: int = 0
    paused_reason: str | None = None
    disused: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class CampaignFilter:
    """Which campaigns a list shows; times bound ``updated_at``, the lower inclusive, the upper exclusive."""

    status: str | None = None
    search: str | None = None
    draft: bool | None = None
    oldest_first: bool = False
    updated_from: datetime | None = None
    updated_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was ordered; ``starts_at`` is None when it began at once."""

    balances: Balances
    starts_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stopped:
    view: CampaignView
    balances: Balances
