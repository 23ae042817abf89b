"""The ways out: SIP trunks, SMSCs and the caller numbers they may show."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, Numeric, func, text
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import Base, CreatedAt, Id


class Trunk(Base):
    """A SIP trunk. ``cps`` are call starts a second, ``max_calls`` the calls at one time.

    ``reserved_percent`` of both is kept for one-time passwords and demo calls (``dialing/pacing.py``).
    """

    __tablename__ = "trunks"
    __table_args__ = (
        CheckConstraint("cps > 0", name="cps_positive"),
        CheckConstraint("max_calls > 0", name="max_calls_positive"),
        CheckConstraint("reserved_percent BETWEEN 0 AND 50", name="reserved_percent"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    host: Mapped[str]
    port: Mapped[int] = mapped_column(server_default=text("5060"))
    username: Mapped[str | None]
    password: Mapped[bytes | None] = mapped_column(LargeBinary, comment="Encrypted")
    codecs: Mapped[list[str]] = mapped_column(server_default=text("'{PCMU,PCMA}'"))
    number_format: Mapped[str] = mapped_column(server_default="e164", comment="e164, digits or national")
    cps: Mapped[Decimal] = mapped_column(Numeric(8, 3), server_default=text("5"))
    max_calls: Mapped[int] = mapped_column(server_default=text("30"))
    reserved_percent: Mapped[int] = mapped_column(server_default=text("5"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    simulated: Mapped[bool] = mapped_column(server_default=text("false"))
    next_start_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="Theoretical arrival time of the next start (GCRA)"
    )
    created_at: Mapped[CreatedAt]


class Smsc(Base):
    """An SMSC reached by SMPP 3.4. ``messages_per_second`` counts parts.

    ``reserved_percent`` of pace and window is kept for one-time passwords, as on a trunk.
    """

    __tablename__ = "smscs"
    __table_args__ = (
        CheckConstraint("messages_per_second > 0", name="messages_per_second_positive"),
        CheckConstraint("window_size > 0", name="window_size_positive"),
        CheckConstraint("reserved_percent BETWEEN 0 AND 50", name="reserved_percent"),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(unique=True)
    host: Mapped[str]
    port: Mapped[int] = mapped_column(server_default=text("2775"))
    system_id: Mapped[str]
    password: Mapped[bytes] = mapped_column(LargeBinary, comment="Encrypted")
    system_type: Mapped[str] = mapped_column(server_default="")
    source_address: Mapped[str] = mapped_column(server_default="")
    destination_ton: Mapped[int] = mapped_column(server_default=text("1"))
    destination_npi: Mapped[int] = mapped_column(server_default=text("1"))
    window_size: Mapped[int] = mapped_column(server_default=text("10"))
    messages_per_second: Mapped[Decimal] = mapped_column(Numeric(8, 3), server_default=text("10"))
    reserved_percent: Mapped[int] = mapped_column(server_default=text("5"))
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    simulated: Mapped[bool] = mapped_column(server_default=text("false"))
    next_start_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), comment="Theoretical arrival time of the next part (GCRA)"
    )
    created_at: Mapped[CreatedAt]


class CallerNumber(Base):
    """A number shown to the called: an account's own, or shared by all (``account_id`` null)."""

    __tablename__ = "caller_numbers"

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(unique=True, comment="E.164")
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[CreatedAt]
