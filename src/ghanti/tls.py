"""The server's certificate: whether it is good, and taking a renewed one while serving."""

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

from ghanti.settings import Settings

logger = logging.getLogger(__name__)


class CertificateError(Exception):
    """No server can prove with these files who it is; the message says why."""


class Certificate:
    """A certificate with its chain and private key, as PEM files; the key may be in the certificate's."""

    def __init__(self, cert: Path, key: Path | None = None) -> None:
        self.cert = cert
        self.key = key
        self._taken = self._stamp()

    def load(self, context: ssl.SSLContext) -> None:
        """Have a context use the files as they are. Connections that are open keep what they have.

        Raises:
            CertificateError: they cannot be read, don't belong together, or the key has a password.
        """
        for path in (self.cert, self.key):
            if path is not None and not path.is_file():
                raise CertificateError(f"there is no file {path}")
        try:
            # Without a password of ours OpenSSL would ask at the terminal.
            context.load_cert_chain(self.cert, self.key, password=lambda: "")
        except (ssl.SSLError, OSError) as error:
            names = f"{self.cert} and {self.key}" if self.key else str(self.cert)
            raise CertificateError(f"{names} are no certificate and its key: {_reason(error)}") from None

    def check(self) -> None:
        """Raise CertificateError, as ``load`` does, unless the files are good."""
        self.load(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))

    async def renew(self, context: ssl.SSLContext) -> bool:
        """Load the files again if they have changed; answers whether they were taken.

        Files that are no good, as while they are being replaced one after the other, are looked at again
        the next time; until then the former stay in use.
        """
        stamp = await asyncio.to_thread(self._stamp)
        if stamp == self._taken:
            return False
        try:
            await asyncio.to_thread(self.check)
            self.load(context)
        except CertificateError as error:
            logger.warning("the certificate changed and is not taken: %s", error)
            return False
        self._taken = stamp
        logger.info("the renewed certificate is taken")
        return True

    def _stamp(self) -> list[tuple[int, int] | None]:
        return [_stamp_of(path) for path in (self.cert, self.key) if path is not None]


def certificate_of(settings: Settings) -> Certificate | None:
    """The certificate that the settings name, if any."""
    return Certificate(settings.tls_cert, settings.tls_key) if settings.tls_cert is not None else None


def _stamp_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _reason(error: OSError) -> str:
    return (error.reason or str(error)) if isinstance(error, ssl.SSLError) else (error.strerror or str(error))
