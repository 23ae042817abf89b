"""Balances, and the append-only ledger that explains them.

A balance is what may still be spent: holds are already taken from it. It equals the sum of the
account's ledger entries of that currency, always.
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import AccountId, Base, CreatedAt, Id


class Currency(StrEnum):
    PHONE = "phone"
    SMS = "sms"


class EntryKind(StrEnum):
    PURCHASE = "purchase"
    RESERVE = "reserve"
    SETTLE = "settle"
    REFUND = "refund"
    ADJUST = "adjust"
    EXPIRE = "expire"


class CreditBalance(Base):
    __tablename__ = "credit_balances"
    __table_args__ = (
        CheckConstraint("phone >= 0", name="phone_not_negative"),
        CheckConstraint("sms >= 0", name="sms_not_negative"),
    )

    account_id: Mapped[AccountId]
    phone: Mapped[int] = mapped_column(server_default=text("0"))
    sms: Mapped[int] = mapped_column(server_default=text("0"))


class LedgerEntry(Base):
    """One change of one balance: ``amount`` is signed, in credits. A batch of attempts is one entry."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        Index("ix_ledger_entries_plan", "account_id", "plan_id"),
        Index("ix_ledger_entries_created", "account_id", "created_at"),
    )

    account_id: Mapped[AccountId]
    id: Mapped[Id]
    currency: Mapped[str]
    kind: Mapped[str]
    amount: Mapped[int]
    plan_id: Mapped[int | None]
    batch: Mapped[UUID | None]
    cause: Mapped[str]
    created_at: Mapped[CreatedAt]
