"""``ghanti serve``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ghanti.carrier import Carrier
from ghanti.commands.common import DataOption, fail, settings_for

if TYPE_CHECKING:
    from ghanti.settings import Settings


def serve(
    data: DataOption = None,
    host: Annotated[str | None, typer.Option(help="Address of the API; GHANTI_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the API; GHANTI_PORT.")] = None,
    carrier: Annotated[
        Carrier | None, typer.Option(help="simulated rehearses with bundled phones; live calls for real.")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(help="Scheme and host of URLs in answers; GHANTI_PUBLIC_URL.")
    ] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="Certificate with its chain (PEM): serves https; GHANTI_TLS_CERT.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key (PEM); GHANTI_TLS_KEY.")] = None,
    trusted_proxies: Annotated[
        str | None,
        typer.Option(help="Networks whose forwarded headers are believed; GHANTI_TRUSTED_PROXIES."),
    ] = None,
) -> None:
    """Run the whole of Ghanti on this machine until Ctrl-C."""
    from ghanti.database.embedded import DataFolderInUse, EmbeddedServerError
    from ghanti.serve import AddressTaken
    from ghanti.serve import serve as run
    from ghanti.tls import CertificateError

    settings = settings_for(
        data,
        host=host,
        port=port,
        carrier=carrier,
        public_url=public_url,
        tls_cert=tls_cert,
        tls_key=tls_key,
        trusted_proxies=trusted_proxies,
    )
    try:
        sys.exit(run(settings, on_ready=lambda: _greet(settings)))
    except (DataFolderInUse, EmbeddedServerError, AddressTaken, CertificateError, OSError) as error:
        fail(str(error))


def _greet(settings: Settings) -> None:
    scheme = "http" if settings.tls_cert is None else "https"
    base = settings.public_url or f"{scheme}://{settings.host}:{settings.port}"
    typer.echo(f"Ghanti is ready: {base}/api/v1/docs  (carrier: {settings.carrier})")
