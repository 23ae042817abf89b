"""The voices an account may choose: data, not constants, since owners bring their own."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import Base, Id


class Voice(Base):
    __tablename__ = "voices"

    id: Mapped[Id]
    display_name: Mapped[str]
    internal_name: Mapped[str]
    is_premium: Mapped[bool] = mapped_column(server_default=text("false"))
    is_beta: Mapped[bool] = mapped_column(server_default=text("false"))
    language: Mapped[str] = mapped_column(server_default="np")
    engine: Mapped[str]
    engine_voice: Mapped[str]
    active: Mapped[bool] = mapped_column(server_default=text("true"))
