"""The SQL of accounts, users and API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, or_, select, text, update
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.models import Account, ApiToken, User
from ghanti.accounts.tokens import Face

PrincipalRow = Row[*tuple[Any, ...]]

_STALE = or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at < func.now() - timedelta(minutes=1))

_PRINCIPAL = (
    User.account_id,
    User.id.label("user_id"),
    User.role,
    User.is_active,
    User.session_version,
    Account.time_zone,
    Account.premium,
    Account.default_voice_id,
)


async def user_by_email(session: AsyncSession, email: str) -> User | None:
    statement = select(User).where(func.lower(User.email) == func.lower(email))
    return (await session.scalars(statement)).one_or_none()


async def people(session: AsyncSession) -> Sequence[PrincipalRow]:
    statement = (
        select(
            Account.id.label("account_id"),
            User.email,
            User.role,
            User.is_active,
            Account.premium,
            Account.time_zone,
        )
        .join(User, User.account_id == Account.id)
        .order_by(Account.id, User.id)
    )
    return (await session.execute(statement)).all()


async def user(session: AsyncSession, account_id: int, user_id: int) -> User | None:
    return await session.get(User, (account_id, user_id))


async def lock_user(session: AsyncSession, account_id: int, user_id: int) -> None:
    await session.execute(
        select(User.id).where(User.account_id == account_id, User.id == user_id).with_for_update()
    )


async def principal_of_user(session: AsyncSession, user_id: int) -> PrincipalRow | None:
    statement = select(*_PRINCIPAL).join(Account, Account.id == User.account_id).where(User.id == user_id)
    return (await session.execute(statement)).one_or_none()


async def principal_of_token(session: AsyncSession, token_hash: bytes, face: Face) -> PrincipalRow | None:
    """The user of a face's live token, with the token's id, and whether its last use should be noted."""
    statement = (
        select(*_PRINCIPAL, ApiToken.id.label("token_id"), _STALE.label("stale"))
        .join(User, (User.account_id == ApiToken.account_id) & (User.id == ApiToken.user_id))
        .join(Account, Account.id == User.account_id)
        .where(ApiToken.token_hash == token_hash, ApiToken.face == face, ApiToken.revoked_at.is_(None))
    )
    return (await session.execute(statement)).one_or_none()


async def touch_token(session: AsyncSession, account_id: int, token_id: int) -> None:
    """Note a token's use, at most once a minute; of two requests at once one does."""
    due = (
        select(ApiToken.id)
        .where(ApiToken.account_id == account_id, ApiToken.id == token_id, _STALE)
        .with_for_update(skip_locked=True)
    )
    await session.execute(
        update(ApiToken)
        .where(ApiToken.account_id == account_id, ApiToken.id.in_(due))
        .values(last_used_at=func.now())
        .execution_options(synchronize_session=False)
    )


async def live_token(session: AsyncSession, account_id: int, user_id: int, face: Face) -> ApiToken | None:
    statement = select(ApiToken).where(
        ApiToken.account_id == account_id,
        ApiToken.user_id == user_id,
        ApiToken.face == face,
        ApiToken.revoked_at.is_(None),
    )
    return (await session.scalars(statement)).one_or_none()


async def revoke_tokens(session: AsyncSession, account_id: int, user_id: int, *faces: Face) -> None:
    await session.execute(
        update(ApiToken)
        .where(
            ApiToken.account_id == account_id,
            ApiToken.user_id == user_id,
            ApiToken.face.in_(faces),
            ApiToken.revoked_at.is_(None),
        )
        .values(revoked_at=func.now())
        .execution_options(synchronize_session=False)
    )


async def languages(session: AsyncSession) -> list[str]:
    """The languages that voices speak, such as ``np``."""
    rows = await session.execute(text("SELECT DISTINCT language FROM voices WHERE active ORDER BY language"))
    return list(rows.scalars())
