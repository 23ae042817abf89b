"""Surveys, their steps and templates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "surveys",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "id", sa.BigInteger(), server_default=sa.text("nextval('campaigns_id_seq')"), nullable=False
        ),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "campaign_id"],
            ["campaigns.account_id", "campaigns.id"],
            name=op.f("fk_surveys_account_id_campaign_id_campaigns"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_surveys")),
    )
    op.create_index("uq_surveys_campaign", "surveys", ["account_id", "campaign_id"], unique=True)
    op.create_table(
        "survey_steps",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("survey_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="Its order on the wire"),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("text_or_url", sa.Text(), server_default="", nullable=False),
        sa.Column("response_type", sa.Text(), nullable=False),
        sa.Column("input_name", sa.Text(), nullable=False, comment="Column of the report"),
        sa.Column("audio_file", sa.Text(), nullable=True, comment="Key in the media store"),
        sa.Column("audio_ms", sa.BigInteger(), nullable=True),
        sa.Column(
            "options",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="How answers are taken, where it is not as usual",
        ),
        sa.CheckConstraint(
            "(audio_file IS NULL) = (audio_ms IS NULL)", name=op.f("ck_survey_steps_audio_whole")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "survey_id"],
            ["surveys.account_id", "surveys.id"],
            name=op.f("fk_survey_steps_account_id_survey_id_surveys"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_survey_steps")),
    )
    op.create_index(
        "uq_survey_steps_position", "survey_steps", ["account_id", "survey_id", "position"], unique=True
    )
    op.create_index(
        "uq_survey_steps_name", "survey_steps", ["account_id", "survey_id", "input_name"], unique=True
    )
    op.create_table(
        "survey_templates",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("voice_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "length_factor", sa.Numeric(precision=3, scale=2), server_default=sa.text("1.00"), nullable=False
        ),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "length_factor BETWEEN 0.50 AND 2.00", name=op.f("ck_survey_templates_length_factor")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_survey_templates_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["voice_id"], ["voices.id"], name=op.f("fk_survey_templates_voice_id_voices")
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_survey_templates")),
    )
    op.create_index(
        "ix_survey_templates_newest",
        "survey_templates",
        ["account_id", sa.literal_column("id DESC")],
        unique=False,
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
