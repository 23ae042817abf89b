"""``ghanti number``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ghanti.commands.common import DataOption, fail, print_json, transact

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from ghanti.encryption import SecretBox

app = typer.Typer(no_args_is_help=True)


@app.command()
def add(
    number: Annotated[str, typer.Argument(help="In international form, such as +97715970425.")],
    shared: Annotated[bool, typer.Option("--shared", help="For every account.")] = False,
    account: Annotated[int | None, typer.Option(help="The account that owns it, by its id.")] = None,
    data: DataOption = None,
) -> None:
    """Register a caller number: one account's own, or shared by all."""
    from sqlalchemy.exc import IntegrityError

    from ghanti.trunks import service

    if shared == (account is not None):
        fail("say either --shared or --account ID")

    async def run(session: AsyncSession, _box: SecretBox) -> dict[str, Any]:
        made = await service.add_number(session, number, account)
        return {"id": made.id, "phone_number": made.number, "account_id": made.account_id}

    try:
        print_json(transact(data, run))
    except service.TrunkError as error:
        fail(str(error))
    except IntegrityError:
        fail(f"there is no account {account}")
