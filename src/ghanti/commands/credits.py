"""``ghanti credits``."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ghanti.commands.common import DataOption, fail, print_json, transact

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from ghanti.accounts.models import Account
    from ghanti.credits.schemas import Reference

app = typer.Typer(no_args_is_help=True)

AccountArgument = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="Its id, or the address of somebody in it.")
]
OperatorOption = Annotated[
    str | None, typer.Option(help="Whose doing it is, for the ledger; who you are logged in as when absent.")
]


class Currency(StrEnum):
    """Those of ghanti.credits, which takes a while to import."""

    PHONE = "phone"
    SMS = "sms"


@app.command()
def show(account: AccountArgument, data: DataOption = None) -> None:
    """Print an account's balances."""
    print_json(_transact(data, lambda session: _with_account(session, account, _shown)))


@app.command()
def add(
    account: AccountArgument,
    phone: Annotated[int, typer.Option(min=0, help="Phone credits.")] = 0,
    sms: Annotated[int, typer.Option(min=0, help="SMS credits.")] = 0,
    cause: Annotated[str, typer.Option(help="What for; it stands in the statement.")] = "added by hand",
    expires: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Last day, in the account's zone, that they are good."),
    ] = None,
    operator: OperatorOption = None,
    data: DataOption = None,
) -> None:
    """Add credits that were bought, and print the balances."""
    if not phone and not sms:
        fail("say how many, with --phone or --sms")

    async def run(session: AsyncSession, whose: Account) -> dict[str, Any]:
        from zoneinfo import ZoneInfo

        from ghanti.credits import models, service
        from ghanti.credits.statement import Period

        until = Period(last=expires.date()).until(ZoneInfo(whose.time_zone)) if expires else None
        for name, amount in (("phone", phone), ("sms", sms)):
            if amount:
                await service.purchase(
                    session,
                    whose.id,
                    models.Currency(name),
                    amount,
                    cause,
                    expires_at=until,
                    reference=_operator(operator),
                )
        return await _shown(session, whose)

    print_json(_transact(data, lambda session: _with_account(session, account, run)))


@app.command(context_settings={"ignore_unknown_options": True})
def adjust(
    account: AccountArgument,
    currency: Currency,
    amount: Annotated[int, typer.Argument(help="Credits to add, or to take with a minus.")],
    cause: Annotated[str, typer.Option(help="Why; it stands in the statement.")],
    operator: OperatorOption = None,
    data: DataOption = None,
) -> None:
    """Correct a balance by hand, never below zero, and print the balances."""

    async def run(session: AsyncSession, whose: Account) -> dict[str, Any]:
        from ghanti.credits import models, service

        unit = models.Currency(currency.value)
        await service.adjust(session, whose.id, unit, amount, cause, reference=_operator(operator))
        return await _shown(session, whose)

    print_json(_transact(data, lambda session: _with_account(session, account, run)))


@app.command()
def alerts(
    account: AccountArgument,
    currency: Currency,
    low: Annotated[
        int | None,
        typer.Argument(min=0, help="Balance at which it is low, 0 for never; the default if absent."),
    ] = None,
    data: DataOption = None,
) -> None:
    """Set when a balance is low, and print the balances."""

    async def run(session: AsyncSession, whose: Account) -> dict[str, Any]:
        from ghanti.credits import alerts, models

        await alerts.set_low(session, whose.id, models.Currency(currency.value), low)
        return await _shown(session, whose)

    print_json(_transact(data, lambda session: _with_account(session, account, run)))


@app.command()
def statement(
    account: AccountArgument,
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day, in the account's zone."),
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")] = None,
    data: DataOption = None,
) -> None:
    """Write an account's entries as CSV, the oldest first."""

    async def run(session: AsyncSession, whose: Account) -> None:
        from zoneinfo import ZoneInfo

        from ghanti.credits import statement

        period = statement.Period(first.date() if first else None, last.date() if last else None)
        async for chunk in statement.lines(session, whose.id, period, ZoneInfo(whose.time_zone)):
            sys.stdout.buffer.write(chunk)

    _transact(data, lambda session: _with_account(session, account, run))


@app.command()
def check(data: DataOption = None) -> None:
    """Compare every account with its ledger; prints what differs and then ends with 1."""

    async def run(session: AsyncSession) -> list[dict[str, Any]]:
        from dataclasses import asdict

        from ghanti.credits import statement
        from ghanti.dialing import holds

        found = await statement.check(session)
        found += await statement.check_held(session, await holds.live(session))
        return [asdict(difference) for difference in found]

    differences = _transact(data, run)
    for difference in differences:
        print_json(difference)
    if differences:
        fail(f"{len(differences)} figures differ from the ledger")


def _operator(name: str | None) -> Reference:
    from ghanti.credits.models import Source
    from ghanti.credits.schemas import Reference

    return Reference(Source.OPERATOR, name or getpass.getuser())


async def _shown(session: AsyncSession, whose: Account) -> dict[str, Any]:
    from ghanti.credits import statement

    shown: dict[str, Any] = {"account_id": whose.id}
    for currency, view in (await statement.overview(session, whose.id)).items():
        standing = view.standing
        shown[currency] = {
            "balance": standing.balance,
            "held": standing.held,
            "owed": standing.owed,
            "expiring": [view.expiring[0], view.expiring[1].isoformat()] if view.expiring else None,
            "low_threshold": view.low,
            "alert": standing.alert or None,
            "days_left": view.days_left,
        }
    return shown


async def _with_account(
    session: AsyncSession, account: str, what: Callable[[AsyncSession, Account], Awaitable[Any]]
) -> Any:
    from ghanti.accounts import administration

    return await what(session, await administration.account(session, account))


def _transact(data: Path | None, what: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    from ghanti.accounts.errors import RefusedError

    try:
        return transact(data, lambda session, _box: what(session))
    except RefusedError as error:
        fail(error.message)
