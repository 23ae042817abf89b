"""The declarative base, the naming of constraints, and the column types every table shares."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, MetaData, Text, func
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

GLOBAL_TABLES = frozenset(
    {
        "accounts",
        "voices",
        "trunks",
        "smscs",
        "caller_numbers",
        "delivery_receipts",
        "credit_packages",
        "payment_events",
        "worker_sessions",
        "tariffs",
    }
)
"""Tables that belong to no account. The key of every other table begins with ``account_id``."""


class Base(DeclarativeBase):
    metadata = metadata
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        int: BigInteger,
        str: Text,
        datetime: DateTime(timezone=True),
        list[int]: ARRAY(BigInteger),
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
    }


Id = Annotated[int, mapped_column(Identity(), primary_key=True)]
AccountId = Annotated[int, mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)]
ParentAccountId = Annotated[int, mapped_column(primary_key=True)]
"""The account's id where the parent's key holds it already: a foreign key of its own would be checked
twice a row, for nothing."""
CreatedAt = Annotated[datetime, mapped_column(server_default=func.now())]
