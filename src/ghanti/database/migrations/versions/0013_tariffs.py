"""What a call and a message cost, by prefix, and by which price each target and attempt is held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tariffs",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False, comment="Digits in international form; '' is all"),
        sa.Column("pulse_seconds", sa.Integer(), nullable=True),
        sa.Column("credits_per_pulse", sa.Integer(), nullable=True),
        sa.Column("credits_per_segment", sa.Integer(), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariffs")),
        sa.CheckConstraint("prefix ~ '^([1-9][0-9]{0,14})?$'", name=op.f("ck_tariffs_prefix_is_digits")),
        sa.CheckConstraint(
            "num_nulls(pulse_seconds, credits_per_pulse, credits_per_segment) = 0"
            " OR prefix <> '' AND num_nulls(pulse_seconds, credits_per_pulse, credits_per_segment) = 3",
            name=op.f("ck_tariffs_whole_or_removed"),
        ),
        sa.CheckConstraint("pulse_seconds > 0", name=op.f("ck_tariffs_pulse_positive")),
        sa.CheckConstraint(
            "credits_per_pulse >= 0 AND credits_per_segment >= 0", name=op.f("ck_tariffs_not_negative")
        ),
    )
    op.create_index("ix_tariffs_prefix", "tariffs", ["prefix", "valid_from"])
    for table in ("targets", "attempts"):
        op.add_column(
            table,
            sa.Column(
                "pulse_seconds",
                sa.Integer(),
                server_default=sa.text("60"),
                nullable=False,
                comment="Of the tariff that its hold was reckoned by",
            ),
        )
        op.add_column(
            table,
            sa.Column(
                "price",
                sa.Integer(),
                server_default=sa.text("1"),
                nullable=False,
                comment="Credits a pulse, or a segment, of that tariff",
            ),
        )
    # What was made ready before has no price of its own yet.
    op.execute("UPDATE targets SET ready = false WHERE state = 'waiting' AND ready")


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
