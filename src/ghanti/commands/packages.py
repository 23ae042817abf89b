"""``ghanti packages``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ghanti.commands.common import DataOption, fail, print_json, transact

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

    from ghanti.payments.models import CreditPackage

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_packages(data: DataOption = None) -> None:
    """List the packages of credits, a line of JSON each."""

    async def run(session: AsyncSession) -> list[dict[str, Any]]:
        from ghanti.payments import packages

        return [_shown(row) for row in await packages.every_one(session)]

    for package in _transact(data, run):
        print_json(package)


@app.command("set")
def set_package(
    slug: Annotated[str, typer.Argument(help="Its name in the API: small letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="What people read on the page to pay on.")],
    amount: Annotated[int, typer.Option(min=1, help="Price in minor units: 250000 are 2,500.00 rupees.")],
    currency: Annotated[str, typer.Option(help="By ISO 4217, such as npr or usd.")],
    phone: Annotated[int, typer.Option(min=0, help="Phone credits.")] = 0,
    sms: Annotated[int, typer.Option(min=0, help="SMS credits.")] = 0,
    valid_days: Annotated[
        int | None, typer.Option(min=1, help="How long the credits are good; for ever when absent.")
    ] = None,
    active: Annotated[bool, typer.Option("--active/--inactive", help="Whether it is on sale.")] = True,
    position: Annotated[int, typer.Option(help="The least is first, and bought when none is named.")] = 0,
    data: DataOption = None,
) -> None:
    """Put a package on sale, or change the one of that name; what was ordered before stays as it was."""

    async def run(session: AsyncSession) -> dict[str, Any]:
        from ghanti.payments import packages
        from ghanti.payments.schemas import PackageOrder

        order = PackageOrder(
            slug=slug,
            name=name,
            phone=phone,
            sms=sms,
            amount=amount,
            currency=currency.lower(),
            valid_days=valid_days,
            active=active,
            position=position,
        )
        return _shown(await packages.put(session, order))

    print_json(_transact(data, run))


@app.command()
def remove(slug: str, data: DataOption = None) -> None:
    """Take a package off sale for good."""

    async def run(session: AsyncSession) -> dict[str, Any]:
        from ghanti.payments import packages

        await packages.remove(session, slug)
        return {"removed": slug}

    print_json(_transact(data, run))


def _shown(row: CreditPackage) -> dict[str, Any]:
    return {
        "slug": row.slug,
        "name": row.name,
        "phone": row.phone,
        "sms": row.sms,
        "amount": row.amount,
        "currency": row.currency,
        "valid_days": row.valid_days,
        "active": row.active,
        "position": row.position,
    }


def _transact(data: Path | None, what: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    from ghanti.accounts.errors import RefusedError

    try:
        return transact(data, lambda session, _box: what(session))
    except RefusedError as error:
        fail(error.message)
