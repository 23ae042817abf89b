"""Campaigns: a list of contacts, a message, and the channels it goes by."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, func, text
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import AccountId, Base, CreatedAt, Id


class Services(StrEnum):
    PHONE = "PHONE"
    SMS = "SMS"
    SMS_AND_PHONE = "SMS & PHONE"
    SURVEY = "SURVEY"

    @property
    def calls(self) -> bool:
        return self is not Services.SMS

    @property
    def texts(self) -> bool:
        return self in (Services.SMS, Services.SMS_AND_PHONE)


class CampaignStatus(StrEnum):
    NOT_STARTED = "Not Started"
    SCHEDULED = "Scheduled"
    RUNNING = "Running"
    COMPLETED = "Completed"
    TERMINATED = "Terminated"


class Category(StrEnum):
    TEXT = "Text"
    AUDIO = "Audio"


class Campaign(Base):
    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("length_factor BETWEEN 0.50 AND 2.00", name="length_factor"),
        CheckConstraint("credit_limit >= 0", name="credit_limit_not_negative"),
        CheckConstraint("pace > 0", name="pace_positive"),
        Index("ix_campaigns_updated", "account_id", text("updated_at DESC"), text("id DESC")),
    )

    account_id: Mapped[AccountId]
    id: Mapped[Id]
    name: Mapped[str]
    services: Mapped[str]
    status: Mapped[str] = mapped_column(server_default=CampaignStatus.NOT_STARTED)
    status_reason: Mapped[str | None] = mapped_column(comment="Why it was terminated")
    message: Mapped[str] = mapped_column(server_default="")
    sms_message: Mapped[str] = mapped_column(server_default="")
    description: Mapped[str] = mapped_column(server_default="")
    schedule: Mapped[datetime | None]
    audio_file: Mapped[str | None] = mapped_column(comment="Key in the media store")
    bulk_file: Mapped[str | None] = mapped_column(comment="Key in the media store")
    category: Mapped[str | None]
    user_phone: Mapped[list[int]] = mapped_column(server_default=text("'{}'"))
    credit_limit: Mapped[int | None]
    voice_id: Mapped[int | None] = mapped_column(ForeignKey("voices.id"))
    draft: Mapped[bool] = mapped_column(server_default=text("false"))
    failover_target: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    length_factor: Mapped[Decimal] = mapped_column(Numeric(3, 2), server_default=text("1.00"))
    pace: Mapped[Decimal | None] = mapped_column(
        Numeric(8, 3), comment="Call starts a second; null: the trunk's"
    )
    retries: Mapped[dict[str, Any]] = mapped_column(
        server_default=text("'{}'"), comment='Outcome to {"times": n, "gap_seconds": s}'
    )
    asks: Mapped[bool] = mapped_column(
        server_default=text("false"),
        comment="Its message asks for keys where it says so, see campaigns/scripted.py",
    )
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
