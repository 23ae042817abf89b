"""What became of a campaign's contacts: page by page, and as one CSV report."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns import repository as campaigns
from ghanti.campaigns import views
from ghanti.campaigns.models import Campaign, Services
from ghanti.contacts import service as contacts
from ghanti.contacts.models import Contact
from ghanti.dialing import service as dialing
from ghanti.reports import repository
from ghanti.reports.repository import Audience

_BEFORE = ("number",)
_AFTER = (
    "status",
    "call_duration",
    "duration_seconds",
    "playback",
    "credit_consumed",
    "credit_consumed_SMS",
    "sms_status",
    "carrier",
    "attempts",
    "started_at",
    "ended_at",
    "reason",
)
_IN_MEMORY = 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_MOST_VARIABLES = 1500
"""PostgreSQL answers at most 1,664 columns."""


@dataclass(frozen=True, slots=True)
class ContactPage:
    """``credits_consumed`` and ``carriers`` are the whole campaign's, not the page's."""

    total: int
    rows: Sequence[Any]
    credits_consumed: int
    carriers: dict[str, int]


async def contact_page(
    session: AsyncSession, account_id: int, campaign_id: int, limit: int, offset: int
) -> ContactPage:
    """A campaign's contacts, newest first, as rows of ``repository.progress``. Raises NotFoundError."""
    audience = await _audience(session, await views.found(session, account_id, campaign_id))
    figures = await dialing.figures(session, account_id, audience.plan_ids)
    carriers = await campaigns.carriers(session, account_id, campaign_id)
    return ContactPage(
        total=sum(carriers.values()),
        rows=await repository.page(session, audience, limit, offset),
        credits_consumed=sum(figure.credits for figure in figures.values()),
        carriers=carriers,
    )


async def contact_progress(session: AsyncSession, contact: Contact) -> Any:
    """One contact as a row of ``repository.progress``."""
    campaign = await views.found(session, contact.account_id, contact.campaign_id)
    return await repository.one(session, await _audience(session, campaign), contact.id)


async def campaign_csv(
    session: AsyncSession, account_id: int, campaign_id: int, zone: ZoneInfo
) -> AsyncIterator[bytes]:
    """The report of a campaign, running or not: a line a contact, in the order they were added.

    Columns: number, each variable in order of the first contact that has it, and what became of
    the contact. UTF-8 with a byte order mark, since Excel takes it for another encoding without.
    It is written whole before any of it is sent, since a slow download must hold no connection; the
    answer's iterator removes it. Raises NotFoundError.
    """
    campaign = await views.found(session, account_id, campaign_id)
    names = (await contacts.variable_keys(session, account_id, campaign_id))[:_MOST_VARIABLES]
    audience = await _audience(session, campaign)
    with ExitStack() as cleanup:
        file = cleanup.enter_context(SpooledTemporaryFile(_IN_MEMORY))
        file.write(_header(names))
        async for chunk in repository.stream_csv(session, audience, names, zone):
            await asyncio.to_thread(file.write, chunk)
        cleanup.pop_all()
    return _sent(file)


async def _sent(file: SpooledTemporaryFile[bytes]) -> AsyncIterator[bytes]:
    with file:
        file.seek(0)
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk


async def _audience(session: AsyncSession, campaign: Campaign) -> Audience:
    return Audience(
        account_id=campaign.account_id,
        campaign_id=campaign.id,
        services=Services(campaign.services),
        plan_ids=await repository.plan_ids(session, campaign.account_id, campaign.id),
    )


def _header(variables: Sequence[str]) -> bytes:
    taken = {*_BEFORE, *_AFTER}
    # A variable named like one of our columns would hide it from programs that read by name.
    named = [f"tags_{name}" if name in taken else name for name in variables]
    line = io.StringIO()
    # A carriage return ends a row for spreadsheets, but the writer quotes it only if its own rows end so.
    csv.writer(line, lineterminator="\r\n").writerow([*_BEFORE, *map(_defused, named), *_AFTER])
    return b"\xef\xbb\xbf" + line.getvalue().removesuffix("\r\n").encode() + b"\n"


def _defused(cell: str) -> str:
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
