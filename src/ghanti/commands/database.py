"""``ghanti database``."""

from __future__ import annotations

import typer

from ghanti.commands.common import DataOption, database_url, settings_for

app = typer.Typer(no_args_is_help=True)


@app.command()
def url(data: DataOption = None) -> None:
    """Print the URL of the server's database; psql accepts it. It holds the password."""
    from ghanti.database.url import for_libpq

    typer.echo(for_libpq(database_url(settings_for(data))))
