"""Signed links to files of the media store: whoever has the link may fetch the file while it lasts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

LIFETIME = timedelta(days=7)
_SIGNATURE_BYTES = 16
_PATH = re.compile(r"/media/([\w.-]+)/[^/]+/?$", re.ASCII)


class MediaLinks:
    """Makes and reads link tokens with one HMAC key."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    def sign(self, media_key: str, lifetime: timedelta = LIFETIME) -> str:
        """A token, safe in a path, that names the file and expires."""
        payload = f"{int(self._clock() + lifetime.total_seconds())}:{media_key}".encode()
        return f"{_encode(payload)}.{_encode(self._signature(payload))}"

    def read(self, token: str) -> str | None:
        """The key of the file, or None for a token that was forged, damaged or expired."""
        expires, media_key = self._read(token) or (0, None)
        return media_key if expires > self._clock() else None

    def key_of(self, url: str) -> str | None:
        """The key of the file that a URL of ours leads to, expired or not; None for any other URL.

        Clients send back what they were answered, much later too. It says what the file is and gives
        no right to read it.
        """
        try:
            found = _PATH.search(urlsplit(url.strip()).path)
        except ValueError:
            return None
        return (self._read(found[1]) or (0, None))[1] if found else None

    def _read(self, token: str) -> tuple[int, str] | None:
        """When a token expires and the key in it; None unless it was signed here."""
        payload_text, _, signature_text = token.partition(".")
        try:
            payload, signature = _decode(payload_text), _decode(signature_text)
        except ValueError:
            return None
        if not hmac.compare_digest(signature, self._signature(payload)):
            return None
        expires, _, media_key = payload.decode().partition(":")
        return int(expires), media_key

    def _signature(self, payload: bytes) -> bytes:
        return hmac.digest(self._key, payload, hashlib.sha256)[:_SIGNATURE_BYTES]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
