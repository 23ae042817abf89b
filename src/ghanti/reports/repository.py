"""The SQL of what became of a campaign's contacts: pages of them, and the rows of the report."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns.models import Services
from ghanti.campaigns.schemas import OWNER_KIND
from ghanti.database.copying import copy_out, defused, moment
from ghanti.database.lookups import Lookups
from ghanti.dialing.models import Channel
from ghanti.reports.progress import ATTEMPT, TARGET, columns

_FIRST_CONTACTS, _MOST_CONTACTS = 1_000, 32_000
"""How many contacts one COPY reads: few at first, since somebody waits, then ever more."""

_LONGEST_COLUMN: Final = 63
"""Bytes in the name of a column (PostgreSQL documentation, "Identifiers")."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose contacts: a campaign, its channels, and its plans so far.

    ``credits`` are those that the whole campaign consumed; ``carriers`` count its contacts.
    """

    account_id: int
    campaign_id: int
    services: Services
    plan_ids: Sequence[int]
    credits: int
    carriers: dict[str, int]


_AUDIENCE = f"""
    SELECT c.account_id, c.services, p.ids,
           (SELECT coalesce(sum(f.credits), 0)::bigint FROM plan_figures f
             WHERE f.account_id = c.account_id AND f.plan_id = ANY(p.ids)) AS credits,
           (SELECT json_object_agg(carrier, contacts ORDER BY contacts DESC, carrier)::text
              FROM (SELECT carrier, sum(contacts)::bigint AS contacts FROM contact_totals t
                     WHERE t.account_id = c.account_id AND t.campaign_id = c.id
                     GROUP BY carrier HAVING sum(contacts) > 0) total) AS carriers
      FROM campaigns c,
           LATERAL (SELECT ARRAY(SELECT id FROM plans
                                  WHERE plans.account_id = c.account_id
                                    AND plans.owner_kind = '{OWNER_KIND}'
                                    AND plans.owner_id = c.id) AS ids OFFSET 0) p
     WHERE c.account_id = :account_id AND c.id = :campaign_id
"""  # noqa: S608 - made of constants


async def audience(session: AsyncSession, account_id: int, campaign_id: int) -> Audience | None:
    """The campaign's audience, in one round trip; None without such a campaign."""
    row = (
        await session.execute(
            text(_AUDIENCE),
            {"account_id": account_id, "campaign_id": campaign_id},
        )
    ).one_or_none()
    if row is None:
        return None
    return _audience_of(account_id, campaign_id, row)


def _audience_of(account_id: int, campaign_id: int, row: Any) -> Audience:
    carriers = orjson.loads(row.carriers) if row.carriers else {}
    return Audience(account_id, campaign_id, Services(row.services), row.ids, row.credits, carriers)


async def page(
    lookups: Lookups, account_id: int, campaign_id: int, limit: int, offset: int
) -> tuple[Audience, Sequence[Any]] | None:
    """Contacts and what became of them, the newest first, as rows of ``progress.columns``.

    In one round trip, and together with whose they are; None without such a campaign.
    """
    values = {"account_id": account_id, "campaign_id": campaign_id, "offset": offset}
    rows = await lookups.rows(_whole_page_query(limit), values)
    if not rows:
        return None
    whose = _audience_of(account_id, campaign_id, rows[0])
    return whose, rows if rows[0].id is not None else []


@cache
def _whole_page_query(limit: int) -> str:
    """The page's length stands in it, for the planner, which would take a parameter for a tenth of all."""
    audience = _AUDIENCE.replace(":account_id", "%(account_id)s::bigint")
    audience = audience.replace(":campaign_id", "%(campaign_id)s::bigint")
    by_services = {services: columns(services) for services in Services}
    wanted = ", ".join(
        f"{_by_services({services: each[name] for services, each in by_services.items()})} AS {name}"
        for name in by_services[Services.PHONE]
    )
    channels = _channels("whose.account_id", "whose.ids")
    return f"""
        SELECT {wanted}, whose.services, whose.ids, whose.credits, whose.carriers
          FROM ({audience} OFFSET 0) whose
          LEFT JOIN LATERAL (
               SELECT id, number_sent, carrier, updated_at FROM contacts
                WHERE account_id = %(account_id)s::bigint AND campaign_id = %(campaign_id)s::bigint
                ORDER BY id DESC LIMIT {limit} OFFSET %(offset)s::bigint) contact ON true{channels}
         ORDER BY contact.id DESC"""  # noqa: S608 - made of constants and a number


def _by_services(expressions: Mapping[Services, str]) -> str:
    """What differs by the channels of the campaign ``whose``."""
    different = dict.fromkeys(expressions.values())
    if len(different) == 1:
        return next(iter(different))
    cases = " ".join(f"WHEN '{services}' THEN {expression}" for services, expression in expressions.items())
    return f"CASE whose.services {cases} END"


async def one(session: AsyncSession, whose: Audience, contact_id: int) -> Any:
    """What became of one contact as a row of ``progress.columns``, or None."""
    rows = await session.execute(
        text(_one_query(whose.services)),
        {
            "account_id": whose.account_id,
            "campaign_id": whose.campaign_id,
            "plan_ids": whose.plan_ids,
            "contact_id": contact_id,
        },
    )
    return rows.one_or_none()


@cache
def _one_query(services: Services) -> str:
    wanted = ", ".join(f"{expression} AS {name}" for name, expression in columns(services).items())
    return f"""
        SELECT {wanted}
          FROM (SELECT id, number_sent, carrier, updated_at FROM contacts
                 WHERE account_id = :account_id AND campaign_id = :campaign_id
                   AND id = :contact_id) contact{_channels(":account_id", ":plan_ids")}"""  # noqa: S608


def _channels(account_id: str, plan_ids: str) -> str:
    """Joins a contact's targets and attempts, looked up one by one.

    Right after a run was ordered the planner has no statistics of its targets and might walk all of them;
    what stands behind ``OFFSET 0`` it cannot join in another way.
    """
    return "".join(
        f"""
        LEFT JOIN LATERAL (
             SELECT {TARGET} FROM targets
              WHERE targets.account_id = {account_id} AND targets.contact_id = contact.id
                AND targets.channel = '{channel}' AND targets.plan_id = ANY({plan_ids})
             OFFSET 0) {channel} ON true
        LEFT JOIN LATERAL (
             SELECT {ATTEMPT} FROM attempts
              WHERE attempts.account_id = {account_id} AND attempts.id = {channel}.attempt_id
             OFFSET 0) {channel}_try ON true"""  # noqa: S608
        for channel in Channel
    )


async def prepare_report(session: AsyncSession, zone: ZoneInfo) -> None:
    """Have all that is read next belong to one moment, and times in a zone; first in a transaction."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
    # A part of the contacts is read at a time, by ranges of indexes. Without statistics the planner would
    # take the parts for the whole, or their rows for a few.
    await session.execute(
        text(
            "SELECT set_config('TimeZone', :zone, true), set_config('enable_nestloop', 'off', true),"
            " set_config('enable_seqscan', 'off', true)"
        ),
        {"zone": zone.key},
    )


async def report_rows(
    session: AsyncSession, whose: Audience, variables: Sequence[str]
) -> AsyncGenerator[bytes, None]:
    """The rows of the report as CSV without header, in the order in which contacts were added.

    Copied in parts, each found by ranges of ids: joining all of a big campaign would take its time, and
    disk, before the first row came.
    """
    last, size = 0, _FIRST_CONTACTS
    while (end := await _end_of_part(session, whose, last, size)) is not None:
        async with aclosing(copy_out(session, _report_query(whose, variables, last, end))) as chunks:
            async for chunk in chunks:
                yield chunk
        last, size = end, min(size * 2, _MOST_CONTACTS)


async def _end_of_part(session: AsyncSession, whose: Audience, last: int, size: int) -> int | None:
    """The id of the contact that ends a part of ``size`` contacts after ``last``; None after the last one."""
    end: int | None = await session.scalar(
        text(
            "SELECT max(id) FROM (SELECT id FROM contacts WHERE account_id = :account_id"
            " AND campaign_id = :campaign_id AND id > :last ORDER BY id LIMIT :size) part"
        ),
        {"account_id": whose.account_id, "campaign_id": whose.campaign_id, "last": last, "size": size},
    )
    return end


def _report_query(whose: Audience, variables: Sequence[str], last: int, end: int) -> sql.Composable:
    """The rows of the contacts after ``last``, up to ``end``."""
    named = [name for name in variables if 0 < len(name.encode()) <= _LONGEST_COLUMN]
    record: sql.Composable = sql.SQL("")
    if named:
        # All of them at once: ``->>`` reads the whole of the JSON for each.
        fields = sql.SQL(", ").join(sql.SQL("{} text").format(sql.Identifier(name)) for name in named)
        record = sql.SQL(" CROSS JOIN LATERAL json_to_record(variables) AS variable ({})").format(fields)
    values = [
        defused(
            sql.SQL("variable.{}").format(sql.Identifier(name))
            if name in set(named)
            else sql.SQL("(variables ->> {})").format(sql.Literal(name))
        )
        for name in variables
    ]
    own = {name: sql.SQL(expression) for name, expression in columns(whose.services).items()}
    cells = [
        defused(own["number"]),
        *values,
        own["status"],
        sql.SQL("({})::text || 's'").format(own["seconds"]),
        own["seconds"],
        _bare(own["playback"]),
        own["credits_phone"],
        own["credits_sms"],
        _bare(own["sms_status"]),
        own["carrier"],
        own["attempts"],
        moment(own["started_at"]),
        moment(own["ended_at"]),
        defused(own["reason"]),
    ]
    return sql.SQL(
        """
        WITH contact AS MATERIALIZED (
             SELECT id, number_sent, carrier, updated_at, variables FROM contacts
              WHERE account_id = {account_id} AND campaign_id = {campaign_id}
                AND id > {last} AND id <= {end}),
        target AS MATERIALIZED (
             SELECT channel, {target} FROM targets
              WHERE account_id = {account_id} AND plan_id = ANY({plan_ids}::bigint[])
                AND contact_id > {last} AND contact_id <= {end}),
        attempt AS MATERIALIZED (
             SELECT {attempt} FROM attempts
              WHERE account_id = {account_id}
                AND target_id = ANY(ARRAY(SELECT id FROM target WHERE attempt_id IS NOT NULL)))
        SELECT {cells} FROM contact{record}
          LEFT JOIN target call ON call.contact_id = contact.id AND call.channel = {call}
          LEFT JOIN attempt call_try ON call_try.id = call.attempt_id
          LEFT JOIN target sms ON sms.contact_id = contact.id AND sms.channel = {sms}
          LEFT JOIN attempt sms_try ON sms_try.id = sms.attempt_id
         ORDER BY contact.id
        """
    ).format(
        account_id=whose.account_id,
        campaign_id=whose.campaign_id,
        plan_ids=list(whose.plan_ids),
        last=last,
        end=end,
        target=sql.SQL(TARGET),
        attempt=sql.SQL(ATTEMPT),
        call=str(Channel.CALL),
        sms=str(Channel.SMS),
        cells=sql.SQL(", ").join(cells),
        record=record,
    )


def _bare(value: sql.Composable) -> sql.Composable:
    """Text whose empty cells have no quotes: COPY writes those of a null so."""
    return sql.SQL("nullif({}, '')").format(value)
