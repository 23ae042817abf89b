"""The operations of the third generation."""

from __future__ import annotations

from fastapi import APIRouter

from ghanti.api.toingg.third import account, calls, campaigns, contacts

router = APIRouter()
for part in (campaigns, calls, contacts, account):
    router.include_router(part.router)
