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


class ContactTotal(Base):
    """How many contacts of a carrier a campaign has: the sum over its rows, which triggers keep.

    One row counts all that were added. Whoever removes a contact, or gives it a number of another carrier,
    writes a row of the contact's own, and so waits for nobody.
    """

    __tablename__ = "contact_totals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "campaign_id"], ["campaigns.account_id", "campaigns.id"], ondelete="CASCADE"
        ),
    )

    account_id: Mapped[ParentAccountId]
    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    carrier: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(
        primary_key=True, comment="0: all that were added; else a contact that went, or changed its carrier"
    )
    contacts: Mapped[int]


class CampaignVariable(Base):
    """A variable that a contact of a campaign has, or had: kept by triggers."""

    __tablename__ = "campaign_variables"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "campaign_id"], ["campaigns.account_id", "campaigns.id"], ondelete="CASCADE"
        ),
    )

    account_id: Mapped[ParentAccountId]
    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(comment="The first contact that had it")
    place: Mapped[int] = mapped_column(comment="Among the variables of that contact")
