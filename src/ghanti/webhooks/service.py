"""The rules of web hooks: which requests keys may order, and who sees what of them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from ghanti.accounts.errors import InvalidError, NotFoundError
from ghanti.accounts.service import Principal
from ghanti.encryption import SecretBox
from ghanti.webhooks import repository
from ghanti.webhooks.models import WebHook
from ghanti.webhooks.schemas import MOST_HOOKS, DeliveryView, HookOrder, HookView

SECRET_PREFIX = "whsec_"  # noqa: S105 - what a secret begins with
_SECRET_BYTES = 32
_MASK = "***"


async def save(session: AsyncSession, principal: Principal, order: HookOrder, box: SecretBox) -> int:
    """Keep a web hook and answer its id; one of the same name is changed.

    Raises:
        InvalidError: an input breaks a rule, or the account has too many hooks.
        ForbiddenError: a viewer asks.
    """
    principal.require_write()
    hook = order.checked()
    if await repository.count(session, principal.account_id, hook.name) >= MOST_HOOKS:
        raise InvalidError(f"An account has at most {MOST_HOOKS} web hooks.")
    await signing_secret(session, principal.account_id, box)
    told = {"path": hook.path, "headers": hook.headers, "params": hook.params, "json_data": hook.json_data}
    return await repository.put(
        session,
        {
            "account_id": principal.account_id,
            "name": hook.name,
            "method": hook.method,
            "description": hook.description,
            "sealed": box.encrypt(orjson.dumps(told).decode()),
        },
    )


async def listed(session: AsyncSession, account_id: int, box: SecretBox) -> list[HookView]:
    """The account's hooks by name, without what may be secret."""
    return [_view(row, box) for row in await repository.hooks(session, account_id)]


async def forget_contact(session: AsyncSession, account_id: int, contact_id: int) -> None:
    """Drop what was ordered by a contact's keys and is not delivered yet."""
    await repository.drop_open(session, account_id, contact_id)


async def delete(session: AsyncSession, principal: Principal, hook_id: int) -> None:
    """Delete a hook; what it has not delivered yet is not delivered.

    Raises NotFoundError, and ForbiddenError for a viewer.
    """
    principal.require_write()
    if not await repository.remove(session, principal.account_id, hook_id):
        raise NotFoundError


async def unknown(session: AsyncSession, account_id: int, names: list[str]) -> list[str]:
    """Those of the names that no hook of the account has."""
    known = await repository.names(session, account_id) if names else set()
    return [name for name in names if name not in known]


async def deliveries(session: AsyncSession, account_id: int) -> list[DeliveryView]:
    """The account's latest deliveries, newest first."""
    return [
        DeliveryView(
            one.id,
            name,
            one.target_id,
            one.step,
            one.state,
            one.attempts,
            one.last_status,
            one.last_error,
            one.created_at,
            one.ended_at,
        )
        for one, name in await repository.deliveries(session, account_id)
    ]


async def signing_secret(
    session: AsyncSession, account_id: int, box: SecretBox, *, renew: bool = False
) -> str:
    """What the account's deliveries are signed with, ``whsec_`` and base64; made when there is none.

    ``renew`` makes another, good from the next delivery on.
    """
    kept = None if renew else await repository.secret(session, account_id)
    if kept is None:
        fresh = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        kept = await repository.put_secret(session, account_id, box.encrypt(fresh), renew=renew)
    return box.decrypt(kept)


def _view(row: WebHook, box: SecretBox) -> HookView:
    told: Mapping[str, Any] = orjson.loads(box.decrypt(row.sealed))
    return HookView(
        row.id,
        row.name,
        _shown(told["path"]),
        row.method,
        row.description,
        _masked(told["headers"]),
        _masked(told["params"]),
        _masked(told["json_data"]),
        row.created_at,
        row.updated_at,
    )


def _shown(path: str) -> str:
    parts = urlsplit(path)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _masked(value: Any) -> Any:
    """The same shape and names, without a value."""
    match value:
        case dict():
            return {name: _masked(item) for name, item in value.items()}
        case list():
            return [_masked(item) for item in value]
        case None:
            return None
        case _:
            return _MASK
