"""One-time passwords that were sent, and the indexes that the dashboard reads a period by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sent_otps",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False, comment="E.164"),
        sa.Column("number_sent", sa.Text(), nullable=False, comment="As the request had it"),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=True, comment="Encrypted; erased after otp_keep_days"),
        sa.Column(
            "message", sa.LargeBinary(), nullable=True, comment="As it was sent; encrypted, as the code"
        ),
        sa.Column(
            "credits",
            sa.BigInteger(),
            nullable=False,
            comment="What it was expected to hold when it was ordered",
        ),
        sa.Column("plan_id", sa.BigInteger(), nullable=True),
        sa.Column("target_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(code IS NULL) = (message IS NULL)", name=op.f("ck_sent_otps_erased_together")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_sent_otps_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_sent_otps")),
    )
    op.create_index("ix_sent_otps_created", "sent_otps", ["account_id", "created_at"])
    op.create_index("ix_sent_otps_number", "sent_otps", ["account_id", "number", "created_at"])
    op.create_index(
        "ix_sent_otps_prefix",
        "sent_otps",
        ["account_id", sa.literal_column("left(number, -4)"), "created_at"],
    )
    op.create_index(
        "ix_sent_otps_kept",
        "sent_otps",
        ["created_at"],
        postgresql_where=sa.text("code IS NOT NULL"),
    )
    op.add_column(
        "plans",
        sa.Column(
            "expires_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="What was not leased by then never is",
        ),
    )
    op.create_index("ix_attempts_leased_at", "attempts", ["account_id", "leased_at"])
    op.create_index("ix_ledger_entries_created", "ledger_entries", ["account_id", "created_at"])


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
