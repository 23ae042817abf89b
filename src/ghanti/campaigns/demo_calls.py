"""Demo calls: one contact is called at once with its campaign's own message, to hear what it will say.

Each is a plan of its own, of the class that owns reserved capacity. It is charged; nothing of the campaign
or of the contact tells of it, neither status nor figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import ConflictError, InvalidError, NotFoundError, ThrottledError
from ghanti.accounts.service import Principal
from ghanti.campaigns import content, repository, running, views
from ghanti.campaigns.models import Campaign, Services
from ghanti.campaigns.schemas import DEMO_KIND
from ghanti.contacts import service as contacts
from ghanti.contacts.models import Contact
from ghanti.credits import service as credits
from ghanti.credits import tariffs
from ghanti.credits.repository import Balances
from ghanti.dialing import contents
from ghanti.dialing import service as dialing
from ghanti.dialing.estimating import estimated_hold
from ghanti.dialing.models import Channel, PlanClass
from ghanti.settings import Settings
from ghanti.speech import template

_LISTED = 100
_RETRY_SECONDS = 10
_LANGUAGE = "np"
"""Of a voice that is there no more: the call will say so itself."""

_GOOD_FOR = timedelta(minutes=5)
"""A phone that rings later than this, because there was no way out, would ring for nobody."""


@dataclass(frozen=True, slots=True)
class DemoCall:
    """A demo call that was ordered: a row of ``repository.demo_calls``, and the balances before it."""

    row: Any
    balances: Balances


async def demo_call(
    session: AsyncSession, principal: Principal, contact_id: int, settings: Settings
) -> DemoCall:
    """Call a contact at once, also while its campaign runs.

    Raises:
        NotFoundError: The account has no such contact.
        ConflictError: A demo call of this contact is under way.
        InvalidError: The campaign makes no calls, its message cannot be said to this contact, or there
            are not enough credits.
        ThrottledError: As many demo calls of the account are under way as may be.
    """
    # The balance before all else: of two orders at once, or of one beside a deletion, one waits here.
    balances = (await credits.lock(session, [principal.account_id])).get(principal.account_id, Balances())
    contact = await _contact(session, principal.account_id, contact_id)
    campaign = await views.found(session, principal.account_id, contact.campaign_id)
    if not Services(campaign.services).calls:
        raise InvalidError("The campaign sends messages only; there is no call to try out.")
    if await repository.demo_call_open(session, contact.account_id, contact.id):
        raise ConflictError("A demo call of this contact is under way.")
    under_way = await repository.demo_calls_open(session, contact.account_id)
    if under_way.calls >= settings.demo_calls_at_once:
        raise ThrottledError(
            f"{under_way.calls} demo calls of the account are under way. Try again when one has ended.",
            _RETRY_SECONDS,
        )
    said = await content.call_content(session, principal, campaign, settings)
    _check_tags(said, contact)
    needed = await _needed(session, said, contact, settings)
    _check_credits(Balances(max(0, balances.phone - under_way.promised), balances.sms), needed)
    await _order(session, campaign, contact, said, needed, settings)
    newest = (await repository.demo_calls(session, contact.account_id, contact.id, 1))[0]
    return DemoCall(newest, balances)


async def listed(session: AsyncSession, principal: Principal, contact_id: int) -> Sequence[Any]:
    """The latest demo calls of a contact, as rows of ``repository.demo_calls``. Raises NotFoundError."""
    contact = await _contact(session, principal.account_id, contact_id)
    return await repository.demo_calls(session, contact.account_id, contact.id, _LISTED)


async def _contact(session: AsyncSession, account_id: int, contact_id: int) -> Contact:
    try:
        return await contacts.get(session, account_id, contact_id)
    except contacts.ContactNotFound:
        raise NotFoundError from None


async def _order(
    session: AsyncSession,
    campaign: Campaign,
    contact: Contact,
    said: dict[str, Any],
    needed: int,
    settings: Settings,
) -> None:
    now = await repository.clock(session)
    plan = await dialing.create_plan(
        session,
        dialing.PlanOrder(
            account_id=campaign.account_id,
            owner_kind=DEMO_KIND,
            owner_id=campaign.id,
            plan_class=PlanClass.DEMO,
            call_content=said,
            caller_numbers=await running.caller_numbers(session, campaign),
            ring_seconds=settings.ring_seconds,
            expires_at=now + _GOOD_FOR,
        ),
    )
    await dialing.add_targets(session, plan, [Channel.CALL], [contact.id], repeat=True)
    await dialing.promise(session, plan, needed)


async def _needed(session: AsyncSession, said: dict[str, Any], contact: Contact, settings: Settings) -> int:
    """What the call is to hold, estimated as long as nothing is rendered; what ends without it is no demo."""
    call = contents.read(said)
    voice = None if call.voice_id is None else await repository.voice(session, call.voice_id)
    tariff = (await tariffs.current(session, settings)).of(contact.number)
    language = voice.language if voice else _LANGUAGE
    return estimated_hold(call, contact.variables, language, settings, tariff)


def _check_tags(said: dict[str, Any], contact: Contact) -> None:
    """Every text that the call may speak has its values from this very contact."""
    for name, audio in said.get("audios", {}).items():
        try:
            template.fill(audio.get("template", ""), contact.variables)
        except template.MissingTags as missing:
            raise InvalidError.of(name, f"The contact has {missing}.") from None


def _check_credits(balances: Balances, needed: int) -> None:
    if balances.phone < needed:
        raise InvalidError(
            f"Not enough credits: the call needs {needed}, the account has {balances.phone} phone credits.",
            extra={
                "needed_phone_credits": needed,
                "remaining_sms_credits": balances.sms,
                "remaining_phone_credits": balances.phone,
            },
        )
