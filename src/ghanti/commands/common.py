"""What commands share: the data folder option, a transaction on the server's database, plain errors."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from ghanti.encryption import SecretBox
    from ghanti.settings import Settings

T = TypeVar("T")

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Data folder of the server; GHANTI_DATA, else ./data.")
]


def fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    sys.exit(1)


def print_json(value: dict[str, Any]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False))


def settings_for(data: Path | None, **options: Any) -> Settings:
    """The settings under the options that were given; ends the command when one makes no sense."""
    from pydantic import ValidationError

    from ghanti.settings import Settings

    given = {"data": data, **options}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = (f"GHANTI_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        fail("; ".join(wrong))


def database_url(settings: Settings) -> str:
    """The URL of the running server's database, embedded or the owner's."""
    from ghanti.database.embedded import EmbeddedPostgres, EmbeddedServerError

    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    try:
        return EmbeddedPostgres(settings.data).url
    except EmbeddedServerError as error:
        fail(str(error))


def transact(data: Path | None, what: Callable[[AsyncSession, SecretBox], Awaitable[T]]) -> T:
    """Do something in one transaction on the server's database; the server must be running."""
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from ghanti.database import tables  # noqa: F401 - foreign keys need every model
    from ghanti.database.errors import reason
    from ghanti.database.session import create_session_factory, opened, transaction
    from ghanti.encryption import NoKeyError, secret_box

    settings = settings_for(data)
    url = database_url(settings)
    try:
        box = secret_box(settings, make=False)
    except (NoKeyError, ValueError, OSError) as error:
        fail(str(error))

    async def run() -> T:
        async with (
            opened(url, pool_size=1, application_name="ghanti command") as engine,
            transaction(create_session_factory(engine)) as session,
        ):
            return await what(session, box)

    try:
        return asyncio.run(run())
    except ProgrammingError:
        fail("the database was not prepared: start ghanti serve with it once")
    except OperationalError as error:
        start = f"ghanti serve --data {settings.data}"
        fail(f"the database does not answer ({reason(error)}); start it with: {start}")
