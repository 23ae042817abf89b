"""GET /healthz: whether a campaign ordered now would be carried out."""

from __future__ import annotations

import asyncio
import logging

from fastapi import APIRouter, Request, Response

from ghanti.api.context import parts_of
from ghanti.api.responses import answer
from ghanti.database.errors import reason
from ghanti.database.session import transaction
from ghanti.dialing.sessions import live_roles

logger = logging.getLogger(__name__)

ROLES = ("call", "sms", "speech")
"""Workers that the whole chain needs."""

_PATIENCE_SECONDS = 3.0

router = APIRouter()


@router.get("/healthz", summary="Readiness of the whole chain", tags=["Health"])
async def healthz(request: Request) -> Response:
    """200 with ``{"status": "ok"}`` when the database answers and every kind of worker lives; else 503.

    ``checks`` names each part with ``ok`` or what is wrong with it.
    """
    checks = await _checks(request)
    ready = all(state == "ok" for state in checks.values())
    return answer(
        {"status": "ok" if ready else "unavailable", "checks": checks},
        200 if ready else 503,
        {"Cache-Control": "no-store"},
    )


async def _checks(request: Request) -> dict[str, str]:
    parts = parts_of(request)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS), transaction(parts.sessions) as session:
            live = await live_roles(session, parts.settings.takeover_seconds)
    except Exception as error:
        # Whatever keeps the database from answering, the caller must hear it rather than a 500.
        logger.warning("the database does not answer: %s", reason(error))
        return {"database": "does not answer"}
    return {"database": "ok", **{role: "ok" if role in live else "no live worker" for role in ROLES}}
