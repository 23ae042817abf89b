"""``ghanti simulate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ghanti.commands.common import fail

app = typer.Typer(no_args_is_help=True)


@app.command()
def phones(
    address: Annotated[str, typer.Option(help="IPv4 address of SIP and RTP.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="UDP port of SIP; 0 lets the kernel choose.")] = 5060,
    recordings: Annotated[Path, typer.Option(help="Folder for what the phones hear.")] = Path("recordings"),
    log: Annotated[Path, typer.Option(help="File of JSON lines, appended to.")] = Path("phones.jsonl"),
) -> None:
    """Answer, refuse or ignore calls by the last two digits of the number called (docs/simulator.md)."""
    from ghanti.simulator.phones import Options, PhonesUnavailableError, run

    try:
        run(Options(recordings=recordings, log=log, address=address, port=port, end_with_parent=False))
    except PhonesUnavailableError as error:
        fail(str(error))


@app.command()
def smsc(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port; 0 lets the kernel choose.")] = 2775,
    log: Annotated[Path | None, typer.Option(help="File of JSON lines, one a message.")] = None,
    receipt_delay: Annotated[float, typer.Option(help="Seconds from submit to receipt.")] = 0.5,
) -> None:
    """Take messages over SMPP and send receipts by the last two digits of the number."""
    from ghanti.simulator.smsc import Options, run

    run(Options(host=host, port=port, log=log, receipt_delay=receipt_delay))
