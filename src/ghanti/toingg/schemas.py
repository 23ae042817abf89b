"""What the rules of Toingg campaigns take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ghanti.campaigns.models import Campaign
from ghanti.campaigns.schemas import CampaignView
from ghanti.contacts.results import AddResult
from ghanti.dialing.models import Outcome
from ghanti.toingg.voices import NamedVoice

DEFAULTS: Mapping[str, Any] = {
    "title": "",
    "voice": "",
    "language": "",
    "script": "",
    "purpose": "",
    "knowledgeBase": "",
    "calendar": "",
    "firstLine": "",
    "tone": "",
    "postCallAnalysis": False,
    "postCallAnalysisSchema": {},
}
"""The fields that every campaign is shown with, and what those are that nobody sent."""

USED = frozenset(
    {
        *("title", "voice", "language", "script", "firstLine", "description"),
        *("postCallAnalysis", "postCallAnalysisSchema"),
    }
)
"""The fields that do something here; all others are kept and shown again."""

FIGURES = frozenset({"totalCallTime", "totalNumCall", "totalSpent", "totalCallSpent", "averageCallCost"})
"""Fields that tell of calls: what a client sends in them is neither kept nor shown."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Calls of a campaign, whoever ordered them.

    Attributes:
        ordered: All, those that wait included.
        ended: Those that are over, by what became of them.
        credits: Charged for them so far.
    """

    ordered: int = 0
    ended: Mapping[Outcome, int] = field(default_factory=dict)
    credits: int = 0

    @property
    def over(self) -> int:
        return sum(self.ended.values())


@dataclass(frozen=True, slots=True)
class Shown:
    """A campaign as a Toingg client sees it.

    Attributes:
        fields: What clients sent of it, with what it really says and by which voice.
        voice: The one that speaks, the account's default where none was chosen.
    """

    view: CampaignView
    fields: Mapping[str, Any]
    figures: Figures
    voice: NamedVoice | None


@dataclass(frozen=True, slots=True)
class Added:
    """Contacts that were added to a list, which is a campaign."""

    campaign: Campaign
    result: AddResult
