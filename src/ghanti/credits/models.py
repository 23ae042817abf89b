"""Balances, the append-only ledger that explains them, and what is remembered beside it.

A balance is what may still be spent: holds are already taken from it. It equals the sum of the
account's ledger entries of that currency, always.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
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


class Source(StrEnum):
    """What an entry can refer to."""

    PLAN = "plan"
    PAYMENT = "payment"
    USER = "user"
    OPERATOR = "operator"


class Alert(StrEnum):
    """What was last said of a balance; NONE since credits were bought."""

    NONE = ""
    LOW = "low"
    EMPTY = "empty"


class EventKind(StrEnum):
    LOW = "low"
    EMPTY = "empty"
    RESTORED = "restored"


def _listed(kinds: type[StrEnum]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


_SIGNS = (
    f"kind IN ({_listed(EntryKind)}) AND amount <> 0 AND CASE kind WHEN 'purchase' THEN amount > 0"
    " WHEN 'reserve' THEN amount < 0 WHEN 'refund' THEN amount < 0 WHEN 'expire' THEN amount < 0"
    " ELSE true END"
)


class CreditBalance(Base):
    """What an account has of each currency, in credits; columns are alike for both.

    Attributes:
        phone: What may be spent.
        phone_held: Held by attempts under way.
        phone_owed: Taken back after it was spent: the sum of what ``CreditDebt`` rows still owe.
        phone_stale: The part of what is held that has expired meanwhile: it is spent or gone, never back.
        phone_lasting: What never expires, as of the last time that something came in or expired.
        phone_level: The balance when something came in last: what the default threshold is a percentage of.
        phone_low: The account's own threshold, if it has one.
        phone_alert: An ``Alert``.
        changed_at: Of the last entry; entries of an account are in the order of their moments.
    """

    __tablename__ = "credit_balances"
    __table_args__ = (
        CheckConstraint("phone >= 0", name="phone_not_negative"),
        CheckConstraint("sms >= 0", name="sms_not_negative"),
        CheckConstraint(
            "phone_held >= 0 AND phone_owed >= 0 AND phone_stale >= 0 AND phone_lasting >= 0"
            " AND phone_level >= 0 AND phone_low >= 0",
            name="phone_parts_not_negative",
        ),
        CheckConstraint(
            "sms_held >= 0 AND sms_owed >= 0 AND sms_stale >= 0 AND sms_lasting >= 0"
            " AND sms_level >= 0 AND sms_low >= 0",
            name="sms_parts_not_negative",
        ),
        CheckConstraint(
            f"phone_alert IN ({_listed(Alert)}) AND sms_alert IN ({_listed(Alert)})", name="alerts"
        ),
    )

    account_id: Mapped[AccountId]
    phone: Mapped[int] = mapped_column(server_default=text("0"))
    sms: Mapped[int] = mapped_column(server_default=text("0"))
    phone_held: Mapped[int] = mapped_column(server_default=text("0"))
    phone_owed: Mapped[int] = mapped_column(server_default=text("0"))
    phone_stale: Mapped[int] = mapped_column(server_default=text("0"))
    phone_lasting: Mapped[int] = mapped_column(server_default=text("0"))
    phone_level: Mapped[int] = mapped_column(server_default=text("0"))
    phone_low: Mapped[int | None]
    phone_alert: Mapped[str] = mapped_column(server_default="")
    sms_held: Mapped[int] = mapped_column(server_default=text("0"))
    sms_owed: Mapped[int] = mapped_column(server_default=text("0"))
    sms_stale: Mapped[int] = mapped_column(server_default=text("0"))
    sms_lasting: Mapped[int] = mapped_column(server_default=text("0"))
    sms_level: Mapped[int] = mapped_column(server_default=text("0"))
    sms_low: Mapped[int | None]
    sms_alert: Mapped[str] = mapped_column(server_default="")
    changed_at: Mapped[CreatedAt]


class LedgerEntry(Base):
    """One change of one balance: ``amount`` is signed, in credits. A batch of attempts is one entry.

    Ids of an account's entries are in the order in which they took effect, since each is drawn under the
    balance's lock. The database refuses to change an entry, and to remove one unless its account goes.

    Attributes:
        balance: After it.
        source: What it refers to besides a plan: a payment, a user, an operator.
    """

    __tablename__ = "ledger_entries"
    __table_args__ = (
        CheckConstraint(f"currency IN ({_listed(Currency)})", name="currency"),
        CheckConstraint(_SIGNS, name="kind_and_sign"),
        CheckConstraint("cause <> ''", name="cause"),
        CheckConstraint("(source IS NULL) = (source_id IS NULL)", name="source"),
        Index("ix_ledger_entries_plan", "account_id", "plan_id"),
        Index("ix_ledger_entries_created", "account_id", "created_at"),
    )

    account_id: Mapped[AccountId]
    id: Mapped[Id]
    currency: Mapped[str]
    kind: Mapped[str]
    amount: Mapped[int]
    balance: Mapped[int]
    plan_id: Mapped[int | None]
    batch: Mapped[UUID | None]
    cause: Mapped[str]
    source: Mapped[str | None]
    source_id: Mapped[str | None]
    created_at: Mapped[CreatedAt]


class CreditLot(Base):
    """Credits bought that expire, until they are spent or have expired.

    ``unspent`` is as of the last time that something came in or expired: what was spent since is worked out
    then (``ghanti.credits.expiry``).
    """

    __tablename__ = "credit_lots"
    __table_args__ = (
        ForeignKeyConstraint(["account_id"], ["credit_balances.account_id"], ondelete="CASCADE"),
        CheckConstraint("unspent > 0", name="unspent_positive"),
        Index("ix_credit_lots_expires", "expires_at"),
    )

    account_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[Id]
    currency: Mapped[str]
    unspent: Mapped[int]
    expires_at: Mapped[datetime]
    source: Mapped[str | None]
    source_id: Mapped[str | None]
    created_at: Mapped[CreatedAt]


class CreditDebt(Base):
    """Credits taken back when they were spent already: taken from what comes in, the oldest debt first."""

    __tablename__ = "credit_debts"
    __table_args__ = (
        ForeignKeyConstraint(["account_id"], ["credit_balances.account_id"], ondelete="CASCADE"),
        CheckConstraint("owed > 0", name="owed_positive"),
    )

    account_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[Id]
    currency: Mapped[str]
    owed: Mapped[int]
    cause: Mapped[str]
    source: Mapped[str | None]
    source_id: Mapped[str | None]
    created_at: Mapped[CreatedAt]


class CreditEvent(Base):
    """A balance fell to its threshold or to nothing, or came back: written by what made it so, once."""

    __tablename__ = "credit_events"
    __table_args__ = (
        ForeignKeyConstraint(["account_id"], ["credit_balances.account_id"], ondelete="CASCADE"),
        CheckConstraint(f"kind IN ({_listed(EventKind)})", name="kind"),
    )

    account_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[Id]
    currency: Mapped[str]
    kind: Mapped[str]
    balance: Mapped[int]
    threshold: Mapped[int]
    plan_id: Mapped[int | None] = mapped_column(comment="That could not go on, if one was the reason")
    created_at: Mapped[CreatedAt]
