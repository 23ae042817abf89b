"""API tokens are each for one API."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "api_tokens",
        sa.Column(
            "face",
            sa.Text(),
            server_default="tingting",
            nullable=False,
            comment="The API that it is good for",
        ),
    )
    op.drop_index("uq_api_tokens_live", "api_tokens")
    op.create_index(
        "uq_api_tokens_live",
        "api_tokens",
        ["account_id", "user_id", "face"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
