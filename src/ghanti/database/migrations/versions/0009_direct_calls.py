"""Calls and messages that are ordered one by one: known by the id of their first attempt, and personal."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "targets",
        sa.Column("sid", sa.Uuid(), comment="By which it was ordered; the id of its first attempt"),
    )
    op.add_column(
        "targets",
        sa.Column("personal", sa.JSON(), comment="What is said to this one alone, see dialing/personal.py"),
    )
    op.add_column(
        "targets", sa.Column("ordered_at", sa.DateTime(timezone=True), comment="Where it has a sid")
    )
    op.add_column(
        "targets",
        sa.Column(
            "hung_up",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Ended by whoever ordered it: hung up, never tried again",
        ),
    )
    op.create_index(
        "uq_targets_sid",
        "targets",
        ["account_id", "sid"],
        unique=True,
        postgresql_where=sa.text("sid IS NOT NULL"),
    )
    op.create_index(
        "ix_targets_promised",
        "targets",
        ["account_id"],
        postgresql_include=["channel", "units"],
        postgresql_where=sa.text("sid IS NOT NULL AND state = 'waiting'"),
    )
    op.drop_index("uq_targets_contact", "targets")
    op.create_index(
        "uq_targets_contact",
        "targets",
        ["account_id", "plan_id", "contact_id", "channel"],
        unique=True,
        postgresql_where=sa.text("sid IS NULL"),
    )
    op.drop_index("ix_targets_withdrawn", "targets")
    op.create_index(
        "ix_targets_withdrawn",
        "targets",
        ["account_id", "plan_id", "id"],
        postgresql_where=sa.text("(withdrawn OR hung_up) AND state = 'waiting'"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
