"""What became of a contact, as SQL: the same words for a page of the API and for the report.

Each expression speaks of ``contact``, of its targets ``call`` and ``sms``, and of their latest attempts
``call_try`` and ``sms_try``; what isn't there is null.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ghanti.campaigns import statuses
from ghanti.campaigns.models import Services
from ghanti.dialing.models import AttemptState, Channel, Outcome, TargetState

TARGET: Final = "id, contact_id, state, outcome, reason, credits, attempts, attempt_id, final_at"
"""The columns of a target that are spoken of."""

ATTEMPT: Final = (
    "id, state, delivery, leased_at, sent_at, ringing_at, answered_at, ended_at, duration_ms, played_ms,"
    " total_ms"
)
"""The columns of an attempt that are spoken of."""

_TALKED_MS: Final = f"""
    CASE WHEN call_try.state = '{AttemptState.ANSWERED}'
         THEN greatest(extract(epoch FROM clock_timestamp() - call_try.answered_at) * 1000, 0)::bigint
         ELSE coalesce(call_try.duration_ms, 0) END"""
"""Since the answer: as recorded, or up to now while the call lasts."""


def columns(services: Services) -> dict[str, str]:
    """Expressions by name. ``status`` is the call's, or the message's in a campaign without calls.

    ``seconds`` are begun ones, so that an answered call never lasts none; ``playback`` is the percentage of
    the message that was heard, as text, and empty before any answer.
    """
    main = Channel.CALL if services.calls else Channel.SMS
    moments = ", ".join(f"{main}_try.{at}" for at in ("leased_at", "sent_at", "ringing_at", "answered_at"))
    return {
        "id": "contact.id",
        "number": "contact.number_sent",
        "carrier": "contact.carrier",
        "updated_at": f"greatest(contact.updated_at, {main}.final_at, {moments})",
        "status": _status(main),
        "seconds": f"({_TALKED_MS} + 999) / 1000",
        "playback": _playback(),
        "credits_phone": "coalesce(call.credits, 0)",
        "credits_sms": "coalesce(sms.credits, 0)",
        "sms_status": _sms_status(),
        "attempts": f"coalesce({main}.attempts, 0)",
        "started_at": f"{main}_try.sent_at",
        "ended_at": f"{main}_try.ended_at",
        "reason": f"coalesce({main}.reason, sms.reason, '')",
        # The only texts of a campaign that calls are those in place of a call.
        "failover_sms_sent": f"coalesce(sms.outcome = '{Outcome.COMPLETED}', false)"
        if services is Services.PHONE
        else "false",
    }


def _status(channel: Channel) -> str:
    in_flight = _choice(f"{channel}_try.state", statuses.IN_FLIGHT, "'dialing'")
    return f"""
    CASE {channel}.state WHEN '{TargetState.FINAL}' THEN {_final(channel)}
         WHEN '{TargetState.ACTIVE}' THEN {in_flight}
         ELSE '{statuses.NOT_STARTED}' END"""


def _sms_status() -> str:
    accepted = _choice("sms_try.delivery", statuses.SMS_DELIVERY, "'sent'")
    return f"""
    CASE WHEN sms.id IS NULL THEN ''
         WHEN sms.outcome = '{Outcome.COMPLETED}' THEN {accepted}
         WHEN sms.state = '{TargetState.FINAL}' THEN {_final(Channel.SMS)}
         WHEN sms.state = '{TargetState.ACTIVE}' THEN 'sending'
         ELSE '{statuses.NOT_STARTED}' END"""


def _playback() -> str:
    heard = f"""
    CASE WHEN call_try.state = '{AttemptState.ANSWERED}' THEN greatest(call_try.played_ms, {_TALKED_MS})
         ELSE call_try.played_ms END"""
    return f"""
    CASE WHEN call_try.answered_at IS NULL THEN ''
         WHEN call.outcome = '{Outcome.COMPLETED}' THEN '100'
         ELSE coalesce(least(100, 100 * ({heard}) / nullif(call_try.total_ms, 0)), 0)::text END"""


def _final(channel: Channel) -> str:
    return _choice(f"{channel}.outcome", statuses.FINAL, "'failed'")


def _choice(value: str, words: Mapping[Any, str], otherwise: str) -> str:
    cases = " ".join(f"WHEN '{key}' THEN '{word}'" for key, word in words.items())
    return f"CASE {value} {cases} ELSE {otherwise} END"
