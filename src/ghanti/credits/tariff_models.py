"""Tariffs by prefix: the operator's data, of no account."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index, Integer, func, text
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import Base, CreatedAt, Id

PulseSeconds = Annotated[
    int,
    mapped_column(Integer, server_default=text("60"), comment="Of the tariff that its hold was reckoned by"),
]
Price = Annotated[
    int,
    mapped_column(Integer, server_default=text("1"), comment="Credits a pulse, or a segment, of that tariff"),
]
"""Columns of what is held under a tariff, and charged by it whatever the tariffs are by then."""


class TariffVersion(Base):
    """What calls and messages to numbers of a prefix cost from a moment on; a version never changes.

    The longest prefix of a number holds, of its versions the one that came into force last. A version without
    prices says that the prefix has none of its own from then on.
    """

    __tablename__ = "tariffs"
    __table_args__ = (
        CheckConstraint("prefix ~ '^([1-9][0-9]{0,14})?$'", name="prefix_is_digits"),
        CheckConstraint(
            "num_nulls(pulse_seconds, credits_per_pulse, credits_per_segment) = 0"
            " OR prefix <> '' AND num_nulls(pulse_seconds, credits_per_pulse, credits_per_segment) = 3",
            name="whole_or_removed",
        ),
        CheckConstraint("pulse_seconds > 0", name="pulse_positive"),
        CheckConstraint("credits_per_pulse >= 0 AND credits_per_segment >= 0", name="not_negative"),
        Index("ix_tariffs_prefix", "prefix", "valid_from"),
    )

    id: Mapped[Id]
    prefix: Mapped[str] = mapped_column(comment="Digits in international form; '' is all")
    pulse_seconds: Mapped[int | None] = mapped_column(Integer)
    credits_per_pulse: Mapped[int | None] = mapped_column(Integer)
    credits_per_segment: Mapped[int | None] = mapped_column(Integer)
    valid_from: Mapped[datetime] = mapped_column(server_default=func.now())
    created_at: Mapped[CreatedAt]
