"""The operations of the third generation."""

from __future__ import annotations

from fastapi import APIRouter

from ghanti.api.toingg.third import account, calls, campaigns, contacts, transcripts, webhooks

router = APIRouter()
for part in (campaigns, calls, transcripts, contacts, webhooks, account):
    router.include_router(part.router)
