"""``ghanti trunk``."""

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
    name: str,
    host: Annotated[str, typer.Option(help="Host name or address of the carrier's SIP server.")],
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5060,
    username: Annotated[str | None, typer.Option(help="For digest authentication.")] = None,
    password: Annotated[
        str | None, typer.Option(help="Kept encrypted.", envvar="GHANTI_TRUNK_PASSWORD")
    ] = None,
    cps: Annotated[float, typer.Option(help="Call starts a second that the carrier allows.")] = 5,
    max_calls: Annotated[int, typer.Option(help="Calls at one time that the carrier allows.")] = 30,
    reserved_percent: Annotated[
        int, typer.Option(help="Of both, kept for one-time passwords and demo calls; 0 keeps none.")
    ] = 5,
    number_format: Annotated[
        str, typer.Option(help="How it wants numbers: e164 (+977…), digits (977…) or national (98…).")
    ] = "e164",
    codec: Annotated[list[str] | None, typer.Option(help="PCMU or PCMA, in order of preference.")] = None,
    data: DataOption = None,
) -> None:
    """Add a trunk, or change the one of that name."""
    from ghanti.trunks import service

    order = service.TrunkOrder(
        name,
        host,
        port,
        username,
        password,
        tuple(codec) if codec else ("PCMU", "PCMA"),
        number_format,
        cps,
        max_calls,
        reserved_percent,
    )

    async def run(session: AsyncSession, box: SecretBox) -> dict[str, Any]:
        made = await service.put_trunk(session, box, order)
        return {"id": made.id, "name": made.name, "host": made.host, "port": made.port}

    try:
        print_json(transact(data, run))
    except service.TrunkError as error:
        fail(str(error))
