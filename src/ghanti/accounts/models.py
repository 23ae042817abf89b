"""Accounts, the people in them, and their API tokens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, LargeBinary, func, text
from sqlalchemy.orm import Mapped, mapped_column

from ghanti.database.base import AccountId, Base, CreatedAt, Id


class Role(StrEnum):
    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class Account(Base):
    """A customer: what owns campaigns, contacts and credits."""

    __tablename__ = "accounts"

    id: Mapped[Id]
    name: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default="Asia/Kathmandu")
    language: Mapped[str] = mapped_column(server_default="np")
    premium: Mapped[bool] = mapped_column(server_default=text("true"))
    default_voice_id: Mapped[int] = mapped_column(ForeignKey("voices.id"), server_default=text("1"))
    created_at: Mapped[CreatedAt]


class User(Base):
    """Somebody who logs in. Passwords are kept as argon2id hashes only."""

    __tablename__ = "users"
    __table_args__ = (Index("uq_users_email", func.lower(text("email")), unique=True),)

    account_id: Mapped[AccountId]
    id: Mapped[Id]
    email: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str] = mapped_column(server_default=Role.OWNER)
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    session_version: Mapped[int] = mapped_column(server_default=text("0"))
    first_name: Mapped[str] = mapped_column(server_default="")
    last_name: Mapped[str] = mapped_column(server_default="")
    username: Mapped[str] = mapped_column(server_default="")
    contact_no: Mapped[str] = mapped_column(server_default="")
    address: Mapped[str] = mapped_column(server_default="")
    is_verified_contact: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[CreatedAt]


class ApiToken(Base):
    """A long-lived token; only its SHA-256 and a masked form are kept. One is live per user and face."""

    __tablename__ = "api_tokens"
    __table_args__ = (
        ForeignKeyConstraint(["account_id", "user_id"], ["users.account_id", "users.id"], ondelete="CASCADE"),
        Index("uq_api_tokens_token_hash", "token_hash", unique=True),
        Index(
            "uq_api_tokens_live",
            "account_id",
            "user_id",
            "face",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )

    account_id: Mapped[AccountId]
    id: Mapped[Id]
    user_id: Mapped[int]
    face: Mapped[str] = mapped_column(server_default="tingting", comment="The API that it is good for")
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    masked: Mapped[str]
    created_at: Mapped[CreatedAt]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
