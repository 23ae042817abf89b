"""Passwords as argon2id hashes (RFC 9106), computed off the event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()

# A hash takes 64 MiB and a tenth of a second: two at a time, so that a flood of logins takes not all.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")


@cache
def _decoy() -> str:
    return _hasher.hash("no user has this password")


async def hash_password(password: str) -> str:
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is the hashed one. Without a hash (no such user) it takes as long and is False."""
    matches = await asyncio.get_running_loop().run_in_executor(_threads, _verify, stored, password)
    return matches and stored is not None


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _decoy(), password)
    except (VerificationError, InvalidHashError):
        return False
