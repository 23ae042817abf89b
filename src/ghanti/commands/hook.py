"""``ghanti hook``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ghanti.commands.common import DataOption, fail, print_json, transact

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from ghanti.encryption import SecretBox

app = typer.Typer(no_args_is_help=True)

Whose = Annotated[str, typer.Argument(help="The account's id, or the address of somebody in it.")]


@app.command("list")
def list_hooks(account: Whose, data: DataOption = None) -> None:
    """List an account's web hooks without what may be secret, a line of JSON each."""

    async def run(session: AsyncSession, box: SecretBox, account_id: int) -> list[Any]:
        from ghanti.webhooks import service

        return await service.listed(session, account_id, box)

    for hook in _transact(data, account, run):
        print_json(_shown(hook))


@app.command()
def deliveries(account: Whose, data: DataOption = None) -> None:
    """List an account's latest deliveries, newest first, a line of JSON each."""

    async def run(session: AsyncSession, box: SecretBox, account_id: int) -> list[Any]:
        from ghanti.webhooks import service

        return await service.deliveries(session, account_id)

    for delivery in _transact(data, account, run):
        print_json(_shown(delivery))


@app.command()
def secret(
    account: Whose,
    renew: Annotated[
        bool, typer.Option("--renew", help="Make another; the former is no longer used.")
    ] = False,
    data: DataOption = None,
) -> None:
    """Print what an account's deliveries are signed with."""

    async def run(session: AsyncSession, box: SecretBox, account_id: int) -> str:
        from ghanti.webhooks import service

        return await service.signing_secret(session, account_id, box, renew=renew)

    print_json({"secret": _transact(data, account, run)})


def _transact(
    data: Path | None, whose: str, what: Callable[[AsyncSession, SecretBox, int], Awaitable[Any]]
) -> Any:
    from ghanti.accounts import administration
    from ghanti.accounts.errors import RefusedError
    from ghanti.encryption import DecryptionError

    async def run(session: AsyncSession, box: SecretBox) -> Any:
        return await what(session, box, (await administration.account(session, whose)).id)

    try:
        return transact(data, run)
    except RefusedError as error:
        fail(error.message)
    except DecryptionError as error:
        fail(str(error))


def _shown(view: Any) -> dict[str, Any]:
    from dataclasses import asdict
    from datetime import datetime
    from uuid import UUID

    return {
        name: str(value) if isinstance(value, UUID | datetime) else value
        for name, value in asdict(view).items()
    }
