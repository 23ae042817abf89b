"""The rules of accounts: who may enter, with which credential, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts import passwords, repository, tokens
from ghanti.accounts.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    ThrottledError,
    UnauthenticatedError,
)
from ghanti.accounts.models import Account, ApiToken, Role, User
from ghanti.accounts.throttle import LoginThrottle
from ghanti.accounts.tokens import (
    Claims,
    Face,
    InvalidTokenError,
    MalformedTokenError,
    SessionTokens,
    TokenType,
)
from ghanti.credits import service as credits
from ghanti.credits.models import Currency
from ghanti.database.session import SessionFactory, transaction

_LONGEST_EMAIL = 254
"""Characters of an address (RFC 5321, section 4.5.3.1.3)."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what of their account the rules need."""

    account_id: int
    user_id: int
    role: Role
    time_zone: ZoneInfo
    premium: bool
    default_voice_id: int

    def require_write(self) -> None:
        """Raises ForbiddenError for a viewer."""
        if self.role is Role.VIEWER:
            raise ForbiddenError("A viewer may look but not change anything.")


@dataclass(frozen=True, slots=True)
class NewAccount:
    account_id: int
    user_id: int
    email: str
    api_token: str


async def create_account(
    session: AsyncSession,
    email: str,
    password: str,
    phone_credits: int = 0,
    sms_credits: int = 0,
    *,
    time_zone: str = "Asia/Kathmandu",
) -> NewAccount:
    """An account with its owner, balances and a TingTing token, which is shown this once only.

    ``time_zone`` is that of its moments on the wire, by its IANA name.

    Raises:
        InvalidError: The e-mail address, the password or a number of credits cannot be.
        ConflictError: Somebody has that e-mail address already.
    """
    email = _checked_email(email)
    if not password:
        raise InvalidError.of("password", "A password is required.")
    if phone_credits < 0 or sms_credits < 0:
        raise InvalidError("Credits cannot be negative.")
    account = Account(name=email, time_zone=time_zone)
    session.add(account)
    await session.flush()
    user = await _add_user(session, account.id, email, password)
    await credits.open_account(session, account.id)
    for currency, amount in ((Currency.PHONE, phone_credits), (Currency.SMS, sms_credits)):
        if amount:
            await credits.purchase(session, account.id, currency, amount, "opening balance")
    token = await replace_token(session, account.id, user.id, Face.TINGTING)
    return NewAccount(account.id, user.id, email, token)


async def add_user(
    session: AsyncSession, account_id: int, email: str, password: str, role: Role = Role.MEMBER
) -> User:
    """One more person in an account. Raises as ``create_account`` does."""
    return await _add_user(session, account_id, _checked_email(email), password, role)


async def _add_user(
    session: AsyncSession, account_id: int, email: str, password: str, role: Role = Role.OWNER
) -> User:
    user = User(
        account_id=account_id,
        email=email,
        username=email.partition("@")[0],
        password_hash=await passwords.hash_password(password),
        role=role,
    )
    try:
        async with session.begin_nested():
            session.add(user)
    except IntegrityError:
        raise ConflictError(f"There is an account for {email} already.") from None
    await session.refresh(user)
    return user


def _checked_email(email: str) -> str:
    email = email.strip()
    name, at, domain = email.rpartition("@")
    if (
        not (name and at and domain)
        or len(email) > _LONGEST_EMAIL
        or any(c.isspace() or c == "\0" for c in email)
    ):
        raise InvalidError.of("email", "Enter a valid e-mail address.")
    return email


async def login(
    sessions: SessionFactory, throttle: LoginThrottle, email: str, password: str, address: str
) -> Claims:
    """The user whom the password proves; ``address`` is where the request came from.

    No connection is held while the password is hashed: a flood of logins must leave them to others.

    Raises:
        UnauthenticatedError: Unknown, inactive, or the wrong password, without saying which.
        ThrottledError: Too many failures lately.
    """
    key = email.strip().lower()[: _LONGEST_EMAIL + 1]
    if seconds := throttle.wait(key, address):
        raise ThrottledError("Too many failed logins. Try again later.", seconds)
    throttle.begin(key, address)
    async with transaction(sessions) as session:
        user = await repository.user_by_email(session, email.strip())
    if not await passwords.verify_password(user.password_hash if user else None, password):
        user = None
    if user is None or not user.is_active:
        raise UnauthenticatedError("Invalid email or password.")
    throttle.succeeded(key, address)
    return Claims(user.id, user.session_version)


async def authenticate(session: AsyncSession, sessions: SessionTokens, credential: str) -> Principal:
    """The bearer of a TingTing token or of an access token. Raises UnauthenticatedError."""
    if tokens.is_api_token(credential, Face.TINGTING):
        return await _token_bearer(session, credential, Face.TINGTING)
    return await authenticate_access(session, sessions, credential)


async def authenticate_toingg(session: AsyncSession, _sessions: SessionTokens, credential: str) -> Principal:
    """The bearer of a Toingg token. Raises UnauthenticatedError."""
    if not tokens.is_api_token(credential, Face.TOINGG):
        raise UnauthenticatedError("Invalid token.")
    return await _token_bearer(session, credential, Face.TOINGG)


async def _token_bearer(session: AsyncSession, credential: str, face: Face) -> Principal:
    row = await repository.principal_of_token(session, tokens.hash_api_token(credential), face)
    if row is None or not row.is_active:
        raise UnauthenticatedError("Invalid token.")
    if row.stale:
        await repository.touch_token(session, row.account_id, row.token_id)
    return _principal(row)


async def authenticate_access(session: AsyncSession, sessions: SessionTokens, token: str) -> Principal:
    """The bearer of an access token. Raises UnauthenticatedError."""
    try:
        claims = sessions.read(token, TokenType.ACCESS)
    except (MalformedTokenError, InvalidTokenError):
        raise UnauthenticatedError("Invalid token.") from None
    row = await repository.principal_of_user(session, claims.user_id)
    if row is None or not row.is_active or row.session_version != claims.session_version:
        raise UnauthenticatedError("Invalid token.")
    return _principal(row)


def _principal(row: Any) -> Principal:
    return Principal(
        account_id=row.account_id,
        user_id=row.user_id,
        role=Role(row.role),
        time_zone=ZoneInfo(row.time_zone),
        premium=row.premium,
        default_voice_id=row.default_voice_id,
    )


class InactiveUserError(UnauthenticatedError):
    """The token is sound, its user is not active any more or gone."""


async def refresh(session: AsyncSession, sessions: SessionTokens, token: str) -> Claims:
    """The claims for a new access token.

    Raises:
        MalformedTokenError: It is no refresh token.
        InvalidTokenError: It expired, or its session was ended.
        InactiveUserError: Its user is inactive or gone.
    """
    claims = sessions.read(token, TokenType.REFRESH)
    row = await repository.principal_of_user(session, claims.user_id)
    if row is None or not row.is_active:
        raise InactiveUserError("Account is not activated.")
    if row.session_version != claims.session_version:
        raise InvalidTokenError("the session was ended")
    return claims


async def generate_api_token(session: AsyncSession, principal: Principal, face: Face) -> str:
    """A new token in place of the user's former one of that face, which stops working when this commits."""
    return await replace_token(session, principal.account_id, principal.user_id, face)


async def replace_token(session: AsyncSession, account_id: int, user_id: int, face: Face) -> str:
    """A new token in place of a user's former one of that face; those of other faces stay."""
    await repository.lock_user(session, account_id, user_id)
    await repository.revoke_tokens(session, account_id, user_id, face)
    token = tokens.new_api_token(face)
    session.add(
        ApiToken(
            account_id=account_id,
            user_id=user_id,
            face=face,
            token_hash=tokens.hash_api_token(token),
            masked=tokens.mask_api_token(token),
        )
    )
    await session.flush()
    return token


async def api_token(session: AsyncSession, principal: Principal, face: Face) -> ApiToken | None:
    """The user's live token of a face; only its masked form is known."""
    return await repository.live_token(session, principal.account_id, principal.user_id, face)


async def profile(session: AsyncSession, principal: Principal) -> User:
    user = await repository.user(session, principal.account_id, principal.user_id)
    if user is None:
        raise UnauthenticatedError("Invalid token.")
    return user
