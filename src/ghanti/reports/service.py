"""What became of a campaign's contacts: page by page, and as one CSV report."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import NotFoundError
from ghanti.contacts import service as contacts
from ghanti.contacts.models import Contact
from ghanti.database.copying import FORMULA_STARTS
from ghanti.database.lookups import Lookups
from ghanti.database.session import SessionFactory, transaction
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
    lookups: Lookups, account_id: int, campaign_id: int, limit: int, offset: int
) -> ContactPage:
    """A campaign's contacts, newest first, as rows of ``progress.columns``. Raises NotFoundError."""
    found = await repository.page(lookups, account_id, campaign_id, limit, offset)
    if found is None:
        raise NotFoundError
    audience, rows = found
    return ContactPage(
        total=sum(audience.carriers.values()),
        rows=rows,
        credits_consumed=audience.credits,
        carriers=audience.carriers,
    )


async def contact_progress(session: AsyncSession, contact: Contact) -> Any:
    """One contact as a row of ``progress.columns``."""
    audience = await _audience(session, contact.account_id, contact.campaign_id)
    return await repository.one(session, audience, contact.id)


async def campaign_csv(
    sessions: SessionFactory, account_id: int, campaign_id: int, zone: ZoneInfo
) -> AsyncGenerator[bytes, None]:
    """The report of a campaign, running or not: a line a contact, in the order they were added.

    Columns: number, each variable in order of the first contact that has it, and what became of
    the contact. UTF-8 with a byte order mark, since Excel takes it for another encoding without.
    All of it shows one moment. The transaction is the generator's own and lasts as long as it does.
    Raises NotFoundError before the first chunk.
    """
    async with transaction(sessions) as session:
        await repository.prepare_report(session, zone)
        audience = await _audience(session, account_id, campaign_id)
        names = (await contacts.variable_keys(session, account_id, campaign_id))[:_MOST_VARIABLES]
        yield _header(names)
        async with aclosing(repository.report_rows(session, audience, names)) as chunks:
            async for chunk in chunks:
                yield chunk


async def _audience(session: AsyncSession, account_id: int, campaign_id: int) -> Audience:
    audience = await repository.audience(session, account_id, campaign_id)
    if audience is None:
        raise NotFoundError
    return audience


def _header(variables: Sequence[str]) -> bytes:
    taken = {*_BEFORE, *_AFTER}
    # A variable named like one of our columns would hide it from programs that read by name.
    named = [f"tags_{name}" if name in taken else name for name in variables]
    line = io.StringIO()
    # A carriage return ends a row for spreadsheets, but the writer quotes it only if its own rows end so.
    csv.writer(line, lineterminator="\r\n").writerow([*_BEFORE, *map(_defused, named), *_AFTER])
    return b"\xef\xbb\xbf" + line.getvalue().removesuffix("\r\n").encode() + b"\n"


def _defused(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
