"""``ghanti smsc``."""

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
    host: Annotated[str, typer.Option(help="Host name or address of the SMSC.")],
    system_id: Annotated[str, typer.Option()],
    password: Annotated[str, typer.Option(help="Kept encrypted.", envvar="GHANTI_SMSC_PASSWORD")],
    port: Annotated[int, typer.Option(min=1, max=65535)] = 2775,
    system_type: str = "",
    source: Annotated[str, typer.Option(help="Sender: a number, a short code or up to 11 letters.")] = "",
    window: Annotated[int, typer.Option(help="Submits that may wait for their response.")] = 10,
    messages_per_second: Annotated[float, typer.Option(help="Parts a second that the SMSC allows.")] = 10,
    reserved_percent: Annotated[
        int, typer.Option(help="Of window and pace, kept for one-time passwords; 0 keeps none.")
    ] = 5,
    data: DataOption = None,
) -> None:
    """Add an SMSC reached by SMPP 3.4, or change the one of that name."""
    from ghanti.trunks import service

    order = service.SmscOrder(
        name,
        host,
        system_id,
        password,
        port,
        system_type,
        source,
        window_size=window,
        messages_per_second=messages_per_second,
        reserved_percent=reserved_percent,
    )

    async def run(session: AsyncSession, box: SecretBox) -> dict[str, Any]:
        made = await service.put_smsc(session, box, order)
        return {"id": made.id, "name": made.name, "host": made.host, "port": made.port}

    try:
        print_json(transact(data, run))
    except service.TrunkError as error:
        fail(str(error))
