"""The operations of the first generation, in the order of its documents."""

from __future__ import annotations

from fastapi import APIRouter

from ghanti.api.toingg.first import calls, endings, messages, payments

router = APIRouter()
for part in (calls, messages, endings, payments):
    router.include_router(part.router)
