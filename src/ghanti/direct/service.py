"""The rules of calls and messages that are ordered by number, outside of a campaign's run.

A single call joins the open plan of its campaign that says the same; a list of people is one plan of its own.
Nothing of the campaign tells of them, neither its status nor its figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError, NoCreditsError, NotFoundError
from ghanti.accounts.service import Principal
from ghanti.campaigns import running
from ghanti.campaigns.models import Campaign
from ghanti.campaigns.schemas import DIRECT_KIND
from ghanti.contacts.numbers import PhoneNumber
from ghanti.credits import service as credits
from ghanti.credits import tariffs
from ghanti.credits.repository import Balances
from ghanti.credits.tariff import Tariffs
from ghanti.dialing import ordered
from ghanti.dialing import service as dialing
from ghanti.dialing.estimating import estimated_hold
from ghanti.dialing.models import AttemptState, Channel, Delivery, Outcome, TargetState
from ghanti.dialing.personal import personal, variables_of
from ghanti.direct import people, repository, saying
from ghanti.direct.schemas import MOST_PEOPLE, DirectCall, Person, Placed, Refused, State
from ghanti.direct.sids import call_sid, message_sid, parse_sid
from ghanti.settings import Settings
from ghanti.sms.segments import TooLongError, segment
from ghanti.speech.template import fill, tags

__all__ = [
    "MOST_PEOPLE",
    "DirectCall",
    "Person",
    "Placed",
    "Refused",
    "State",
    "call",
    "call_many",
    "call_sid",
    "campaign_by_name",
    "hang_up",
    "message",
    "message_sid",
    "parse_sid",
    "status",
]

_GOOD_FOR = timedelta(hours=24)
"""A single call or message that found no way out for so long is not wanted any more."""

_JOINED_FOR = timedelta(hours=23)
"""For how long a plan must be good that more may join."""

_NO_CAMPAIGN = 0
"""Owner of the plans of messages; no campaign has this id."""

_STATES = {
    AttemptState.LEASED: State.DIALING,
    AttemptState.SENDING: State.DIALING,
    AttemptState.RINGING: State.RINGING,
    AttemptState.ANSWERED: State.ANSWERED,
}


async def campaign_by_name(session: AsyncSession, account_id: int, name: str) -> Campaign:
    """The account's campaign of this name that was updated last, drafts left out. Raises NotFoundError."""
    campaign = await repository.campaign_named(session, account_id, name)
    if campaign is None:
        raise NotFoundError(f"There is no campaign {name}.")
    return campaign


async def call(
    session: AsyncSession,
    principal: Principal,
    campaign: Campaign,
    person: Person,
    settings: Settings,
    *,
    text: str | None = None,
    language: str | None = None,
) -> UUID:
    """Call somebody now with what a campaign says, or with a text in place of its message; answers the sid.

    Args:
        text: May have tags, as a message.
        language: ``nepali``, ``hindi`` or ``english``: the call takes a voice of it.

    Raises:
        InvalidError: The number may not be called, the campaign makes no calls, a tag has no value, or there
            is no voice of the language; with the field.
        NoCreditsError: What the account has, less what others that wait will hold, does not suffice.
        NotFoundError: The campaign was deleted meanwhile.
    """
    number = people.called(person, settings.home_country)
    balances = await _lock(session, campaign)
    said = await saying.said(session, principal, campaign, settings, text, language)
    known = await repository.contacts_by_number(session, campaign.account_id, campaign.id, [number.number])
    contact = known.get(number.number)
    own = personal(person.variables, said.text)
    variables = variables_of(contact.variables if contact else {}, own)
    if refused := people.lacking(said.tags(own), variables):
        raise InvalidError.of(refused.field, refused.message)
    tariff = (await tariffs.current(session, settings)).of(number.number)
    needed = estimated_hold(said.call(own), variables, said.language, settings, tariff)
    await _check_credits(session, campaign.account_id, balances, Balances(phone=needed))
    order = await _calls(session, campaign, said, settings)
    target = _number(number, contact, own, needed)
    await _join(session, order, Channel.CALL, target)
    return target.sid


async def call_many(
    session: AsyncSession,
    principal: Principal,
    campaign: Campaign,
    people_: list[Person],
    settings: Settings,
) -> list[Placed | Refused]:
    """Call many with what a campaign says, as one plan; answers for each, in their order.

    Of equal numbers the first is called, and the others say so. Who cannot be called is refused, and the
    others are called; with too few credits for one pulse each, nobody is.

    Raises:
        InvalidError: The campaign makes no calls, or they are more than ``MOST_PEOPLE``.
        NoCreditsError: as ``call``.
        NotFoundError: The campaign was deleted meanwhile.
    """
    if len(people_) > MOST_PEOPLE:
        raise InvalidError(f"At most {MOST_PEOPLE} numbers are called with one order.")
    # In a thread, because so many take a while and calls go on meanwhile.
    found = await asyncio.to_thread(people.sort_out, people_, settings.home_country)
    balances = await _lock(session, campaign)
    said = await saying.said(session, principal, campaign, settings)
    known = await repository.contacts_by_number(
        session, campaign.account_id, campaign.id, [number.number for number in found.numbers.values()]
    )
    prices = await tariffs.current(session, settings)
    targets = await asyncio.to_thread(_targets, people_, found, known, said, prices)
    if targets:
        needed = Balances(phone=sum(target.units for target in targets.values()))
        await _check_credits(session, campaign.account_id, balances, needed)
        plan = await dialing.create_plan(session, await _calls(session, campaign, said, settings))
        await dialing.add_numbers(session, plan, Channel.CALL, list(targets.values()))
    return [
        Placed(targets[place].sid) if place in targets else found.refused[place]
        for place in range(len(people_))
    ]


async def message(
    session: AsyncSession, principal: Principal, person: Person, text: str, settings: Settings
) -> UUID:
    """Send somebody a text now, its tags filled; answers the sid.

    Raises:
        InvalidError: The number may not be reached, the text is empty or too long, or a tag has no value.
        NoCreditsError: as ``call``.
    """
    number = people.called(person, settings.home_country)
    saying.check_text(text)
    if refused := people.lacking(tags(text), person.variables):
        raise InvalidError.of(refused.field, refused.message)
    try:
        parts = len(segment(fill(text, person.variables).text).parts)
    except TooLongError as error:
        raise InvalidError.of(saying.TEXT, str(error)) from None
    needed = (await tariffs.current(session, settings)).of(number.number).message(parts)
    balances = (await credits.lock(session, [principal.account_id])).get(principal.account_id, Balances())
    await _check_credits(session, principal.account_id, balances, Balances(sms=needed))
    order = dialing.PlanOrder(
        account_id=principal.account_id,
        owner_kind=DIRECT_KIND,
        owner_id=_NO_CAMPAIGN,
        sms_content={"template": ""},
        ring_seconds=settings.ring_seconds,
    )
    target = _number(number, None, personal(person.variables, text), needed)
    await _join(session, order, Channel.SMS, target)
    return target.sid


async def hang_up(session: AsyncSession, account_id: int, sid: UUID) -> None:
    """End one now, ringing or answered; one that waits never rings. Of what has ended it changes nothing.

    Raises NotFoundError when the account ordered none of this sid.
    """
    if not await ordered.hang_up(session, account_id, sid):
        raise NotFoundError


async def status(session: AsyncSession, account_id: int, sid: UUID) -> DirectCall:
    """What became of one. Raises NotFoundError when the account ordered none of this sid."""
    row = await ordered.find(session, account_id, sid)
    if row is None:
        raise NotFoundError
    own = row.personal or personal({})
    return DirectCall(
        sid=sid,
        channel=Channel(row.channel),
        state=_state(row),
        outcome=Outcome(row.outcome) if row.outcome else None,
        reason=row.reason,
        number=row.number,
        variables=own["variables"],
        text=own.get("text"),
        campaign_id=row.owner_id if row.owner_id != _NO_CAMPAIGN else None,
        plan_id=row.plan_id,
        target_id=row.target_id,
        attempt_id=row.attempt_id,
        created_at=row.ordered_at,
        sent_at=row.sent_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        duration_ms=row.duration_ms,
        delivery=Delivery(row.delivery) if row.delivery else None,
        credits=row.credits,
    )


def _state(row: Any) -> State:
    if row.state == TargetState.FINAL:
        return State.ENDED
    return _STATES[row.attempt_state] if row.state == TargetState.ACTIVE else State.WAITING


async def _lock(session: AsyncSession, campaign: Campaign) -> Balances:
    """The account's balance, locked: of two orders at once, or of one beside a deletion, one waits here.

    The campaign is read again, as it is after that wait.
    """
    balances = (await credits.lock(session, [campaign.account_id])).get(campaign.account_id, Balances())
    if not await repository.read_again(session, campaign):
        raise NotFoundError
    return balances


def _targets(
    everybody: Sequence[Person],
    found: people.Sorted,
    known: Mapping[str, repository.KnownPerson],
    said: saying.Said,
    prices: Tariffs,
) -> dict[int, ordered.Number]:
    """Whom to call, by their places in the list. Who lacks a value is refused."""
    wanted = said.tags({})
    targets = {}
    for place, number in found.numbers.items():
        contact = known.get(number.number)
        own = personal(everybody[place].variables)
        if refused := people.lacking(wanted, variables_of(contact.variables if contact else {}, own)):
            found.refused[place] = refused
        else:
            # What a call will hold is known when it is made ready; until then one pulse, as for a campaign.
            targets[place] = _number(number, contact, own, prices.of(number.number).credits_per_pulse)
    return targets


def _number(
    number: PhoneNumber, contact: repository.KnownPerson | None, own: dict[str, Any], units: int
) -> ordered.Number:
    contact_id = contact.contact_id if contact else None
    return ordered.Number(uuid4(), number.number, number.carrier, contact_id, own, units)


async def _calls(
    session: AsyncSession, campaign: Campaign, said: saying.Said, settings: Settings
) -> dialing.PlanOrder:
    return dialing.PlanOrder(
        account_id=campaign.account_id,
        owner_kind=DIRECT_KIND,
        owner_id=campaign.id,
        call_content=said.content,
        caller_numbers=await running.caller_numbers(session, campaign),
        ring_seconds=settings.ring_seconds,
        retries=campaign.retries,
        pace=campaign.pace,
    )


async def _join(
    session: AsyncSession, order: dialing.PlanOrder, channel: Channel, target: ordered.Number
) -> None:
    """Add one to the open plan that says the same, or to a new one when there is none or it ends just now."""
    plan = await repository.open_plan(session, order, _JOINED_FOR)
    if plan is None or not await dialing.add_numbers(session, plan, channel, [target]):
        expires_at = await repository.clock(session) + _GOOD_FOR
        plan = await dialing.create_plan(session, replace(order, expires_at=expires_at))
        await dialing.add_numbers(session, plan, channel, [target])


async def _check_credits(
    session: AsyncSession, account_id: int, balances: Balances, needed: Balances
) -> None:
    """Raise NoCreditsError unless a locked balance, less what others that wait will hold, suffices.

    The engine takes the hold itself when it dials; until then it is promised, and counted here.
    """
    promised = await ordered.promised(session, account_id)
    has = Balances(max(0, balances.phone - promised.phone), max(0, balances.sms - promised.sms))
    if has.phone < needed.phone or has.sms < needed.sms:
        need, kind, have = (
            (needed.phone, "phone", has.phone) if needed.phone else (needed.sms, "SMS", has.sms)
        )
        raise NoCreditsError(
            f"Not enough credits: {need} {kind} credits are needed, the account has {have}.",
            extra={
                "needed_phone_credits": needed.phone,
                "needed_sms_credits": needed.sms,
                "remaining_sms_credits": has.sms,
                "remaining_phone_credits": has.phone,
            },
        )
