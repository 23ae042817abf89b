"""Contacts: the numbers of a campaign and the variables that fill its tags."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ForeignKeyConstraint, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import Base, CreatedAt, Id, ParentAccountId


class Contact(Base):
    __tablename__ = "contacts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "campaign_id"], ["campaigns.account_id", "campaigns.id"], ondelete="CASCADE"
        ),
        Index("uq_contacts_number", "account_id", "campaign_id", "number", unique=True),
        Index("ix_contacts_campaign", "account_id", "campaign_id", "id"),
    )

    account_id: Mapped[ParentAccountId]
    id: Mapped[Id]
    campaign_id: Mapped[int]
    number: Mapped[str] = mapped_column(comment="Identity: E.164, or bare digits where that is impossible")
    number_sent: Mapped[str] = mapped_column(comment="As the owner wrote it; echoed on the wire")
    carrier: Mapped[str] = mapped_column(server_default="other")
    # json, not jsonb: key order, repeated blanks and number forms are the owner's.
    variables: Mapped[dict[str, Any]] = mapped_column(JSON, server_default="{}")
    uuid: Mapped[UUID] = mapped_column(server_default=func.gen_random_uuid())
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
