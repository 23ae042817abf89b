"""Credentials: long-lived API tokens, and the signed session tokens that login puts in cookies."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import uuid4

import jwt

from ghanti.accounts.errors import InvalidError

_ALGORITHM = "HS256"


class Face(StrEnum):
    """An API that tokens are for; each looks as its API's own do, and is good for no other."""

    TINGTING = "tingting"
    TOINGG = "toingg"


_API_TOKENS = {
    Face.TINGTING: re.compile(r"[0-9a-f]{64}"),
    Face.TOINGG: re.compile(r"tg_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[A-Za-z0-9_-]{22}"),
}


def face_of(value: object, default: Face) -> Face:
    """The face that a request names, or the default when it names none. Raises InvalidError."""
    if value in (None, ""):
        return default
    if value not in tuple(Face):
        raise InvalidError.of("face", f"Must be one of {', '.join(Face)}.")
    return Face(str(value))


def new_api_token(face: Face) -> str:
    """64 hexadecimal digits, or ``tg_<uuid4>-<22 of base64>``, from the operating system's generator."""
    if face is Face.TOINGG:
        return f"tg_{uuid4()}-{secrets.token_urlsafe(16)}"
    return secrets.token_hex(32)


def is_api_token(value: str, face: Face) -> bool:
    return _API_TOKENS[face].fullmatch(value) is not None


def hash_api_token(token: str) -> bytes:
    """SHA-256 suffices: a token has 250 bits of entropy or more, so there is nothing to guess."""
    return hashlib.sha256(token.encode()).digest()


def mask_api_token(token: str) -> str:
    """The token's length and ends, enough to tell two apart."""
    return token[:4] + "*" * (len(token) - 8) + token[-4:]


class TokenType(StrEnum):
    """The two session tokens of a login; each is also the name of its cookie."""

    ACCESS = "access"
    REFRESH = "refresh"

    @property
    def lifetime(self) -> timedelta:
        return timedelta(days=1 if self is TokenType.ACCESS else 7)


class MalformedTokenError(Exception):
    """Not a session token of the expected type."""


class InvalidTokenError(Exception):
    """A session token that expired or was signed with another key."""


@dataclass(frozen=True, slots=True)
class Claims:
    user_id: int
    session_version: int


class SessionTokens:
    """Issues and reads session tokens (JWT, RFC 7519) with one HMAC key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, token_type: TokenType, claims: Claims) -> str:
        now = datetime.now(UTC)
        payload = {
            "token_type": token_type,
            "exp": now + token_type.lifetime,
            "iat": now,
            "jti": uuid4().hex,
            "user_id": claims.user_id,
            "session_version": claims.session_version,
        }
        return jwt.encode(payload, self._key, algorithm=_ALGORITHM)

    def read(self, token: str, token_type: TokenType) -> Claims:
        """The claims of a valid token.

        Raises:
            MalformedTokenError: It is no JWT, of another type, or names no user.
            InvalidTokenError: It expired, or its signature is not ours.
        """
        try:
            payload = jwt.decode(token, self._key, algorithms=[_ALGORITHM], options={"require": ["exp"]})
        except (jwt.ExpiredSignatureError, jwt.InvalidSignatureError) as error:
            raise InvalidTokenError(str(error)) from None
        except jwt.InvalidTokenError as error:
            raise MalformedTokenError(str(error)) from None
        user_id = payload.get("user_id")
        if payload.get("token_type") != token_type or not isinstance(user_id, int):
            raise MalformedTokenError("the token names no user or is of another type")
        return Claims(user_id, int(payload.get("session_version", 0)))
