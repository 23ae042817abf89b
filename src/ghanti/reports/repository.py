"""The SQL of what became of a campaign's contacts: one query, for the list on the wire and for the report."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ghanti.campaigns import statuses
from ghanti.campaigns.models import Services
from ghanti.campaigns.schemas import OWNER_KIND
from ghanti.contacts.models import Contact
from ghanti.database.session import raw_connection
from ghanti.dialing.models import Attempt, AttemptState, Channel, Outcome, Plan, Target, TargetState

_CHUNK_BYTES = 64 * 1024

_DIALECT = psycopg.dialect()  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Audience:
    """Whose contacts: a campaign, its channels, and its plans so far."""

    account_id: int
    campaign_id: int
    services: Services
    plan_ids: Sequence[int]


async def plan_ids(session: AsyncSession, account_id: int, campaign_id: int) -> Sequence[int]:
    statement = select(Plan.id).where(
        Plan.account_id == account_id, Plan.owner_kind == OWNER_KIND, Plan.owner_id == campaign_id
    )
    return list(await session.scalars(statement))


async def page(session: AsyncSession, audience: Audience, limit: int, offset: int) -> Sequence[Any]:
    """Contacts and what became of them, the newest first."""
    newest = (
        select(Contact.id)
        .where(Contact.account_id == audience.account_id, Contact.campaign_id == audience.campaign_id)
        .order_by(Contact.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return await _rows(session, audience, list(await session.scalars(newest)))


async def one(session: AsyncSession, audience: Audience, contact_id: int) -> Any:
    """What became of one contact, or None."""
    rows = await _rows(session, audience, [contact_id])
    return rows[0] if rows else None


async def _rows(session: AsyncSession, audience: Audience, contact_ids: Sequence[int]) -> Sequence[Any]:
    """Some contacts, the newest first.

    Right after a run was ordered the planner has no statistics of its targets and may walk all of
    them for every contact. With the ids named for each table it has nothing to choose.
    """
    attempts = select(Target.attempt_id).where(
        Target.account_id == audience.account_id,
        Target.contact_id.in_(contact_ids),
        Target.attempt_id.is_not(None),
    )
    attempt_ids = list(await session.scalars(attempts))
    statement = progress(audience, contact_ids, attempt_ids).order_by(Contact.id.desc())
    return list(await session.execute(statement))


def progress(
    audience: Audience,
    contact_ids: Sequence[int] | None = None,
    attempt_ids: Sequence[UUID | None] = (),
) -> Select[Any]:
    """One row a contact: what it is, and the state of its call and its message as the wire has them.

    All contacts, or those named, whose latest attempts are then to be named too.

    ``status``, ``seconds`` and ``playback`` are the call's, or the message's in a campaign without calls.
    """
    call, call_try = aliased(Target, name="call"), aliased(Attempt, name="call_try")
    sms, sms_try = aliased(Target, name="sms"), aliased(Attempt, name="sms_try")
    main, main_try = (call, call_try) if audience.services.calls else (sms, sms_try)
    statement = select(
        Contact.id,
        Contact.number_sent.label("number"),
        Contact.carrier,
        func.greatest(
            Contact.updated_at,
            main.final_at,
            main_try.leased_at,
            main_try.sent_at,
            main_try.ringing_at,
            main_try.answered_at,
        ).label("updated_at"),
        _status(main, main_try).label("status"),
        _seconds(call_try).label("seconds"),
        _playback(call, call_try).label("playback"),
        func.coalesce(call.credits, 0).label("credits_phone"),
        func.coalesce(sms.credits, 0).label("credits_sms"),
        _sms_status(sms, sms_try).label("sms_status"),
        func.coalesce(main.attempts, 0).label("attempts"),
        main_try.sent_at.label("started_at"),
        main_try.ended_at.label("ended_at"),
        func.coalesce(main.reason, sms.reason, "").label("reason"),
    ).where(Contact.account_id == audience.account_id, Contact.campaign_id == audience.campaign_id)
    if contact_ids is not None:
        statement = statement.where(Contact.id.in_(contact_ids))
    for target, attempt, channel in ((call, call_try, Channel.CALL), (sms, sms_try, Channel.SMS)):
        its_target = [
            target.account_id == Contact.account_id,
            target.contact_id == Contact.id,
            target.channel == channel,
            target.plan_id.in_(audience.plan_ids),
        ]
        its_attempt = [attempt.account_id == target.account_id, attempt.id == target.attempt_id]
        if contact_ids is not None:
            its_target.append(target.contact_id.in_(contact_ids))
            its_attempt.append(attempt.id.in_(attempt_ids))
        statement = statement.outerjoin(target, and_(*its_target)).outerjoin(attempt, and_(*its_attempt))
    return statement


def _status(target: Any, attempt: Any) -> ColumnElement[str]:
    return case(
        (target.state == TargetState.FINAL, case(statuses.FINAL, value=target.outcome, else_="failed")),
        (
            target.state == TargetState.ACTIVE,
            case(statuses.IN_FLIGHT, value=attempt.state, else_="dialing"),
        ),
        else_=statuses.NOT_STARTED,
    )


def _sms_status(target: Any, attempt: Any) -> ColumnElement[str]:
    accepted = case(statuses.SMS_DELIVERY, value=attempt.delivery, else_="sent")
    return case(
        (target.id.is_(None), ""),
        (target.outcome == Outcome.COMPLETED, accepted),
        (target.state == TargetState.FINAL, case(statuses.FINAL, value=target.outcome, else_="failed")),
        (target.state == TargetState.ACTIVE, "sending"),
        else_=statuses.NOT_STARTED,
    )


def _talked_ms(attempt: Any) -> ColumnElement[Any]:
    """Since the answer: as recorded, or up to now while the call lasts."""
    so_far = func.extract("epoch", func.clock_timestamp() - attempt.answered_at) * 1000
    return case(
        (attempt.state == AttemptState.ANSWERED, func.greatest(so_far, 0)),
        else_=func.coalesce(attempt.duration_ms, 0),
    )


def _seconds(attempt: Any) -> ColumnElement[int]:
    """Begun seconds, so that an answered call never lasts none."""
    return cast(func.ceil(_talked_ms(attempt) / 1000.0), BigInteger)


def _playback(target: Any, attempt: Any) -> ColumnElement[str]:
    """Percent of the message heard, as text; empty before any answer."""
    heard = case(
        (attempt.state == AttemptState.ANSWERED, func.greatest(attempt.played_ms, _talked_ms(attempt))),
        else_=attempt.played_ms,
    )
    percent = func.least(100, func.floor(100.0 * heard / func.nullif(attempt.total_ms, 0)))
    return case(
        (attempt.answered_at.is_(None), ""),
        (target.outcome == Outcome.COMPLETED, "100"),
        else_=cast(cast(func.coalesce(percent, 0), Integer), Text),
    )


async def stream_csv(
    session: AsyncSession, audience: Audience, variables: Sequence[str], zone: ZoneInfo
) -> AsyncIterator[bytes]:
    """The rows of the report as CSV without header, in file order, through COPY: memory stays flat."""
    await session.execute(text("SELECT set_config('TimeZone', :zone, true)"), {"zone": zone.key})
    # As in _rows: without statistics, nested loops over the whole campaign would never end.
    await session.execute(text("SET LOCAL enable_nestloop = off"))
    query = _report(audience, variables).compile(
        dialect=_DIALECT, compile_kwargs={"render_postcompile": True}
    )
    connection = await raw_connection(session)
    waiting = bytearray()
    async with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)", query.params) as copy,
    ):
        async for data in copy:
            waiting += data
            if len(waiting) >= _CHUNK_BYTES:
                yield bytes(waiting)
                waiting.clear()
    if waiting:
        yield bytes(waiting)


def _report(audience: Audience, variables: Sequence[str]) -> Select[Any]:
    rows = progress(audience).add_columns(Contact.variables.label("variables")).subquery("contact")
    column = rows.c
    seconds = cast(column.seconds, Text)
    return select(
        _defused(column.number),
        *(_defused(column.variables.op("->>")(literal(name, Text))) for name in variables),
        column.status,
        seconds.concat("s"),
        seconds,
        func.nullif(column.playback, ""),
        column.credits_phone,
        column.credits_sms,
        func.nullif(column.sms_status, ""),
        column.carrier,
        column.attempts,
        _moment(column.started_at),
        _moment(column.ended_at),
        _defused(func.nullif(column.reason, "")),
    ).order_by(column.id)


def _defused(value: ColumnElement[Any]) -> ColumnElement[Any]:
    """A cell that a spreadsheet would take for a formula gets an apostrophe in front."""
    return func.regexp_replace(value, literal("^([=+@\t\r-])", Text), literal("'\\1", Text))


def _moment(value: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.to_char(value, literal('YYYY-MM-DD"T"HH24:MI:SSTZH:TZM', Text))
