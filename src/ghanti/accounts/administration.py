"""What an operator does to accounts and the people in them, each named by their e-mail address."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts import passwords, repository, service
from ghanti.accounts.errors import InvalidError, NotFoundError
from ghanti.accounts.models import Account, Role, User
from ghanti.accounts.tokens import Face


async def people(session: AsyncSession) -> Sequence[Any]:
    """Everybody, by account: rows of account, e-mail, role, whether active, and the account's settings."""
    return await repository.people(session)


async def account(session: AsyncSession, whose: str) -> Account:
    """The account of that id, or that somebody with that address is in. Raises NotFoundError."""
    if whose.isdecimal():
        found = await session.get(Account, int(whose))
    else:
        user = await repository.user_by_email(session, whose.strip())
        found = await session.get(Account, user.account_id) if user else None
    if found is None:
        raise NotFoundError(f"There is no account {whose}, nor anybody with that address.")
    return found


async def add_user(session: AsyncSession, owner: str, email: str, password: str, role: Role) -> User:
    """One more person in the account that ``owner`` is in.

    Raises NotFoundError without that one, and what ``service.add_user`` raises.
    """
    return await service.add_user(session, (await _found(session, owner)).account_id, email, password, role)


async def set_active(session: AsyncSession, email: str, active: bool) -> User:
    """Let somebody in, or keep them out: then their sessions end and their API tokens are revoked.

    Somebody who is let in again needs new tokens. Raises NotFoundError.
    """
    user = await _found(session, email)
    user.is_active = active
    if not active:
        user.session_version += 1
        await repository.revoke_tokens(session, user.account_id, user.id, *Face)
    await session.flush()
    return user


async def reset_password(session: AsyncSession, email: str, password: str) -> User:
    """Give somebody another password; their sessions end, their API tokens stay. Raises NotFoundError."""
    user = await _found(session, email)
    user.password_hash = await passwords.hash_password(password)
    user.session_version += 1
    await session.flush()
    return user


async def new_token(session: AsyncSession, email: str, face: Face) -> str:
    """A new API token in place of somebody's former one of that face. Raises NotFoundError."""
    user = await _found(session, email)
    return await service.replace_token(session, user.account_id, user.id, face)


async def set_account(
    session: AsyncSession,
    email: str,
    *,
    premium: bool | None = None,
    time_zone: str | None = None,
    language: str | None = None,
) -> Account:
    """Change what is given of the account that somebody is in.

    Raises NotFoundError, and InvalidError for a time zone that there is not or a language without voices.
    """
    if time_zone is not None and time_zone not in available_timezones():
        raise InvalidError(f"There is no time zone {time_zone}.")
    if language is not None and language not in (spoken := await repository.languages(session)):
        raise InvalidError(f"There are voices of {', '.join(spoken)}, none of {language}.")
    account = await session.get_one(Account, (await _found(session, email)).account_id)
    if premium is not None:
        account.premium = premium
    if time_zone is not None:
        account.time_zone = time_zone
    if language is not None:
        account.language = language
    await session.flush()
    return account


async def _found(session: AsyncSession, email: str) -> User:
    user = await repository.user_by_email(session, email.strip())
    if user is None:
        raise NotFoundError(f"There is nobody with the address {email}.")
    await repository.lock_user(session, user.account_id, user.id)
    await session.refresh(user)
    return user
