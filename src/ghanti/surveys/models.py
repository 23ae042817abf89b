"""Surveys: the ordered questions of a SURVEY campaign, and templates from which they are made."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Numeric, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import AccountId, Base, CreatedAt, Id, ParentAccountId


class ContentType(StrEnum):
    SAY = "say"
    PLAY = "play"
    INFO = "info"


class ResponseType(StrEnum):
    DTMF = "dtmf"
    RAW_RECORD = "raw_record"
    NONE = "none"


class Survey(Base):
    """The survey of a campaign. Its id comes from the campaigns' sequence, so that an id is never both."""

    __tablename__ = "surveys"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "campaign_id"], ["campaigns.account_id", "campaigns.id"], ondelete="CASCADE"
        ),
        Index("uq_surveys_campaign", "account_id", "campaign_id", unique=True),
    )

    account_id: Mapped[ParentAccountId]
    id: Mapped[int] = mapped_column(primary_key=True, server_default=text("nextval('campaigns_id_seq')"))
    campaign_id: Mapped[int]
    created_at: Mapped[CreatedAt]


class SurveyStep(Base):
    """What one step says, and what it expects; steps come in the order of ``position``."""

    __tablename__ = "survey_steps"
    __table_args__ = (
        ForeignKeyConstraint(
            ["account_id", "survey_id"], ["surveys.account_id", "surveys.id"], ondelete="CASCADE"
        ),
        CheckConstraint("(audio_file IS NULL) = (audio_ms IS NULL)", name="audio_whole"),
        Index("uq_survey_steps_position", "account_id", "survey_id", "position", unique=True),
        Index("uq_survey_steps_name", "account_id", "survey_id", "input_name", unique=True),
    )

    account_id: Mapped[ParentAccountId]
    id: Mapped[Id]
    survey_id: Mapped[int]
    position: Mapped[int] = mapped_column(comment="Its order on the wire")
    content_type: Mapped[str]
    text_or_url: Mapped[str] = mapped_column(server_default="")
    response_type: Mapped[str]
    input_name: Mapped[str] = mapped_column(comment="Column of the report")
    audio_file: Mapped[str | None] = mapped_column(comment="Key in the media store")
    audio_ms: Mapped[int | None]
    options: Mapped[dict[str, Any]] = mapped_column(
        JSONB, server_default=text("'{}'"), comment="How answers are taken, where it is not as usual"
    )


class SurveyTemplate(Base):
    """A voice and steps under a name; ``content`` holds the steps as ``schemas.StepDraft.as_content``."""

    __tablename__ = "survey_templates"
    __table_args__ = (
        CheckConstraint("length_factor BETWEEN 0.50 AND 2.00", name="length_factor"),
        Index("ix_survey_templates_newest", "account_id", text("id DESC")),
    )

    account_id: Mapped[AccountId]
    id: Mapped[Id]
    name: Mapped[str]
    voice_id: Mapped[int] = mapped_column(ForeignKey("voices.id"))
    length_factor: Mapped[Decimal] = mapped_column(Numeric(3, 2), server_default=text("1.00"))
    content: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
