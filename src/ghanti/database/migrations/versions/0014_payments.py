"""Packages of credits and what was paid for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")
_FALSE = sa.text("false")
_ZERO = sa.text("0")


def upgrade() -> None:
    _packages()
    _payments()
    _told()


def _packages() -> None:
    op.create_table(
        "credit_packages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.BigInteger(), nullable=False),
        sa.Column("sms", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="Minor units of the currency"),
        sa.Column("currency", sa.Text(), nullable=False, comment="ISO 4217, lower case"),
        sa.Column("valid_days", sa.BigInteger(), nullable=True),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("position", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.CheckConstraint(
            "phone >= 0 AND sms >= 0 AND phone + sms > 0", name=op.f("ck_credit_packages_holds_credits")
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_credit_packages_amount_positive")),
        sa.CheckConstraint("currency ~ '^[a-z]{3}$'", name=op.f("ck_credit_packages_currency_code")),
        sa.CheckConstraint("valid_days > 0", name=op.f("ck_credit_packages_valid_days_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_packages")),
        sa.UniqueConstraint("slug", name=op.f("uq_credit_packages_slug")),
    )


def _payments() -> None:
    op.create_table(
        "payments",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True, comment="Who ordered it"),
        sa.Column("reference", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False, comment="Real money, not the provider's test mode"),
        sa.Column("package", sa.Text(), nullable=False, comment="Its slug then"),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("phone", sa.BigInteger(), nullable=False),
        sa.Column("sms", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("valid_days", sa.BigInteger(), nullable=True),
        sa.Column("session_id", sa.Text(), nullable=True),
        sa.Column("intent_id", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column(
            "expires_at", sa.DateTime(timezone=True), nullable=True, comment="Until when it can be paid"
        ),
        sa.Column("processing", sa.Boolean(), server_default=_FALSE, nullable=False),
        sa.Column("paid", sa.Boolean(), server_default=_FALSE, nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed", sa.Boolean(), server_default=_FALSE, nullable=False),
        sa.Column("expired", sa.Boolean(), server_default=_FALSE, nullable=False),
        sa.Column(
            "refunded_total",
            sa.BigInteger(),
            server_default=_ZERO,
            nullable=False,
            comment="Most that was ever told",
        ),
        sa.Column("alarm", sa.Text(), nullable=True, comment="What an operator must look at"),
        sa.Column("given_phone", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("given_sms", sa.BigInteger(), server_default=_ZERO, nullable=False),
        sa.Column("state", sa.Text(), server_default="created", nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True, comment="When to ask the provider"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_payments_amount_positive")),
        sa.CheckConstraint("refunded_total >= 0", name=op.f("ck_payments_refunded_total_not_negative")),
        sa.CheckConstraint("given_phone BETWEEN 0 AND phone", name=op.f("ck_payments_given_phone")),
        sa.CheckConstraint("given_sms BETWEEN 0 AND sms", name=op.f("ck_payments_given_sms")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_payments_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_payments")),
    )
    op.create_index("ix_payments_reference", "payments", ["reference"], unique=True)
    op.create_index("ix_payments_intent", "payments", ["provider", "intent_id"])
    op.create_index(
        "ix_payments_look", "payments", ["look_at"], postgresql_where=sa.text("look_at IS NOT NULL")
    )


def _told() -> None:
    op.create_table(
        "payment_reversals",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "payment_id"],
            ["payments.account_id", "payments.id"],
            name=op.f("fk_payment_reversals_account_id_payment_id_payments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "payment_id", "provider_id", name=op.f("pk_payment_reversals")),
    )
    op.create_table(
        "payment_events",
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("intent_id", sa.Text(), nullable=True),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("told", postgresql.JSONB(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.PrimaryKeyConstraint("provider", "event_id", name=op.f("pk_payment_events")),
    )
    op.create_index(
        "ix_payment_events_waiting",
        "payment_events",
        ["provider", "intent_id"],
        postgresql_where=sa.text("payment_id IS NULL"),
    )
    op.create_index("ix_payment_events_received", "payment_events", ["received_at"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
