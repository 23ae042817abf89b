"""``ghanti account``."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import available_timezones

import typer

from ghanti.commands.common import DataOption, fail, print_json, settings_for, transact

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncSession

SHORTEST_PASSWORD = 8
_GENERATED_BYTES = 15

app = typer.Typer(no_args_is_help=True)


class UserRole(StrEnum):
    """Those of ghanti.accounts, which takes a while to import."""

    OWNER = "owner"
    MEMBER = "member"
    VIEWER = "viewer"


class TokenFace(StrEnum):
    """The same."""

    TINGTING = "tingting"
    TOINGG = "toingg"


@app.command()
def create(
    email: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, help="Of the account's owner.")],
    phone_credits: Annotated[int, typer.Option(min=0)] = 0,
    sms_credits: Annotated[int, typer.Option(min=0)] = 0,
    data: DataOption = None,
) -> None:
    """Create an account with its owner, credits and an API token, printed once as JSON."""
    _check_password(password)
    zone = settings_for(data).time_zone
    if zone not in available_timezones():
        fail(f"GHANTI_TIME_ZONE: there is no time zone {zone}")

    async def run(session: AsyncSession) -> dict[str, Any]:
        from ghanti.accounts import service

        made = await service.create_account(
            session, email, password, phone_credits, sms_credits, time_zone=zone
        )
        return {"account_id": made.account_id, "email": email, "api_token": made.api_token}

    print_json(_transact(data, run))


@app.command("list")
def list_people(data: DataOption = None) -> None:
    """List everybody, a line of JSON each."""

    async def run(session: AsyncSession) -> list[dict[str, Any]]:
        from ghanti.accounts import administration

        return [dict(row._mapping) for row in await administration.people(session)]

    for person in _transact(data, run):
        print_json(person)


@app.command("add-user")
def add_user(
    owner: Annotated[str, typer.Argument(help="Address of somebody in the account.")],
    email: str,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True)],
    role: UserRole = UserRole.MEMBER,
    data: DataOption = None,
) -> None:
    """Add a person to an account; a viewer may look but not change anything."""
    _check_password(password)

    async def run(session: AsyncSession) -> dict[str, Any]:
        from ghanti.accounts import administration
        from ghanti.accounts.models import Role

        user = await administration.add_user(session, owner, email, password, Role(role.value))
        return {"account_id": user.account_id, "email": user.email, "role": user.role}

    print_json(_transact(data, run))


@app.command()
def disable(email: str, data: DataOption = None) -> None:
    """Keep somebody out: their sessions end, their API tokens are revoked."""
    _set_active(data, email, False)
    _until_seen(data)


@app.command()
def enable(email: str, data: DataOption = None) -> None:
    """Let somebody in again, by their password; ``token`` makes them new API tokens."""
    _set_active(data, email, True)


@app.command()
def reset(
    email: str,
    password: Annotated[str | None, typer.Option(help="Generated and printed when absent.")] = None,
    data: DataOption = None,
) -> None:
    """Give somebody another password; their sessions end."""
    from secrets import token_urlsafe

    given = password if password is not None else token_urlsafe(_GENERATED_BYTES)
    _check_password(given)

    async def run(session: AsyncSession) -> dict[str, Any]:
        from ghanti.accounts import administration

        user = await administration.reset_password(session, email, given)
        return {"email": user.email, **({} if password is not None else {"password": given})}

    done = _transact(data, run)
    _until_seen(data)
    print_json(done)


@app.command()
def token(
    email: str,
    face: Annotated[TokenFace, typer.Option(help="The API that it is for.")] = TokenFace.TINGTING,
    data: DataOption = None,
) -> None:
    """Give somebody a new API token, printed once; their former one of that face stops working."""

    async def run(session: AsyncSession) -> dict[str, Any]:
        from ghanti.accounts import administration
        from ghanti.accounts.tokens import Face

        made = await administration.new_token(session, email, Face(face.value))
        return {"email": email, "face": face.value, "api_token": made}

    done = _transact(data, run)
    _until_seen(data)
    print_json(done)


@app.command("set")
def set_account(
    email: Annotated[str, typer.Argument(help="Address of somebody in the account.")],
    premium: Annotated[
        bool | None, typer.Option("--premium/--no-premium", help="Whether it may choose premium voices.")
    ] = None,
    time_zone: Annotated[str | None, typer.Option(help="Such as Asia/Kathmandu.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Whose voices survey templates take: np, en, hi.")
    ] = None,
    data: DataOption = None,
) -> None:
    """Change an account."""

    async def run(session: AsyncSession) -> dict[str, Any]:
        from ghanti.accounts import administration

        account = await administration.set_account(
            session, email, premium=premium, time_zone=time_zone, language=language
        )
        return {
            "account_id": account.id,
            "premium": account.premium,
            "time_zone": account.time_zone,
            "language": account.language,
        }

    done = _transact(data, run)
    _until_seen(data)
    print_json(done)


def _set_active(data: Path | None, email: str, active: bool) -> None:
    async def run(session: AsyncSession) -> dict[str, Any]:
        from ghanti.accounts import administration

        user = await administration.set_active(session, email, active)
        return {"email": user.email, "active": user.is_active}

    print_json(_transact(data, run))


def _transact(data: Path | None, what: Callable[[AsyncSession], Awaitable[Any]]) -> Any:
    from ghanti.accounts.errors import RefusedError

    try:
        return transact(data, lambda session, _box: what(session))
    except RefusedError as error:
        fail(error.message)


def _until_seen(data: Path | None) -> None:
    """Wait until every API process has seen it: a credential is taken as good for as long as that."""
    time.sleep(settings_for(data).credential_memory_seconds)


def _check_password(password: str) -> None:
    if len(password) < SHORTEST_PASSWORD:
        fail(f"the password needs at least {SHORTEST_PASSWORD} characters")
