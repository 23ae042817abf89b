"""Calls by the SIDs that their orders were answered with."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import NotFoundError
from ghanti.dialing.models import Channel
from ghanti.direct import service as direct
from ghanti.direct.schemas import DirectCall
from ghanti.direct.sids import parse_sid


def sid_of(text: str) -> UUID:
    """The sid of a call. Raises NotFoundError for what is none."""
    # Some clients end the query with a slash, as they do paths.
    written = text.strip().rstrip("/")
    sid = parse_sid(written) if written.upper().startswith("CA") else None
    if sid is None:
        raise NotFoundError("There is no such call.")
    return sid


async def call_of(session: AsyncSession, account_id: int, text: str) -> DirectCall:
    """An account's call. Raises NotFoundError for what is none, a message among it."""
    call = await direct.status(session, account_id, sid_of(text))
    if call.channel is not Channel.CALL:
        raise NotFoundError("There is no such call.")
    return call
