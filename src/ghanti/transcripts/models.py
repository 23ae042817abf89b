"""Drafts: what a recogniser took the callee of a recorded call to have said."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import Base, ParentAccountId


class DraftState(StrEnum):
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


class Draft(Base):
    """One recording's draft; there is none before a recogniser has taken the recording up."""

    __tablename__ = "transcript_drafts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "attempt_id"],
            ["call_recordings.account_id", "call_recordings.attempt_id"],
            ondelete="CASCADE",
        ),
    )

    account_id: Mapped[ParentAccountId]
    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    state: Mapped[str]
    reason: Mapped[str | None] = mapped_column(comment="Why it failed, or is unsupported")
    language: Mapped[str] = mapped_column(comment="That of the voice; empty where none spoke")
    turns: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, server_default=text("'[]'"), comment="In order: content, at_ms from the answer"
    )
    tries: Mapped[int] = mapped_column(server_default=text("1"))
    taken_until: Mapped[datetime] = mapped_column(comment="A worker that has not finished by then has died")
