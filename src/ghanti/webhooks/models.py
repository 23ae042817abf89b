"""Web hooks: requests that a pressed key orders, and what became of each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import AccountId, Base, CreatedAt, Id, ParentAccountId


class DeliveryState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"


class WebHook(Base):
    """A request under a name. Where it goes and what it bears may hold tokens, so both are encrypted."""

    __tablename__ = "web_hooks"
    __table_args__ = (
        CheckConstraint("method IN ('GET', 'POST', 'PUT', 'DELETE')", name="method"),
        Index("uq_web_hooks_name", "account_id", "name", unique=True),
    )

    account_id: Mapped[AccountId]
    id: Mapped[Id]
    name: Mapped[str]
    method: Mapped[str]
    description: Mapped[str | None]
    sealed: Mapped[bytes] = mapped_column(
        LargeBinary, comment="Encrypted JSON: path, headers, params, json_data"
    )
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class WebHookSecret(Base):
    """What an account's deliveries are signed with; made with its first hook."""

    __tablename__ = "web_hook_secrets"

    account_id: Mapped[AccountId]
    sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="The signing secret, encrypted")
    created_at: Mapped[CreatedAt]


class WebHookDelivery(Base):
    """One request that one step of one call ordered, until it is delivered or given up."""

    __tablename__ = "web_hook_deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "hook_id"], ["web_hooks.account_id", "web_hooks.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["account_id", "target_id"], ["targets.account_id", "targets.id"], ondelete="CASCADE"
        ),
        CheckConstraint("state IN ('waiting', 'sending', 'delivered', 'failed')", name="state"),
        CheckConstraint("(state IN ('delivered', 'failed')) = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("(state = 'sending') = (token IS NOT NULL)", name="leased"),
        Index("uq_web_hook_deliveries_step", "account_id", "target_id", "step", unique=True),
        Index("ix_web_hook_deliveries_hook", "account_id", "hook_id"),
        Index(
            "ix_web_hook_deliveries_due",
            "account_id",
            "due_at",
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    account_id: Mapped[ParentAccountId]
    id: Mapped[UUID] = mapped_column(primary_key=True)
    hook_id: Mapped[int]
    target_id: Mapped[int]
    step: Mapped[str] = mapped_column(comment="Of the call script, where the key was pressed")
    variables: Mapped[dict[str, Any] | None] = mapped_column(
        comment="What fills the hook's tags; gone with its end"
    )
    state: Mapped[str] = mapped_column(server_default=DeliveryState.WAITING)
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    due_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="Of one that is being sent: until when it is leased"
    )
    token: Mapped[UUID | None] = mapped_column(comment="Of the lease, while it is being sent")
    last_status: Mapped[int | None] = mapped_column(comment="HTTP status of the last answer")
    last_error: Mapped[str | None]
    created_at: Mapped[CreatedAt]
    ended_at: Mapped[datetime | None]
