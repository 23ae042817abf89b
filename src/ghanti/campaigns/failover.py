"""A message in place of a call: what became of the calls that one follows, and what it says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.campaigns import repository, statuses
from ghanti.campaigns.models import Campaign, Services
from ghanti.dialing import service as dialing
from ghanti.dialing.handlers import TargetOutcome
from ghanti.dialing.models import Channel, Outcome

_NEVER = frozenset({Outcome.CANCELLED, Outcome.EXPIRED, Outcome.BLOCKED})
"""Somebody or something said that this contact is not to be reached."""


def applies(campaign: Campaign) -> bool:
    """Whether its calls may be followed by a message. One that sends messages anyway needs no other."""
    return bool(campaign.failover_target) and campaign.services == Services.PHONE


def text_of(campaign: Campaign) -> str:
    """The template of the message: the one for texts, or the spoken one where there is none."""
    return campaign.sms_message if campaign.sms_message.strip() else campaign.message


def follows(outcome: Outcome, dialled: bool, wanted: Collection[str]) -> bool:
    """Whether a call that ended so is followed by a message.

    ``wanted`` are statuses as contacts show them. A call that was never dialled has, beside its own, the
    status "not started".
    """
    if outcome in _NEVER:
        return False
    return statuses.FINAL[outcome] in wanted or (not dialled and statuses.NOT_STARTED in wanted)


async def follow_up(session: AsyncSession, batch: list[TargetOutcome]) -> None:
    """Order the messages that these outcomes are followed by, in the transaction that records them.

    A provisional outcome is followed by none: what it is replaced by is, or it itself once it stands.
    """
    calls = [
        told
        for told in batch
        if told.channel is Channel.CALL and told.contact_id is not None and not told.provisional
    ]
    wanted = await repository.failover_targets(session, {(told.account_id, told.owner_id) for told in calls})
    followed: dict[int, list[int]] = defaultdict(list)
    for told in calls:
        statuses_wanted = wanted.get((told.account_id, told.owner_id), ())
        if follows(told.outcome, told.dialled, statuses_wanted):
            followed[told.account_id].append(told.target_id)
    for account_id, target_ids in sorted(followed.items()):
        await dialing.text_instead(session, account_id, target_ids)
