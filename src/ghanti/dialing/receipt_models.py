"""Parts of messages and delivery receipts: how what became of an accepted message comes to be known."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import Base, CreatedAt, Id, ParentAccountId
from ghanti.dialing.models import Delivery


class MessagePart(Base):
    """One part of a message as the SMSC knows it; receipts find it by ``smsc_message_id``."""

    __tablename__ = "message_parts"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "attempt_id"], ["attempts.account_id", "attempts.id"], ondelete="CASCADE"
        ),
        Index("ix_message_parts_smsc", "smsc_id", "smsc_message_id"),
    )

    account_id: Mapped[ParentAccountId]
    attempt_id: Mapped[UUID] = mapped_column(primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    smsc_id: Mapped[int] = mapped_column(ForeignKey("smscs.id"))
    smsc_message_id: Mapped[str] = mapped_column(comment="Canonical form, see sms.receipts")
    delivery: Mapped[str] = mapped_column(server_default=Delivery.AWAITED)
    reported_at: Mapped[datetime | None]


class DeliveryReceipt(Base):
    """A receipt as it came in, kept until its part is known: receipts may overtake submit responses."""

    __tablename__ = "delivery_receipts"

    id: Mapped[Id]
    smsc_id: Mapped[int] = mapped_column(ForeignKey("smscs.id", ondelete="CASCADE"))
    message_ids: Mapped[list[str]] = mapped_column(comment="Every canonical form its id may have")
    recipient: Mapped[str]
    delivery: Mapped[str]
    received_at: Mapped[CreatedAt]
