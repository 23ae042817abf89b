"""Packages of credits, payments for them, and what the provider told of each.

A payment keeps facts, each of which only moves forward; what credits are due for it is a function of the
facts (``ghanti.payments.facts``), so that neither the order nor the repetition of events can matter.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import AccountId, Base, CreatedAt, Id


class PaymentState(StrEnum):
    """What a payment is, by its facts."""

    CREATED = "created"
    """Ordered here; the provider has not answered with a page to pay on."""
    OPEN = "open"
    """Can be paid on the provider's page."""
    PROCESSING = "processing"
    """The payer is done, the money is on its way (bank debits take days)."""
    PAID = "paid"
    PARTLY_REFUNDED = "partly refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    """The payer's bank took money back, for now or for good."""
    FAILED = "failed"
    EXPIRED = "expired"


class CreditPackage(Base):
    """What is on sale: credits at a price in minor units of a currency (paisa, cents).

    Credits are good for ``valid_days`` from the payment, or for ever. The first active one by ``position``
    is what is bought when none is named.
    """

    __tablename__ = "credit_packages"
    __table_args__ = (
        CheckConstraint("phone >= 0 AND sms >= 0 AND phone + sms > 0", name="holds_credits"),
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("currency ~ '^[a-z]{3}$'", name="currency_code"),
        CheckConstraint("valid_days > 0", name="valid_days_positive"),
    )

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    phone: Mapped[int]
    sms: Mapped[int]
    amount: Mapped[int] = mapped_column(comment="Minor units of the currency")
    currency: Mapped[str] = mapped_column(comment="ISO 4217, lower case")
    valid_days: Mapped[int | None]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    position: Mapped[int] = mapped_column(server_default=text("0"))
    created_at: Mapped[CreatedAt]


class Payment(Base):
    """One checkout. What was bought is copied from the package, which may change or go afterwards.

    ``reference`` is its name at the provider; ``given_phone`` and ``given_sms`` are the credits that the
    ledger has for it, what it took back already subtracted.
    """

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("refunded_total >= 0", name="refunded_total_not_negative"),
        CheckConstraint("given_phone BETWEEN 0 AND phone", name="given_phone"),
        CheckConstraint("given_sms BETWEEN 0 AND sms", name="given_sms"),
        Index("ix_payments_reference", "reference", unique=True),
        Index("ix_payments_intent", "provider", "intent_id"),
        Index("ix_payments_look", "look_at", postgresql_where=text("look_at IS NOT NULL")),
    )

    account_id: Mapped[AccountId]
    id: Mapped[Id]
    user_id: Mapped[int | None] = mapped_column(comment="Who ordered it")
    reference: Mapped[UUID] = mapped_column(server_default=func.gen_random_uuid())
    provider: Mapped[str]
    live: Mapped[bool] = mapped_column(comment="Real money, not the provider's test mode")
    package: Mapped[str] = mapped_column(comment="Its slug then")
    description: Mapped[str]
    phone: Mapped[int]
    sms: Mapped[int]
    amount: Mapped[int]
    currency: Mapped[str]
    valid_days: Mapped[int | None]

    session_id: Mapped[str | None]
    intent_id: Mapped[str | None]
    url: Mapped[str | None]
    expires_at: Mapped[datetime | None] = mapped_column(comment="Until when it can be paid")

    processing: Mapped[bool] = mapped_column(server_default=text("false"))
    paid: Mapped[bool] = mapped_column(server_default=text("false"))
    paid_at: Mapped[datetime | None]
    failed: Mapped[bool] = mapped_column(server_default=text("false"))
    expired: Mapped[bool] = mapped_column(server_default=text("false"))
    refunded_total: Mapped[int] = mapped_column(server_default=text("0"), comment="Most that was ever told")
    alarm: Mapped[str | None] = mapped_column(comment="What an operator must look at")

    given_phone: Mapped[int] = mapped_column(server_default=text("0"))
    given_sms: Mapped[int] = mapped_column(server_default=text("0"))
    state: Mapped[str] = mapped_column(server_default=PaymentState.CREATED)
    look_at: Mapped[datetime | None] = mapped_column(comment="When to ask the provider")
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]


class PaymentReversal(Base):
    """One refund or dispute of a payment, at the stage that supersedes all others told so far."""

    __tablename__ = "payment_reversals"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "payment_id"], ["payments.account_id", "payments.id"], ondelete="CASCADE"
        ),
    )

    account_id: Mapped[int] = mapped_column(primary_key=True)
    payment_id: Mapped[int] = mapped_column(primary_key=True)
    provider_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    amount: Mapped[int]
    stage: Mapped[int]
    at: Mapped[datetime]


class PaymentEvent(Base):
    """An event of the provider, kept so that it is handled once.

    One whose payment is not known yet waits for it by the name of its intent (``payment_id`` is null).
    """

    __tablename__ = "payment_events"
    __table_args__ = (
        Index(
            "ix_payment_events_waiting",
            "provider",
            "intent_id",
            postgresql_where=text("payment_id IS NULL"),
        ),
        Index("ix_payment_events_received", "received_at"),
    )

    provider: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    intent_id: Mapped[str | None]
    account_id: Mapped[int | None]
    payment_id: Mapped[int | None]
    told: Mapped[dict[str, Any]]
    received_at: Mapped[CreatedAt]
