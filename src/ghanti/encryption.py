"""Secrets at rest: trunk and SMSC passwords, OTP codes, signing keys derived from one master key.

The master key comes from ``GHANTI_SECRET_KEY`` or from ``secret.key`` in the data folder, made
on first use and readable by its owner only. Losing it loses the encrypted columns, so
back it up with the database.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ghanti.settings import Settings

_SHORTEST = 16


class DecryptionError(Exception):
    """The value was encrypted with another key, or was damaged."""


class SecretBox:
    def __init__(self, master: bytes) -> None:
        self._master = master
        self._fernet = Fernet(base64.urlsafe_b64encode(self.derive("columns")))

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose (RFC 5869)."""
        return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(self._master)

    def encrypt(self, value: str) -> bytes:
        return self._fernet.encrypt(value.encode())

    def decrypt(self, value: bytes) -> str:
        try:
            return self._fernet.decrypt(value).decode()
        except InvalidToken:
            raise DecryptionError(
                "a secret in the database was encrypted with another key; restore secret.key"
            ) from None


class NoKeyError(Exception):
    """There is no master key, and this is not the place to make one."""


def secret_box(settings: Settings, *, make: bool = True) -> SecretBox:
    """The box of an installation, whose key the server makes on its first start.

    Commands say ``make=False``: a key made beside a server that has another would spoil what it encrypts.

    Raises:
        NoKeyError: there is no key and none is to be made.
        ValueError: the key is too short to be a secret.
    """
    path = settings.data / "secret.key"
    given = settings.secret_key
    if given is None and not make and not path.exists():
        raise NoKeyError(f"there is no {path}: set GHANTI_SECRET_KEY as the server has it")
    key = given.get_secret_value().encode() if given is not None else _key_file(path)
    if len(key) < _SHORTEST:
        source = "GHANTI_SECRET_KEY" if given is not None else path
        raise ValueError(f"the key in {source} is too short: at least {_SHORTEST} characters are needed")
    return SecretBox(key)


def _key_file(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_hex(32).encode())
            os.fsync(file.fileno())
        # The link fails when another process was first; its key is the one to use.
        with contextlib.suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    return path.read_bytes().strip()
