"""Answers given in calls, and contents that hold several audios."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "answers",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="The step's"),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("keys", sa.Text(), nullable=True),
        sa.Column("media_key", sa.Text(), nullable=True, comment="16-bit 8 kHz mono .wav in the media store"),
        sa.Column("ms", sa.BigInteger(), nullable=True, comment="Length of the recording"),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'stored') = (media_key IS NOT NULL)", name=op.f("ck_answers_stored_has_file")
        ),
        sa.CheckConstraint(
            "keys IS NULL OR (kind = 'keys' AND state = 'given')", name=op.f("ck_answers_keys_are_given")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "target_id"],
            ["targets.account_id", "targets.id"],
            name=op.f("fk_answers_account_id_target_id_targets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "target_id", "name", name=op.f("pk_answers")),
    )
    op.create_index(
        "ix_answers_pending",
        "answers",
        ["account_id", "attempt_id"],
        unique=False,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.drop_index("ix_targets_audio", "targets")
    op.drop_index("ix_targets_audio_needed", "targets")
    _convert()
    op.alter_column(
        "targets",
        "content",
        comment="Audio keys and length, or text",
        existing_comment="Audio key and length, or text",
    )
    op.create_index(
        "ix_targets_audio",
        "targets",
        ["final_at"],
        unique=False,
        postgresql_where=sa.text("state = 'final' AND content ? 'audios'"),
    )
    op.create_index(
        "ix_targets_audio_needed",
        "targets",
        [sa.literal_column("jsonb_path_query_array(content, '$.audios.*')")],
        unique=False,
        postgresql_using="gin",
        postgresql_where=sa.text("state <> 'final' AND ready AND content ? 'audios'"),
    )
    op.create_index(
        "ix_targets_secrets",
        "targets",
        ["account_id", "id"],
        unique=False,
        postgresql_where=sa.text("content ? 'secrets'"),
    )


def _convert() -> None:
    op.execute(
        """
        UPDATE plans SET call_content = call_content - 'template' || jsonb_build_object(
               'audios', jsonb_build_object('message',
                   jsonb_build_object('template', call_content -> 'template')))
         WHERE call_content ? 'template'
        """
    )
    op.execute(
        """
        UPDATE targets SET content = content - 'audio' || jsonb_build_object(
               'audios', jsonb_build_object('message',
                   'audio/' || left(content ->> 'audio', 2) || '/' || (content ->> 'audio') || '.ulaw'))
         WHERE content ? 'audio'
        """
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
