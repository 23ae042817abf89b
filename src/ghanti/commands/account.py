"""``ghanti account``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import available_timezones

import typer

from ghanti.commands.common import DataOption, fail, print_json, settings_for, transact

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from ghanti.encryption import SecretBox

SHORTEST_PASSWORD = 8

app = typer.Typer(no_args_is_help=True)


@app.command()
def create(
    email: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, help="Of the account's owner.")],
    phone_credits: Annotated[int, typer.Option(min=0)] = 0,
    sms_credits: Annotated[int, typer.Option(min=0)] = 0,
    data: DataOption = None,
) -> None:
    """Create an account with its owner, credits and an API token, printed once as JSON."""
    if len(password) < SHORTEST_PASSWORD:
        fail(f"the password needs at least {SHORTEST_PASSWORD} characters")
    zone = settings_for(data).time_zone
    if zone not in available_timezones():
        fail(f"GHANTI_TIME_ZONE: there is no time zone {zone}")
    from ghanti.accounts import service
    from ghanti.accounts.errors import RefusedError

    async def run(session: AsyncSession, _box: SecretBox) -> dict[str, Any]:
        made = await service.create_account(
            session, email, password, phone_credits, sms_credits, time_zone=zone
        )
        return {"account_id": made.account_id, "email": email, "api_token": made.api_token}

    try:
        print_json(transact(data, run))
    except RefusedError as error:
        fail(error.message)
