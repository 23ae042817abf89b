"""What calls said when, recordings of whole calls, and drafts of what the callees said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_logs",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column(
            "plays",
            postgresql.JSONB(),
            nullable=False,
            comment="In order: audio, at_ms from the answer, played_ms of total_ms",
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "attempt_id"],
            ["attempts.account_id", "attempts.id"],
            name=op.f("fk_call_logs_account_id_attempt_id_attempts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "attempt_id", name=op.f("pk_call_logs")),
    )
    op.create_table(
        "call_recordings",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("media_key", sa.Text(), nullable=True, comment="16-bit 8 kHz mono .wav in the media store"),
        sa.Column("ms", sa.BigInteger(), nullable=True, comment="Its length"),
        sa.Column(
            "begun_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="The answer, from which its time counts",
        ),
        sa.Column(
            "drafted",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="A recogniser has done with it, whatever came of it",
        ),
        sa.CheckConstraint(
            "(state = 'stored') = (media_key IS NOT NULL)", name=op.f("ck_call_recordings_stored_has_file")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "attempt_id"],
            ["attempts.account_id", "attempts.id"],
            name=op.f("fk_call_recordings_account_id_attempt_id_attempts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "attempt_id", name=op.f("pk_call_recordings")),
    )
    for name, condition in (
        ("pending", "state = 'pending'"),
        ("undrafted", "state = 'stored' AND NOT drafted"),
        ("kept", "state <> 'erased'"),
    ):
        op.create_index(
            f"ix_call_recordings_{name}",
            "call_recordings",
            ["begun_at"],
            unique=False,
            postgresql_where=sa.text(condition),
        )
    op.create_table(
        "transcript_drafts",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True, comment="Why it failed, or is unsupported"),
        sa.Column("language", sa.Text(), nullable=False, comment="That of the voice; empty where none spoke"),
        sa.Column(
            "turns",
            postgresql.JSONB(),
            server_default=sa.text("'[]'"),
            nullable=False,
            comment="In order: content, at_ms from the answer",
        ),
        sa.Column("tries", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "taken_until",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="A worker that has not finished by then has died",
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "attempt_id"],
            ["call_recordings.account_id", "call_recordings.attempt_id"],
            name=op.f("fk_transcript_drafts_account_id_attempt_id_call_recordings"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "attempt_id", name=op.f("pk_transcript_drafts")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
