"""Between the engine and a voice process: leases become dial orders, events become rows."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

from ghanti.credits.tariff import Tariff
from ghanti.dialing.attempts import Lease
from ghanti.dialing.contents import script_of
from ghanti.dialing.models import Outcome
from ghanti.dialing.outcomes import AttemptOutcome
from ghanti.encryption import SecretBox
from ghanti.media.store import MediaStore
from ghanti.trunks.models import Trunk
from ghanti.trunks.service import dialled_form
from ghanti.voice import protocol
from ghanti.voice.protocol import Dial, Ended

SEND_WITHIN_SECONDS = 3.0
"""How long an order is good for; later the voice process refuses it."""

RETURNABLE = frozenset({"capacity", "draining", "too_late", "no_media_port", "audio", "void"})
"""Reasons for which nothing left and the target waits again; any other refusal would come again."""

_OUTCOMES: Mapping[str, Outcome] = {
    "completed": Outcome.COMPLETED,
    "hungup": Outcome.HUNGUP,
    "busy": Outcome.BUSY,
    "no_answer": Outcome.NO_ANSWER,
    "rejected": Outcome.REJECTED,
    "invalid_number": Outcome.INVALID_NUMBER,
    "cancelled": Outcome.CANCELLED,
    "silent": Outcome.UNKNOWN,
}


def call_id(lease: Lease, leg: int) -> str:
    """A leg's Call-ID: found again in any trace by the attempt's id."""
    return f"{lease.attempt_id.hex}-{leg}@ghanti"


def way_out(trunk: Trunk, box: SecretBox) -> protocol.Trunk:
    """The trunk as orders name it. Raises when it is not set up to be used."""
    return protocol.Trunk(
        host=trunk.host,
        port=trunk.port,
        username=trunk.username,
        password=box.decrypt(trunk.password) if trunk.password else None,
        codecs=list(dict.fromkeys(trunk.codecs)),
    )


def max_seconds(lease: Lease, longest: int) -> int:
    """How long a call may last: it is ended before it costs more than was held for it."""
    paid = Tariff.held_at(lease.pulse_seconds, lease.price).seconds(lease.held)
    return longest if paid is None else min(paid, longest)


def dial_order(
    lease: Lease,
    trunk: Trunk,
    way: protocol.Trunk,
    store: MediaStore,
    *,
    answered: Collection[str] = (),
    max_seconds: int,
    home_country: str,
    record: bool = False,
) -> Dial:
    """The order of a leased call, for what is left of its script when some steps are ``answered``.

    It is recorded where both its content and this installation want it, and nothing secret is said.
    Raises when what was leased cannot be dialled.
    """
    script, keys = script_of(lease.said).resumed(answered), _audio_keys(lease)
    return Dial(
        attempt=lease.attempt_id,
        leg=1,
        call_id=call_id(lease, 1),
        send_by=time.time() + SEND_WITHIN_SECONDS,
        to=dialled_form(lease.number, trunk.number_format, home_country),
        from_=lease.caller_number or "anonymous",
        trunk=way,
        ring_seconds=lease.ring_seconds,
        max_seconds=max_seconds,
        script=script,
        audio={name: str(store.path(keys[name])) for name in script.audios},
        secret=[name for name in script.audios if name in lease.content.get("secrets", {})],
        record=record and lease.said.get("record") is True and "secrets" not in lease.content,
    )


def _audio_keys(lease: Lease) -> dict[str, str]:
    """Where each audio lies: those given with the plan, and those made for this target."""
    given = {name: audio["media"] for name, audio in lease.said["audios"].items() if "media" in audio}
    return {**given, **lease.content.get("audios", {}), **lease.content.get("secrets", {})}


def outcome_of(event: Ended) -> AttemptOutcome:
    """What an ended leg means for its attempt."""
    outcome = _OUTCOMES.get(event.reason)
    if outcome is None:
        outcome = Outcome.HUNGUP if event.answered else Outcome.FAILED
    ended_at = moment(event.at)
    answered_at = moment(event.at - event.duration_ms / 1000) if event.answered else None
    return AttemptOutcome(
        attempt_id=event.attempt,
        outcome=outcome,
        reason=f"{event.reason}: {event.detail}" if event.detail else event.reason,
        ended_at=ended_at,
        answered_at=answered_at,
        duration_ms=event.duration_ms,
        played_ms=event.played_ms,
        total_ms=event.total_ms or None,
        sip_code=event.sip_code,
        hungup_by=event.hungup_by,
        keys=event.keys,
    )


def moment(unix_seconds: float) -> datetime:
    return datetime.fromtimestamp(unix_seconds, UTC)
