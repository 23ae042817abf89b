"""What is kept of a call beyond its outcome: what our voice said when, and the recording of the callee."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import Base, ParentAccountId


class CallLog(Base):
    """What an answered call played, where that is not told by the share heard of its one message."""

    __tablename__ = "call_logs"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "attempt_id"], ["attempts.account_id", "attempts.id"], ondelete="CASCADE"
        ),
    )

    account_id: Mapped[ParentAccountId]
    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    plays: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, comment="In order: audio, at_ms from the answer, played_ms of total_ms"
    )


class RecordingState(StrEnum):
    PENDING = "pending"
    STORED = "stored"
    LOST = "lost"
    ERASED = "erased"


class CallRecording(Base):
    """The callee's side of one call, from the answer to the end, where the operator has calls recorded.

    ``pending`` from the answer until it is ``stored`` or ``lost``; ``erased`` once it was kept long enough.
    """

    __tablename__ = "call_recordings"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "attempt_id"], ["attempts.account_id", "attempts.id"], ondelete="CASCADE"
        ),
        CheckConstraint("(state = 'stored') = (media_key IS NOT NULL)", name="stored_has_file"),
        Index("ix_call_recordings_pending", "begun_at", postgresql_where=text("state = 'pending'")),
        Index(
            "ix_call_recordings_undrafted",
            "begun_at",
            postgresql_where=text("state = 'stored' AND NOT drafted"),
        ),
        Index("ix_call_recordings_kept", "begun_at", postgresql_where=text("state <> 'erased'")),
    )

    account_id: Mapped[ParentAccountId]
    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    media_key: Mapped[str | None] = mapped_column(comment="16-bit 8 kHz mono .wav in the media store")
    ms: Mapped[int | None] = mapped_column(comment="Its length")
    begun_at: Mapped[datetime] = mapped_column(comment="The answer, from which its time counts")
    drafted: Mapped[bool] = mapped_column(
        server_default=text("false"), comment="A recogniser has done with it, whatever came of it"
    )
