"""Voices of more languages, and requests that calls order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # An operator may have taken a number below 101 by hand; whatever uses it keeps its voice.
    op.execute(
        """
        INSERT INTO voices
            (id, display_name, internal_name, is_premium, language, engine, engine_voice) VALUES
            (6, 'Maya', 'en_maya', false, 'en', 'espeak', 'en+f3'),
            (7, 'Arjun', 'en_arjun', false, 'en', 'espeak', 'en+m2'),
            (8, 'Ananya', 'hi_ananya', false, 'hi', 'espeak', 'hi+f2'),
            (9, 'Rohan', 'hi_rohan', false, 'hi', 'espeak', 'hi+m2')
        ON CONFLICT (id) DO NOTHING
        """
    )
    op.create_table(
        "web_hooks",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column(
            "sealed",
            sa.LargeBinary(),
            nullable=False,
            comment="Encrypted JSON: path, headers, params, json_data",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("method IN ('GET', 'POST', 'PUT', 'DELETE')", name=op.f("ck_web_hooks_method")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_web_hooks_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_web_hooks")),
    )
    op.create_index("uq_web_hooks_name", "web_hooks", ["account_id", "name"], unique=True)
    op.create_table(
        "web_hook_secrets",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="The signing secret, encrypted"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_web_hook_secrets_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_web_hook_secrets")),
    )
    op.create_table(
        "web_hook_deliveries",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hook_id", sa.BigInteger(), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False, comment="Of the call script, where the key was pressed"),
        sa.Column(
            "variables",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="What fills the hook's tags; gone with its end",
        ),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "due_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
            comment="Of one that is being sent: until when it is leased",
        ),
        sa.Column("token", sa.Uuid(), nullable=True, comment="Of the lease, while it is being sent"),
        sa.Column("last_status", sa.BigInteger(), nullable=True, comment="HTTP status of the last answer"),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'sending', 'delivered', 'failed')",
            name=op.f("ck_web_hook_deliveries_state"),
        ),
        sa.CheckConstraint(
            "(state IN ('delivered', 'failed')) = (ended_at IS NOT NULL)",
            name=op.f("ck_web_hook_deliveries_ended"),
        ),
        sa.CheckConstraint(
            "(state = 'sending') = (token IS NOT NULL)", name=op.f("ck_web_hook_deliveries_leased")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "hook_id"],
            ["web_hooks.account_id", "web_hooks.id"],
            name=op.f("fk_web_hook_deliveries_account_id_hook_id_web_hooks"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "target_id"],
            ["targets.account_id", "targets.id"],
            name=op.f("fk_web_hook_deliveries_account_id_target_id_targets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_web_hook_deliveries")),
    )
    op.create_index(
        "uq_web_hook_deliveries_step", "web_hook_deliveries", ["account_id", "target_id", "step"], unique=True
    )
    op.create_index("ix_web_hook_deliveries_hook", "web_hook_deliveries", ["account_id", "hook_id"])
    op.create_index(
        "ix_web_hook_deliveries_due",
        "web_hook_deliveries",
        ["account_id", "due_at"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
