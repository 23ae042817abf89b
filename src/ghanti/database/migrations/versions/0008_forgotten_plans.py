"""Plans of what was deleted go in the background, and those that a late truth may follow are known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "plans",
        sa.Column(
            "text_instead",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="A text may follow its calls, so it waits until what became of them is certain",
        ),
    )
    op.create_index(
        "ix_plans_forgotten",
        "plans",
        ["account_id", "id"],
        postgresql_where=sa.text("state = 'finished' AND state_reason = 'deleted'"),
    )
    op.create_index(
        "ix_attempts_provisional",
        "attempts",
        ["account_id", "plan_id"],
        postgresql_where=sa.text("provisional"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
