"""What a Toingg campaign has beyond ours, and messages that ask."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "campaigns",
        sa.Column(
            "asks",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="Its message asks for keys where it says so, see campaigns/scripted.py",
        ),
    )
    op.create_table(
        "toingg_campaigns",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "fields", sa.JSON(), nullable=False, comment="What the client sent; echoed in its own order"
        ),
        sa.ForeignKeyConstraint(
            ["account_id", "campaign_id"],
            ["campaigns.account_id", "campaigns.id"],
            name=op.f("fk_toingg_campaigns_account_id_campaigns"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("account_id", "campaign_id", name=op.f("pk_toingg_campaigns")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
