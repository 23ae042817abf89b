"""What a Toingg campaign has beyond a campaign."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import Base, ParentAccountId


class ToinggCampaign(Base):
    """The fields of a campaign as a Toingg client sent them, those that do nothing here among them."""

    __tablename__ = "toingg_campaigns"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "campaign_id"], ["campaigns.account_id", "campaigns.id"], ondelete="CASCADE"
        ),
    )

    account_id: Mapped[ParentAccountId]
    campaign_id: Mapped[int] = mapped_column(primary_key=True)
    # json, not jsonb: key order and number forms are the client's.
    fields: Mapped[dict[str, Any]] = mapped_column(
        JSON, comment="What the client sent; echoed in its own order"
    )
