"""Answers that are given again when a request is repeated under its key."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import AccountId, Base


class IdempotencyKey(Base):
    """What was answered to the first request under a key, written in that request's own transaction.

    There is no row for a request under way: its key is an advisory lock, which ends with it however it ends.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_expires_at", "expires_at"),)

    account_id: Mapped[AccountId]
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary, comment="HMAC of what was asked, and by whom")
    status: Mapped[int]
    media_type: Mapped[str]
    body: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="Compressed and encrypted; null when it was too large to keep"
    )
    expires_at: Mapped[datetime]
