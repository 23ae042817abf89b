"""Secrets at rest, and the key that they hang on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ghanti.encryption import DecryptionError, SecretBox, secret_box
from ghanti.settings import Settings


def test_the_key_is_made_once_and_kept(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    secret = secret_box(settings).encrypt("गोप्य")
    assert secret_box(settings).decrypt(secret) == "गोप्य"
    assert (tmp_path / "data" / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret.key"]


def test_another_key_opens_nothing() -> None:
    with pytest.raises(DecryptionError):
        SecretBox(b"another key of some length").decrypt(SecretBox(b"a key of some length").encrypt("x"))


def test_a_key_that_anybody_could_guess_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="GHANTI_SECRET_KEY"):
        secret_box(Settings(data=tmp_path, secret_key="short"))
    (tmp_path / "secret.key").write_bytes(b"")
    with pytest.raises(ValueError, match=r"secret\.key"):
        secret_box(Settings(data=tmp_path))
