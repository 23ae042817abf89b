"""One-time passwords that were sent: whom to, by which way, and for a while what they said."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import AccountId, Base, Id


class Way(StrEnum):
    TEXT = "text"
    VOICE = "voice"


class Origin(StrEnum):
    """Whose code it is: the caller's own, or one made here."""

    PERSONNEL = "personnel"
    GENERATED = "generated"


class SentOtp(Base):
    """A one-time password. Its plan has the engine's word on what became of it.

    The target is named without a foreign key: the row outlives plans that are cleared away.
    """

    __tablename__ = "sent_otps"
    __table_args__ = (
        CheckConstraint("(code IS NULL) = (message IS NULL)", name="erased_together"),
        Index("ix_sent_otps_created", "account_id", "created_at"),
        Index("ix_sent_otps_number", "account_id", "number", "created_at"),
        Index("ix_sent_otps_prefix", "account_id", text("left(number, -4)"), "created_at"),
        Index("ix_sent_otps_kept", "created_at", postgresql_where=text("code IS NOT NULL")),
    )

    account_id: Mapped[AccountId]
    id: Mapped[Id]
    number: Mapped[str] = mapped_column(comment="E.164")
    number_sent: Mapped[str] = mapped_column(comment="As the request had it")
    way: Mapped[str]
    origin: Mapped[str]
    code: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted; erased after otp_keep_days")
    message: Mapped[bytes | None] = mapped_column(
        LargeBinary, comment="As it was sent; encrypted, as the code"
    )
    credits: Mapped[int] = mapped_column(comment="What it was expected to hold when it was ordered")
    plan_id: Mapped[int | None]
    target_id: Mapped[int | None]
    created_at: Mapped[datetime]
