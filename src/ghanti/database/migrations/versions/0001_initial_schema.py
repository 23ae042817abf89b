"""initial schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SEQUENCE worker_fence")
    op.create_table(
        "smscs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.BigInteger(), server_default=sa.text("2775"), nullable=False),
        sa.Column("system_id", sa.Text(), nullable=False),
        sa.Column("password", sa.LargeBinary(), nullable=False, comment="Encrypted"),
        sa.Column("system_type", sa.Text(), server_default="", nullable=False),
        sa.Column("source_address", sa.Text(), server_default="", nullable=False),
        sa.Column("destination_ton", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("destination_npi", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("window_size", sa.BigInteger(), server_default=sa.text("10"), nullable=False),
        sa.Column(
            "messages_per_second",
            sa.Numeric(precision=8, scale=3),
            server_default=sa.text("10"),
            nullable=False,
        ),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("simulated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "next_start_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Theoretical arrival time of the next part (GCRA)",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("messages_per_second > 0", name=op.f("ck_smscs_messages_per_second_positive")),
        sa.CheckConstraint("window_size > 0", name=op.f("ck_smscs_window_size_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_smscs")),
        sa.UniqueConstraint("name", name=op.f("uq_smscs_name")),
    )
    op.create_table(
        "trunks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.BigInteger(), server_default=sa.text("5060"), nullable=False),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("password", sa.LargeBinary(), nullable=True, comment="Encrypted"),
        sa.Column(
            "codecs", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{PCMU,PCMA}'"), nullable=False
        ),
        sa.Column(
            "number_format",
            sa.Text(),
            server_default="e164",
            nullable=False,
            comment="e164, digits or national",
        ),
        sa.Column("cps", sa.Numeric(precision=8, scale=3), server_default=sa.text("5"), nullable=False),
        sa.Column("max_calls", sa.BigInteger(), server_default=sa.text("30"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("simulated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "next_start_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="Theoretical arrival time of the next start (GCRA)",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("cps > 0", name=op.f("ck_trunks_cps_positive")),
        sa.CheckConstraint("max_calls > 0", name=op.f("ck_trunks_max_calls_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trunks")),
        sa.UniqueConstraint("name", name=op.f("uq_trunks_name")),
    )
    op.create_table(
        "voices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("internal_name", sa.Text(), nullable=False),
        sa.Column("is_premium", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_beta", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("language", sa.Text(), server_default="np", nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("engine_voice", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voices")),
    )
    op.create_table(
        "worker_sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "fence", sa.BigInteger(), server_default=sa.text("nextval('worker_fence')"), nullable=False
        ),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "heartbeat_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_sessions")),
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="Asia/Kathmandu", nullable=False),
        sa.Column("language", sa.Text(), server_default="np", nullable=False),
        sa.Column("premium", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("default_voice_id", sa.BigInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["default_voice_id"], ["voices.id"], name=op.f("fk_accounts_default_voice_id_voices")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
    )
    op.create_table(
        "delivery_receipts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("smsc_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "message_ids",
            postgresql.ARRAY(sa.Text()),
            nullable=False,
            comment="Every canonical form its id may have",
        ),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["smsc_id"], ["smscs.id"], name=op.f("fk_delivery_receipts_smsc_id_smscs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_receipts")),
    )
    op.create_table(
        "caller_numbers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("number", sa.Text(), nullable=False, comment="E.164"),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_caller_numbers_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caller_numbers")),
        sa.UniqueConstraint("number", name=op.f("uq_caller_numbers_number")),
    )
    op.create_index(op.f("ix_caller_numbers_account_id"), "caller_numbers", ["account_id"], unique=False)
    op.create_table(
        "campaigns",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="Not Started", nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=True, comment="Why it was terminated"),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("sms_message", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("schedule", sa.DateTime(timezone=True), nullable=True),
        sa.Column("audio_file", sa.Text(), nullable=True, comment="Key in the media store"),
        sa.Column("bulk_file", sa.Text(), nullable=True, comment="Key in the media store"),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column(
            "user_phone", postgresql.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("credit_limit", sa.BigInteger(), nullable=True),
        sa.Column("voice_id", sa.BigInteger(), nullable=True),
        sa.Column("draft", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "failover_target", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "length_factor", sa.Numeric(precision=3, scale=2), server_default=sa.text("1.00"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("credit_limit >= 0", name=op.f("ck_campaigns_credit_limit_not_negative")),
        sa.CheckConstraint("length_factor BETWEEN 0.50 AND 2.00", name=op.f("ck_campaigns_length_factor")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_campaigns_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["voice_id"], ["voices.id"], name=op.f("fk_campaigns_voice_id_voices")),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_campaigns")),
    )
    op.create_index(
        "ix_campaigns_updated",
        "campaigns",
        ["account_id", sa.literal_column("updated_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "credit_balances",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("phone", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("phone >= 0", name=op.f("ck_credit_balances_phone_not_negative")),
        sa.CheckConstraint("sms >= 0", name=op.f("ck_credit_balances_sms_not_negative")),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_credit_balances_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_credit_balances")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=True),
        sa.Column("batch", sa.Uuid(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_ledger_entries_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_ledger_entries")),
    )
    op.create_index("ix_ledger_entries_plan", "ledger_entries", ["account_id", "plan_id"], unique=False)
    op.create_table(
        "plans",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("plan_class", sa.Text(), server_default="bulk", nullable=False),
        sa.Column("owner_kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="running", nullable=False),
        sa.Column(
            "state_reason", sa.Text(), nullable=True, comment="credits, credit_limit, emergency_stop, deleted"
        ),
        sa.Column("starts_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("call_content", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("sms_content", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "caller_numbers",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="E.164",
        ),
        sa.Column("credit_limit", sa.BigInteger(), nullable=True),
        sa.Column("ring_seconds", sa.BigInteger(), nullable=False),
        sa.Column(
            "retries",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment='Outcome to {"times": n, "gap_seconds": s}; empty is never',
        ),
        sa.Column(
            "announced",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Its start was announced",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'finished') = (finished_at IS NOT NULL)", name=op.f("ck_plans_finished")
        ),
        sa.CheckConstraint("credit_limit > 0", name=op.f("ck_plans_credit_limit_positive")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_plans_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_plans")),
    )
    op.create_index(
        "ix_plans_live", "plans", ["state"], unique=False, postgresql_where=sa.text("state <> 'finished'")
    )
    op.create_index("ix_plans_owner", "plans", ["account_id", "owner_kind", "owner_id"], unique=False)
    op.create_table(
        "users",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), server_default="owner", nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("session_version", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_name", sa.Text(), server_default="", nullable=False),
        sa.Column("last_name", sa.Text(), server_default="", nullable=False),
        sa.Column("username", sa.Text(), server_default="", nullable=False),
        sa.Column("contact_no", sa.Text(), server_default="", nullable=False),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("is_verified_contact", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_users_account_id_accounts"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "api_tokens",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("masked", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "user_id"],
            ["users.account_id", "users.id"],
            name=op.f("fk_api_tokens_account_id_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["accounts.id"],
            name=op.f("fk_api_tokens_account_id_accounts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_api_tokens")),
    )
    op.create_index(
        "uq_api_tokens_live",
        "api_tokens",
        ["account_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index("uq_api_tokens_token_hash", "api_tokens", ["token_hash"], unique=True)
    op.create_table(
        "contacts",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "number",
            sa.Text(),
            nullable=False,
            comment="Identity: E.164, or bare digits where that is impossible",
        ),
        sa.Column(
            "number_sent", sa.Text(), nullable=False, comment="As the owner wrote it; echoed on the wire"
        ),
        sa.Column("carrier", sa.Text(), server_default="other", nullable=False),
        sa.Column("variables", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("uuid", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "campaign_id"],
            ["campaigns.account_id", "campaigns.id"],
            name=op.f("fk_contacts_account_id_campaign_id_campaigns"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_contacts")),
    )
    op.create_index("ix_contacts_campaign", "contacts", ["account_id", "campaign_id", "id"], unique=False)
    op.create_index("uq_contacts_number", "contacts", ["account_id", "campaign_id", "number"], unique=True)
    op.create_table(
        "plan_figures",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("targets", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("credits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "plan_id"],
            ["plans.account_id", "plans.id"],
            name=op.f("fk_plan_figures_account_id_plan_id_plans"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "plan_id", "session_id", "channel", "outcome", name=op.f("pk_plan_figures")
        ),
    )
    op.create_table(
        "targets",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "ready", sa.Boolean(), server_default=sa.text("false"), nullable=False, comment="Content rendered"
        ),
        sa.Column(
            "content",
            postgresql.JSONB(astext_type=sa.Text()),
            nullable=True,
            comment="Audio key and length, or text",
        ),
        sa.Column(
            "units",
            sa.BigInteger(),
            server_default=sa.text("1"),
            nullable=False,
            comment="Credits that one attempt holds",
        ),
        sa.Column(
            "attempts",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Attempts that were sent",
        ),
        sa.Column("attempt_id", sa.Uuid(), nullable=True, comment="The latest attempt"),
        sa.Column("credits", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("final_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'active') <= (attempt_id IS NOT NULL)", name=op.f("ck_targets_active_has_attempt")
        ),
        sa.CheckConstraint(
            "(state = 'final') = (outcome IS NOT NULL)", name=op.f("ck_targets_final_has_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "plan_id"],
            ["plans.account_id", "plans.id"],
            name=op.f("fk_targets_account_id_plan_id_plans"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_targets")),
    )
    op.create_index(
        "ix_targets_audio",
        "targets",
        ["final_at"],
        unique=False,
        postgresql_where=sa.text("state = 'final' AND content ? 'audio'"),
    )
    op.create_index("ix_targets_contact", "targets", ["account_id", "contact_id"], unique=False)
    op.create_index(
        "ix_targets_due",
        "targets",
        ["account_id", "plan_id", "channel", "due_at", "id"],
        unique=False,
        postgresql_include=["units"],
        postgresql_where=sa.text("state = 'waiting' AND ready"),
    )
    op.create_index(
        "ix_targets_audio_needed",
        "targets",
        [sa.literal_column("(content ->> 'audio')")],
        unique=False,
        postgresql_where=sa.text("state <> 'final' AND ready"),
    )
    op.create_index(
        "ix_targets_open",
        "targets",
        ["account_id", "plan_id", "id"],
        unique=False,
        postgresql_where=sa.text("state <> 'final'"),
    )
    op.create_index(
        "ix_targets_active",
        "targets",
        ["account_id", "plan_id"],
        unique=False,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "ix_targets_unready",
        "targets",
        ["account_id", "plan_id", "channel", "due_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting' AND NOT ready"),
    )
    op.create_index(
        "uq_targets_contact", "targets", ["account_id", "plan_id", "contact_id", "channel"], unique=True
    )
    op.create_table(
        "attempts",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("target_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="leased", nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "provisional",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Unknown after a takeover; one late event may replace it",
        ),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trunk_id", sa.BigInteger(), nullable=True),
        sa.Column("smsc_id", sa.BigInteger(), nullable=True),
        sa.Column("caller_number", sa.Text(), nullable=True),
        sa.Column(
            "held", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="Credits held"
        ),
        sa.Column(
            "charged",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Credits charged, at most held",
        ),
        sa.Column("leased_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ringing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sip_code", sa.BigInteger(), nullable=True),
        sa.Column("hungup_by", sa.Text(), nullable=True),
        sa.Column(
            "duration_ms",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Answer to end",
        ),
        sa.Column(
            "played_ms",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Of the message, as heard",
        ),
        sa.Column(
            "total_ms",
            sa.BigInteger(),
            server_default=sa.text("0"),
            nullable=False,
            comment="Length of the message",
        ),
        sa.Column("keys", sa.Text(), server_default="", nullable=False),
        sa.Column("delivery", sa.Text(), nullable=True),
        sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name=op.f("ck_attempts_ended")),
        sa.CheckConstraint(
            "(state = 'leased') = (sent_at IS NULL AND ended_at IS NULL)",
            name=op.f("ck_attempts_leased_unsent"),
        ),
        sa.CheckConstraint("outcome IS NULL OR state = 'ended'", name=op.f("ck_attempts_outcome_ends")),
        sa.CheckConstraint(
            "state <> 'answered' OR answered_at IS NOT NULL", name=op.f("ck_attempts_answered")
        ),
        sa.CheckConstraint("charged >= 0 AND charged <= held", name=op.f("ck_attempts_charge_within_hold")),
        sa.ForeignKeyConstraint(
            ["account_id", "target_id"],
            ["targets.account_id", "targets.id"],
            name=op.f("fk_attempts_account_id_target_id_targets"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "id", name=op.f("pk_attempts")),
    )
    op.create_index(
        "ix_attempts_live",
        "attempts",
        ["session_id", "trunk_id"],
        unique=False,
        postgresql_where=sa.text("state <> 'ended'"),
    )
    op.create_index("ix_attempts_target", "attempts", ["account_id", "target_id"], unique=False)
    op.create_index("ix_attempts_token", "attempts", ["id"], unique=False)
    op.create_table(
        "legs",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("leg", sa.BigInteger(), nullable=False),
        sa.Column("trunk_id", sa.BigInteger(), nullable=False),
        sa.Column("call_id", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sip_code", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "attempt_id"],
            ["attempts.account_id", "attempts.id"],
            name=op.f("fk_legs_account_id_attempt_id_attempts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["trunk_id"], ["trunks.id"], name=op.f("fk_legs_trunk_id_trunks")),
        sa.PrimaryKeyConstraint("account_id", "attempt_id", "leg", name=op.f("pk_legs")),
    )
    op.create_table(
        "message_parts",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.Column("smsc_id", sa.BigInteger(), nullable=False),
        sa.Column("smsc_message_id", sa.Text(), nullable=False, comment="Canonical form, see sms.receipts"),
        sa.Column("delivery", sa.Text(), server_default="awaited", nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id", "attempt_id"],
            ["attempts.account_id", "attempts.id"],
            name=op.f("fk_message_parts_account_id_attempt_id_attempts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["smsc_id"], ["smscs.id"], name=op.f("fk_message_parts_smsc_id_smscs")),
        sa.PrimaryKeyConstraint("account_id", "attempt_id", "part", name=op.f("pk_message_parts")),
    )
    op.create_index("ix_message_parts_smsc", "message_parts", ["smsc_id", "smsc_message_id"], unique=False)
    op.execute(
        """
        INSERT INTO voices
            (id, display_name, internal_name, is_premium, language, engine, engine_voice) VALUES
            (1, 'Rija', 'np_rija', false, 'np', 'espeak', 'ne+f3'),
            (2, 'Rija premium', 'np_rija', true, 'np', 'espeak', 'ne+f2'),
            (3, 'Prashanna', 'np_prashanna', false, 'np', 'espeak', 'ne+m3'),
            (4, 'Binod', 'np_binod', false, 'np', 'espeak', 'ne+m1'),
            (5, 'Shreegya', 'np_shreegya', false, 'np', 'espeak', 'ne+f4')
        """
    )
    op.execute("SELECT setval(pg_get_serial_sequence('voices', 'id'), 100)")


def downgrade() -> None:
    raise NotImplementedError("restore a backup: the first schema has nothing below it")
