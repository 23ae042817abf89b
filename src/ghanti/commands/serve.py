"""``ghanti serve``."""

from __future__ import annotations

import sys
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
) -> None:
    """Run the whole of Ghanti on this machine until Ctrl-C."""
    from ghanti.database.embedded import DataFolderInUse, EmbeddedServerError
    from ghanti.serve import AddressTaken
    from ghanti.serve import serve as run

    settings = settings_for(data, host=host, port=port, carrier=carrier)
    try:
        sys.exit(run(settings, on_ready=lambda: _greet(settings)))
    except (DataFolderInUse, EmbeddedServerError, AddressTaken, OSError) as error:
        fail(str(error))


def _greet(settings: Settings) -> None:
    base = settings.public_url or f"http://{settings.host}:{settings.port}"
    typer.echo(f"Ghanti is ready: {base}/api/v1/docs  (carrier: {settings.carrier})")
