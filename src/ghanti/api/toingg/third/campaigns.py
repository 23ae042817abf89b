"""Campaigns: made, changed, listed, and their figures."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from ghanti.api.context import InParts, Reading, Transaction
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.toingg.authentication import TokenReader, TokenWriter
from ghanti.api.toingg.bodies import Sent, read
from ghanti.api.toingg.documents import takes
from ghanti.api.toingg.third import envelopes
from ghanti.api.toingg.third.envelopes import enveloped
from ghanti.api.toingg.third.models import NewCampaign, UpdateCampaign
from ghanti.campaigns.models import Campaign
from ghanti.toingg import objectids, repository, service
from ghanti.toingg.schemas import USED

router = APIRouter(route_class=KeyedRoute)

CAMPAIGN = {
    "title": "Ward meeting",
    "voice": "rija",
    "language": "nepali",
    "script": "नमस्ते {name}। भोलि दस बजे वडाको बैठक छ।\n\nआउनुहुन्छ? [1: yes] [2: no]\n\nधन्यवाद।",
    "purpose": "",
    "knowledgeBase": "",
    "calendar": "10Am to 10Pm IST",
    "firstLine": "",
    "tone": "",
    "postCallAnalysis": False,
    "postCallAnalysisSchema": {},
}

Skip = Annotated[int, Query(ge=0, le=2**31)]
Limit = Annotated[int | None, Query(ge=1, le=2**31, description="At most a page; without it a whole page")]
Sort = Annotated[int, Query(ge=-1, le=1, description="-1: the last changed first; 1: the last changed last")]


@router.get("/get_supported_languages")
async def get_supported_languages(principal: TokenReader, session: Reading) -> Response:
    """The languages that this installation's voices speak."""
    spoken = dict.fromkeys(each.language for each in await service.voices(session))
    return enveloped("Supported languages fetched.", {"languages": list(spoken)})


@router.get("/get_supported_voices")
async def get_supported_voices(principal: TokenReader, session: Reading) -> Response:
    """The voices, each by a name that no other has, its type (`standard` or `premium`) and its language."""
    listed = [
        {"name": each.name, "type": each.kind, "language": each.language}
        for each in await service.voices(session)
    ]
    return enveloped("Supported voices fetched.", {"voice": listed})


@router.post("/create_campaign", openapi_extra=takes(NewCampaign, CAMPAIGN))
async def create_campaign(principal: TokenWriter, session: Transaction, sent: Sent) -> Response:
    """Make a campaign of calls that speak `firstLine` and then `script`, and ask for keys where it says so.

    All fields are kept and shown again; `onlyKept` names those that do nothing else here.
    """
    fields = read(NewCampaign, sent).fields()
    made = await service.create(session, principal, fields)
    return enveloped("Campaign created.", _named(made, fields))


@router.put("/update_campaign", include_in_schema=False)
@router.post(
    "/update_campaign",
    openapi_extra=takes(
        UpdateCampaign,
        {"campaignModelData": {"title": "Water supply"}, "campId": "668bd4e8a620ac9172c8d08b"},
    ),
)
async def update_campaign(
    principal: TokenWriter, session: Transaction, parts: InParts, sent: Sent
) -> Response:
    """Change the fields that `campaignModelData` names; of a campaign that runs only title and description
    and what does nothing here.
    """
    order = read(UpdateCampaign, sent)
    fields = order.changes.fields()
    changed = await service.update(session, principal, order.object_id, fields, parts.settings)
    return enveloped("Campaign updated.", _named(changed, fields))


@router.get("/get_campaigns")
async def get_campaigns(
    principal: TokenReader,
    session: Reading,
    parts: InParts,
    skip: Skip = 0,
    limit: Limit = None,
    sort: Sort = -1,
) -> Response:
    """The account's campaigns by id, those of the TingTing API among them, with their real figures."""
    page = min(limit or parts.settings.page_limit, parts.settings.page_limit)
    _, listed = await service.page(session, parts.lookups, principal, page, skip, oldest_first=sort > 0)
    return enveloped(
        "Campaigns fetched.", {envelopes.campaign_key(shown): envelopes.campaign(shown) for shown in listed}
    )


@router.get("/get_campaign_analytics")
async def get_campaign_analytics(
    principal: TokenReader,
    session: Reading,
    parts: InParts,
    skip: Skip = 0,
    limit: Limit = None,
    sort: Sort = -1,
) -> Response:
    """Calls by what became of them and the credits they took: of all campaigns, and of each of a page."""
    page = min(limit or parts.settings.page_limit, parts.settings.page_limit)
    total, listed = await service.page(session, parts.lookups, principal, page, skip, oldest_first=sort > 0)
    every = await repository.figures(session, principal.account_id)
    campaigns = {
        envelopes.campaign_key(shown): {
            "name": shown.view.campaign.name,
            "status": shown.view.campaign.status,
            **envelopes.figures(shown.figures),
        }
        for shown in listed
    }
    overall = {"totalCampaigns": total, **envelopes.figures(envelopes.added_up(every))}
    return enveloped("Campaign analytics fetched.", {"overall": overall, "campaigns": campaigns})


def _named(row: Campaign, sent: dict[str, Any]) -> dict[str, Any]:
    return {
        "campaignId": objectids.object_id(row.id, row.created_at),
        "onlyKept": sorted(sent.keys() - USED),
    }
