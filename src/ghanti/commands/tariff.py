"""``ghanti tariff``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ghanti.commands.common import DataOption, fail, print_json, settings_for, transact

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from ghanti.credits.tariffs import Priced
    from ghanti.settings import Settings

app = typer.Typer(no_args_is_help=True)

Prefix = Annotated[
    str, typer.Argument(help="In international form, such as 977984; '' or '*' is every number.")
]
From = Annotated[
    datetime | None,
    typer.Option(
        "--from",
        formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"],
        help="When it comes into force, by GHANTI_TIME_ZONE where it says no other; at once when absent.",
    ),
]


@app.command("list")
def list_tariffs(data: DataOption = None) -> None:
    """List the tariffs in force and those to come, a line of JSON each."""

    async def run(session: AsyncSession, settings: Settings) -> list[dict[str, Any]]:
        from ghanti.credits import tariffs

        now = [_shown(priced) for priced in await tariffs.in_force(session, settings)]
        return now + [_shown(priced) | {"to_come": True} for priced in await tariffs.to_come(session)]

    for shown in _transact(data, run):
        print_json(shown)


@app.command("set")
def set_tariff(
    prefix: Prefix,
    pulse_seconds: Annotated[int | None, typer.Option(help="Length of a charged pulse of a call.")] = None,
    credits_per_pulse: Annotated[int | None, typer.Option(help="Phone credits a pulse; 0 is free.")] = None,
    credits_per_segment: Annotated[int | None, typer.Option(help="SMS credits a part; 0 is free.")] = None,
    valid_from: From = None,
    data: DataOption = None,
) -> None:
    """Price the numbers of a prefix; what is left out is as for these numbers now.

    What is ready to be dialled by then costs what it was made ready at.
    """

    async def run(session: AsyncSession, settings: Settings) -> dict[str, Any]:
        from ghanti.credits import tariffs
        from ghanti.credits.tariff import Tariff

        now = (await tariffs.current(session, settings)).of(tariffs.read_prefix(prefix))
        wanted = Tariff(
            now.pulse_seconds if pulse_seconds is None else pulse_seconds,
            now.credits_per_pulse if credits_per_pulse is None else credits_per_pulse,
            now.credits_per_segment if credits_per_segment is None else credits_per_segment,
        )
        changed = await tariffs.put(session, [(prefix, wanted)], _zoned(valid_from, settings))
        return _shown(changed[0]) if changed else {"changed": 0}

    print_json(_transact(data, run))


@app.command()
def remove(prefix: Prefix, valid_from: From = None, data: DataOption = None) -> None:
    """Let the numbers of a prefix cost what those of shorter prefixes do, and drop what was to come."""

    async def run(session: AsyncSession, settings: Settings) -> dict[str, Any]:
        from ghanti.credits import tariffs

        if not await tariffs.remove(session, prefix, _zoned(valid_from, settings)):
            raise tariffs.TariffError(f"the prefix {tariffs.read_prefix(prefix)} has no tariff of its own")
        return {"removed": tariffs.read_prefix(prefix)}

    print_json(_transact(data, run))


@app.command("import")
def import_tariffs(
    file: Annotated[
        Path,
        typer.Argument(help="CSV: prefix, pulse_seconds, credits_per_pulse, credits_per_segment."),
    ],
    valid_from: From = None,
    data: DataOption = None,
) -> None:
    """Price many prefixes at once: all that the file has, or none when a line is wrong; others stay."""

    async def run(session: AsyncSession, settings: Settings) -> dict[str, Any]:
        from ghanti.credits import tariff_files, tariffs

        prices = tariff_files.read(file)
        changed = await tariffs.put(session, prices, _zoned(valid_from, settings))
        return {"prefixes": len(prices), "changed": len(changed)}

    print_json(_transact(data, run))


def _zoned(moment: datetime | None, settings: Settings) -> datetime | None:
    from zoneinfo import ZoneInfo

    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=ZoneInfo(settings.time_zone))


def _shown(priced: Priced) -> dict[str, Any]:
    tariff = priced.tariff
    return {
        "prefix": priced.prefix,
        "pulse_seconds": tariff and tariff.pulse_seconds,
        "credits_per_pulse": tariff and tariff.credits_per_pulse,
        "credits_per_segment": tariff and tariff.credits_per_segment,
        "valid_from": priced.valid_from.isoformat(),
    }


def _transact(data: Path | None, what: Callable[[AsyncSession, Settings], Awaitable[Any]]) -> Any:
    from ghanti.credits.tariffs import TariffError

    settings = settings_for(data)
    try:
        return transact(data, lambda session, _box: what(session, settings))
    except TariffError as error:
        fail(str(error))
