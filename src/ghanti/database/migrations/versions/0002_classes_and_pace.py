"""Plans with a pace, reserved capacity of gateways, targets without a contact."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("trunks", "smscs"):
        op.add_column(
            table, sa.Column("reserved_percent", sa.BigInteger(), server_default=sa.text("5"), nullable=False)
        )
        op.create_check_constraint(
            op.f(f"ck_{table}_reserved_percent"), table, "reserved_percent BETWEEN 0 AND 50"
        )
    op.add_column(
        "plans",
        sa.Column(
            "pace",
            sa.Numeric(precision=8, scale=3),
            nullable=True,
            comment="Call starts a second; null is as fast as the trunks allow",
        ),
    )
    op.add_column(
        "plans",
        sa.Column(
            "next_start_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Theoretical arrival time of its next call (GCRA), under a pace",
        ),
    )
    op.add_column(
        "campaigns",
        sa.Column(
            "pace",
            sa.Numeric(precision=8, scale=3),
            nullable=True,
            comment="Call starts a second; null: the trunk's",
        ),
    )
    for table in ("plans", "campaigns"):
        op.create_check_constraint(op.f(f"ck_{table}_pace_positive"), table, "pace > 0")
    op.add_column(
        "campaigns",
        sa.Column(
            "retries",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment='Outcome to {"times": n, "gap_seconds": s}',
        ),
    )
    for table in ("targets", "attempts"):
        op.alter_column(table, "contact_id", nullable=True)
    op.add_column(
        "targets",
        sa.Column(
            "withdrawn",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Its contact was deleted in flight: hung up, never tried again",
        ),
    )
    op.create_index(
        "ix_targets_withdrawn",
        "targets",
        ["account_id", "plan_id", "id"],
        postgresql_where=sa.text("withdrawn AND state = 'waiting'"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
