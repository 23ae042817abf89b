"""Throttling, session tokens, API tokens and password hashes, without a database."""

from __future__ import annotations

import time
from base64 import urlsafe_b64decode
from uuid import UUID

import jwt
import pytest

from ghanti.accounts import passwords, tokens
from ghanti.accounts.throttle import (
    FAILURES_PER_ADDRESS,
    FAILURES_PER_EMAIL,
    FAILURES_PER_USER,
    WINDOW_SECONDS,
    LoginThrottle,
)
from ghanti.accounts.tokens import (
    Claims,
    Face,
    InvalidTokenError,
    MalformedTokenError,
    SessionTokens,
    TokenType,
)

KEY = b"k" * 32


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_failures_close_the_door_until_the_window_passes() -> None:
    clock = Clock()
    throttle = LoginThrottle(clock)
    for _ in range(FAILURES_PER_USER):
        assert throttle.wait("a", "1.1.1.1") == 0
        throttle.begin("a", "1.1.1.1")
        clock.now += 1
    assert throttle.wait("a", "1.1.1.1") == WINDOW_SECONDS - FAILURES_PER_USER
    assert throttle.wait("b", "1.1.1.1") == throttle.wait("a", "2.2.2.2") == 0
    clock.now = WINDOW_SECONDS
    assert throttle.wait("a", "1.1.1.1") == 0


def test_success_forgets_the_users_failures() -> None:
    throttle = LoginThrottle(Clock())
    for _ in range(FAILURES_PER_USER):
        throttle.begin("a", "1.1.1.1")
    throttle.succeeded("a", "1.1.1.1")
    assert throttle.wait("a", "1.1.1.1") == 0


def test_one_address_cannot_try_many_users() -> None:
    throttle = LoginThrottle(Clock())
    for index in range(FAILURES_PER_ADDRESS):
        throttle.begin(f"user {index}", "1.1.1.1")
    assert throttle.wait("somebody", "1.1.1.1") > 0
    assert throttle.wait("somebody", "2.2.2.2") == 0


def test_addresses_of_one_network_are_one() -> None:
    """Whoever has an IPv6 network has 2**64 addresses."""
    throttle = LoginThrottle(Clock())
    for index in range(FAILURES_PER_USER):
        throttle.begin("a", f"2001:db8::{index:x}")
    assert throttle.wait("a", "2001:db8::ffff:1") > 0
    assert throttle.wait("a", "2001:db8:0:1::1") == 0
    assert throttle.wait("a", "::ffff:192.0.2.1") == 0
    for index in range(FAILURES_PER_ADDRESS):
        throttle.begin(f"user {index}", f"2001:db8::{index:x}")
    assert throttle.wait("somebody", "2001:db8::ffff:1") > 0


def test_one_user_cannot_be_tried_from_many_addresses() -> None:
    clock = Clock()
    throttle = LoginThrottle(clock)
    for index in range(FAILURES_PER_EMAIL):
        assert throttle.wait("a", f"192.0.2.{index}") == 0
        throttle.begin("a", f"192.0.2.{index}")
    throttle.succeeded("a", "192.0.2.0")
    assert throttle.wait("a", "203.0.113.1") == 0
    throttle.begin("a", "203.0.113.1")
    assert throttle.wait("a", "203.0.113.2") == WINDOW_SECONDS
    assert throttle.wait("b", "203.0.113.2") == 0
    clock.now += WINDOW_SECONDS
    assert throttle.wait("a", "203.0.113.2") == 0


def test_throttle_forgets_rather_than_grows() -> None:
    throttle = LoginThrottle(Clock())
    for index in range(20_000):
        throttle.begin(f"user {index}", f"address {index}")
    assert len(throttle._failures) <= 10_000


def test_session_token_round_trip() -> None:
    sessions = SessionTokens(KEY)
    token = sessions.issue(TokenType.ACCESS, Claims(7, 2))
    assert sessions.read(token, TokenType.ACCESS) == Claims(7, 2)
    claims = jwt.decode(token, KEY, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 24 * 3600
    with pytest.raises(MalformedTokenError):
        sessions.read(token, TokenType.REFRESH)


def test_tokens_that_are_not_ours() -> None:
    sessions = SessionTokens(KEY)
    later = int(time.time()) + 60
    foreign = SessionTokens(b"x" * 32).issue(TokenType.ACCESS, Claims(7, 0))
    expired = jwt.encode({"token_type": "access", "user_id": 7, "exp": 1}, KEY, "HS256")
    for token in (foreign, expired):
        with pytest.raises(InvalidTokenError):
            sessions.read(token, TokenType.ACCESS)
    nobody = jwt.encode({"token_type": "access", "exp": later}, KEY, "HS256")
    endless = jwt.encode({"token_type": "access", "user_id": 7}, KEY, "HS256")
    unsigned = jwt.encode({"token_type": "access", "user_id": 7, "exp": later}, None, "none")
    for token in (nobody, endless, unsigned, "", "a.b.c"):
        with pytest.raises(MalformedTokenError):
            sessions.read(token, TokenType.ACCESS)


@pytest.mark.parametrize("face", Face)
def test_api_tokens(face: Face) -> None:
    token = tokens.new_api_token(face)
    assert [known for known in Face if tokens.is_api_token(token, known)] == [face]
    assert not tokens.is_api_token(token.upper() + "\n", face)
    assert token != tokens.new_api_token(face)
    masked = tokens.mask_api_token(token)
    assert (masked[:4], masked[-4:], len(masked)) == (token[:4], token[-4:], len(token))
    assert set(masked[4:-4]) == {"*"}


def test_toingg_tokens_look_as_toinggs_own() -> None:
    prefix, separator, rest = tokens.new_api_token(Face.TOINGG).partition("_")
    assert (prefix, separator) == ("tg", "_")
    assert UUID(rest[:36]).version == 4
    assert rest[36] == "-"
    assert len(urlsafe_b64decode(rest[37:] + "==")) == 16


async def test_password_hashes() -> None:
    stored = await passwords.hash_password("नमस्ते")
    assert stored.startswith("$argon2id$")
    assert await passwords.verify_password(stored, "नमस्ते")
    assert not await passwords.verify_password(stored, "other")
    assert not await passwords.verify_password(None, "no user has this password")
    assert not await passwords.verify_password("not a hash", "x")
