"""Plans, targets, attempts and legs: what is ordered, what waits, what happens, what was tried.

A target waits; an attempt happens. The states and who may move them are drawn in
docs/how-a-call-flows.md; every move is one conditional UPDATE in ``repository.py``.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Numeric, func, text
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.credits.tariff_models import Price, PulseSeconds
from ghanti.database.base import AccountId, Base, CreatedAt, Id, ParentAccountId


class PlanClass(StrEnum):
    """From the most urgent to the least: the order in which plans are prepared and dialled."""

    OTP = "otp"
    DEMO = "demo"
    EMERGENCY = "emergency"
    BULK = "bulk"


URGENT = frozenset({PlanClass.OTP, PlanClass.DEMO})
"""Classes that own the reserved channels and starts of every gateway: somebody waits by the phone."""


class PlanState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"


class Channel(StrEnum):
    CALL = "call"
    SMS = "sms"


class TargetState(StrEnum):
    WAITING = "waiting"
    ACTIVE = "active"
    FINAL = "final"


class AttemptState(StrEnum):
    LEASED = "leased"
    SENDING = "sending"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


class Outcome(StrEnum):
    COMPLETED = "completed"
    HUNGUP = "hungup"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    INVALID_NUMBER = "invalid_number"
    EXPIRED = "expired"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


class Delivery(StrEnum):
    """What became of an accepted message: a second axis, which neither slots nor completion wait for."""

    AWAITED = "awaited"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    NOT_OFFERED = "not_offered"


class Plan(Base):
    """Whom, by which channels, with what content, under which pace and credit rules.

    ``owner_kind`` and ``owner_id`` name what ordered it; its outcomes go to the handler
    registered for that kind. ``call_content`` and ``sms_content`` are described in
    ``contents.py``.
    """

    __tablename__ = "plans"
    __table_args__ = (
        CheckConstraint("credit_limit > 0", name="credit_limit_positive"),
        CheckConstraint("pace > 0", name="pace_positive"),
        CheckConstraint("(state = 'finished') = (finished_at IS NOT NULL)", name="finished"),
        Index("ix_plans_live", "state", postgresql_where=text("state <> 'finished'")),
        Index("ix_plans_owner", "account_id", "owner_kind", "owner_id"),
        Index(
            "ix_plans_forgotten",
            "account_id",
            "id",
            postgresql_where=text("state = 'finished' AND state_reason = 'deleted'"),
        ),
    )

    account_id: Mapped[AccountId]
    id: Mapped[Id]
    plan_class: Mapped[str] = mapped_column(server_default=PlanClass.BULK)
    owner_kind: Mapped[str]
    owner_id: Mapped[int]
    state: Mapped[str] = mapped_column(server_default=PlanState.RUNNING)
    state_reason: Mapped[str | None] = mapped_column(comment="credits, credit_limit, emergency_stop, deleted")
    starts_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None] = mapped_column(comment="What was not leased by then never is")
    call_content: Mapped[dict[str, Any] | None]
    sms_content: Mapped[dict[str, Any] | None]
    caller_numbers: Mapped[list[str]] = mapped_column(server_default=text("'{}'"), comment="E.164")
    credit_limit: Mapped[int | None]
    pace: Mapped[Decimal | None] = mapped_column(
        Numeric(8, 3), comment="Call starts a second; null is as fast as the trunks allow"
    )
    next_start_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="Theoretical arrival time of its next call (GCRA), under a pace"
    )
    ring_seconds: Mapped[int]
    retries: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'"), comment='Outcome to {"times": n, "gap_seconds": s}; empty is never'
    )
    text_instead: Mapped[bool] = mapped_column(
        server_default=text("false"),
        comment="A text may follow its calls, so it waits until what became of them is certain",
    )
    announced: Mapped[bool] = mapped_column(server_default=text("false"), comment="Its start was announced")
    created_at: Mapped[CreatedAt]
    finished_at: Mapped[datetime | None]


class Target(Base):
    """One contact, or one number that is no contact, to reach by one channel under one plan: the queue."""

    __tablename__ = "targets"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "plan_id"], ["plans.account_id", "plans.id"], ondelete="CASCADE"),
        CheckConstraint("(state = 'final') = (outcome IS NOT NULL)", name="final_has_outcome"),
        CheckConstraint("(state = 'active') <= (attempt_id IS NOT NULL)", name="active_has_attempt"),
        Index(
            "uq_targets_contact",
            "account_id",
            "plan_id",
            "contact_id",
            "channel",
            unique=True,
            postgresql_where=text("sid IS NULL"),
        ),
        Index("uq_targets_sid", "account_id", "sid", unique=True, postgresql_where=text("sid IS NOT NULL")),
        Index(
            "ix_targets_promised",
            "account_id",
            postgresql_include=["channel", "units"],
            postgresql_where=text("sid IS NOT NULL AND state = 'waiting'"),
        ),
        Index("ix_targets_contact", "account_id", "contact_id"),
        Index(
            "ix_targets_due",
            "account_id",
            "plan_id",
            "channel",
            "due_at",
            "id",
            postgresql_include=["units"],
            postgresql_where=text("state = 'waiting' AND ready"),
        ),
        Index(
            "ix_targets_unready",
            "account_id",
            "plan_id",
            "channel",
            "due_at",
            "id",
            postgresql_where=text("state = 'waiting' AND NOT ready"),
        ),
        Index(
            "ix_targets_audio",
            "final_at",
            postgresql_where=text("state = 'final' AND content ? 'audios'"),
        ),
        Index(
            "ix_targets_audio_needed",
            text("jsonb_path_query_array(content, '$.audios.*')"),
            postgresql_using="gin",
            postgresql_where=text("state <> 'final' AND ready AND content ? 'audios'"),
        ),
        Index("ix_targets_secrets", "account_id", "id", postgresql_where=text("content ? 'secrets'")),
        Index("ix_targets_open", "account_id", "plan_id", "id", postgresql_where=text("state <> 'final'")),
        Index("ix_targets_active", "account_id", "plan_id", postgresql_where=text("state = 'active'")),
        Index(
            "ix_targets_withdrawn",
            "account_id",
            "plan_id",
            "id",
            postgresql_where=text("(withdrawn OR hung_up) AND state = 'waiting'"),
        ),
    )

    account_id: Mapped[ParentAccountId]
    id: Mapped[Id]
    plan_id: Mapped[int]
    contact_id: Mapped[int | None]
    channel: Mapped[str]
    number: Mapped[str]
    carrier: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=TargetState.WAITING)
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ready: Mapped[bool] = mapped_column(server_default=text("false"), comment="Content rendered")
    content: Mapped[dict[str, Any] | None] = mapped_column(comment="Audio keys and length, or text")
    units: Mapped[int] = mapped_column(server_default=text("1"), comment="Credits that one attempt holds")
    pulse_seconds: Mapped[PulseSeconds]
    price: Mapped[Price]
    attempts: Mapped[int] = mapped_column(server_default=text("0"), comment="Attempts that were sent")
    attempt_id: Mapped[UUID | None] = mapped_column(comment="The latest attempt")
    credits: Mapped[int] = mapped_column(server_default=text("0"))
    withdrawn: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="Its contact was deleted in flight: hung up, never tried again"
    )
    hung_up: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="Ended by whoever ordered it: hung up, never tried again"
    )
    sid: Mapped[UUID | None] = mapped_column(comment="By which it was ordered; the id of its first attempt")
    personal: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), comment="What is said to this one alone, see dialing/personal.py"
    )
    ordered_at: Mapped[datetime | None] = mapped_column(comment="Where it has a sid")
    outcome: Mapped[str | None]
    reason: Mapped[str | None]
    final_at: Mapped[datetime | None]


class Attempt(Base):
    """One try at one target. Its id is the token that every event about it bears."""

    __tablename__ = "attempts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "target_id"], ["targets.account_id", "targets.id"], ondelete="CASCADE"
        ),
        CheckConstraint("(state = 'leased') = (sent_at IS NULL AND ended_at IS NULL)", name="leased_unsent"),
        CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("state <> 'answered' OR answered_at IS NOT NULL", name="answered"),
        CheckConstraint("outcome IS NULL OR state = 'ended'", name="outcome_ends"),
        CheckConstraint("charged >= 0 AND charged <= held", name="charge_within_hold"),
        Index("ix_attempts_target", "account_id", "target_id"),
        Index(
            "ix_attempts_live",
            "session_id",
            "trunk_id",
            postgresql_where=text("state <> 'ended'"),
        ),
        Index("ix_attempts_token", "id"),
        Index("ix_attempts_leased_at", "account_id", "leased_at"),
        Index("ix_attempts_provisional", "account_id", "plan_id", postgresql_where=text("provisional")),
    )

    account_id: Mapped[ParentAccountId]
    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[int]
    target_id: Mapped[int]
    contact_id: Mapped[int | None]
    channel: Mapped[str]
    number: Mapped[str]
    state: Mapped[str] = mapped_column(server_default=AttemptState.LEASED)
    outcome: Mapped[str | None]
    reason: Mapped[str | None]
    provisional: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="Unknown after a takeover; one late event may replace it"
    )
    session_id: Mapped[UUID]
    lease_until: Mapped[datetime]
    trunk_id: Mapped[int | None]
    smsc_id: Mapped[int | None]
    caller_number: Mapped[str | None]
    held: Mapped[int] = mapped_column(server_default=text("0"), comment="Credits held")
    pulse_seconds: Mapped[PulseSeconds]
    price: Mapped[Price]
    charged: Mapped[int] = mapped_column(server_default=text("0"), comment="Credits charged, at most held")
    leased_at: Mapped[datetime] = mapped_column(server_default=func.now())
    sent_at: Mapped[datetime | None]
    ringing_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    sip_code: Mapped[int | None]
    hungup_by: Mapped[str | None]
    duration_ms: Mapped[int] = mapped_column(server_default=text("0"), comment="Answer to end")
    played_ms: Mapped[int] = mapped_column(server_default=text("0"), comment="Of the message, as heard")
    total_ms: Mapped[int] = mapped_column(server_default=text("0"), comment="Length of the message")
    keys: Mapped[str] = mapped_column(server_default="")
    delivery: Mapped[str | None]


class AnswerKind(StrEnum):
    KEYS = "keys"
    RECORDING = "recording"


class AnswerState(StrEnum):
    GIVEN = "given"
    PENDING = "pending"
    STORED = "stored"
    LOST = "lost"


class Answer(Base):
    """What the callee answered at one step of the call script, committed as it happens (``answers.py``).

    ``given`` with neither keys nor a recording was asked as often as it may be, without a valid answer.
    A recording is ``pending`` from its begin until it is ``stored`` or ``lost``.
    """

    __tablename__ = "answers"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "target_id"], ["targets.account_id", "targets.id"], ondelete="CASCADE"
        ),
        CheckConstraint("(state = 'stored') = (media_key IS NOT NULL)", name="stored_has_file"),
        CheckConstraint("keys IS NULL OR (kind = 'keys' AND state = 'given')", name="keys_are_given"),
        Index("ix_answers_pending", "account_id", "attempt_id", postgresql_where=text("state = 'pending'")),
    )

    account_id: Mapped[ParentAccountId]
    target_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True, comment="The step's")
    attempt_id: Mapped[UUID]
    kind: Mapped[str]
    state: Mapped[str]
    keys: Mapped[str | None]
    media_key: Mapped[str | None] = mapped_column(comment="16-bit 8 kHz mono .wav in the media store")
    ms: Mapped[int | None] = mapped_column(comment="Length of the recording")
    answered_at: Mapped[datetime]


class Leg(Base):
    """One try of an attempt on one trunk, with a Call-ID of its own."""

    __tablename__ = "legs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "attempt_id"], ["attempts.account_id", "attempts.id"], ondelete="CASCADE"
        ),
    )

    account_id: Mapped[ParentAccountId]
    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    leg: Mapped[int] = mapped_column(primary_key=True)
    trunk_id: Mapped[int] = mapped_column(ForeignKey("trunks.id"))
    call_id: Mapped[str]
    started_at: Mapped[CreatedAt]
    ended_at: Mapped[datetime | None]
    sip_code: Mapped[int | None]


class WorkerSession(Base):
    """One life of one worker process. ``fence`` orders sessions; silence makes its attempts unknown."""

    __tablename__ = "worker_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    fence: Mapped[int] = mapped_column(server_default=text("nextval('worker_fence')"))
    role: Mapped[str]
    host: Mapped[str]
    started_at: Mapped[CreatedAt]
    heartbeat_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]


class PlanFigure(Base):
    """How many targets of a plan reached an outcome, by worker: written with the outcome, summed on read.

    The outcome ``''`` counts targets added.
    """

    __tablename__ = "plan_figures"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "plan_id"], ["plans.account_id", "plans.id"], ondelete="CASCADE"),
    )

    account_id: Mapped[ParentAccountId]
    plan_id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    targets: Mapped[int] = mapped_column(server_default=text("0"))
    credits: Mapped[int] = mapped_column(server_default=text("0"))
