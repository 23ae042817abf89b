"""Signed links to files of the media store: whoever has the link may fetch the file while it lasts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from datetime import timedelta

LIFETIME = timedelta(days=7)
_SIGNATURE_BYTES = 16


class MediaLinks:
    """Makes and reads link tokens with one HMAC key."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    def sign(self, media_key: str) -> str:
        """A token, safe in a path, that names the file and expires."""
        payload = f"{int(self._clock() + LIFETIME.total_seconds())}:{media_key}".encode()
        return f"{_encode(payload)}.{_encode(self._signature(payload))}"

    def read(self, token: str) -> str | None:
        """The key of the file, or None for a token that was forged, damaged or expired."""
        payload_text, _, signature_text = token.partition(".")
        try:
            payload, signature = _decode(payload_text), _decode(signature_text)
        except ValueError:
            return None
        if not hmac.compare_digest(signature, self._signature(payload)):
            return None
        expires, _, media_key = payload.decode().partition(":")
        return media_key if int(expires) > self._clock() else None

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, hashlib.sha256)[:_SIGNATURE_BYTES]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
