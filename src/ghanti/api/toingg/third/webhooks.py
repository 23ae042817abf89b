"""Requests that a pressed key orders."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from ghanti.api.context import InParts, Transaction
from ghanti.api.idempotency import KeyedRoute
from ghanti.api.toingg.authentication import TokenWriter
from ghanti.api.toingg.bodies import Sent, read
from ghanti.api.toingg.documents import takes
from ghanti.api.toingg.third.envelopes import enveloped
from ghanti.api.toingg.third.models import NameValue, Webhook
from ghanti.webhooks import service as webhooks
from ghanti.webhooks.schemas import HookOrder

router = APIRouter(route_class=KeyedRoute)


@router.post("/webhooks/add_webhook", include_in_schema=False)
@router.post(
    "/add_webhook",
    openapi_extra=takes(
        Webhook,
        {
            "name": "tell the ward",
            "path": "https://example.com/answers",
            "method": "POST",
            "description": "Somebody comes",
            "headers": {"X-Token": "secret"},
            "params": {},
            "json_data": {"name": "{name}", "pressed": "{key}"},
        },
    ),
)
async def add_webhook(principal: TokenWriter, session: Transaction, parts: InParts, sent: Sent) -> Response:
    """Keep a web hook, which a script names: `[1: yes -> tell the ward]`. One of the same name is changed.

    `headers` and `params` are an object or a list of `{name, value}`.
    """
    hook = read(Webhook, sent)
    order = HookOrder(
        name=hook.name,
        path=hook.path,
        method=hook.method,
        description=hook.description,
        headers=_values(hook.headers),
        params=_values(hook.params),
        json_data=hook.json_data,
    )
    hook_id = await webhooks.save(session, principal, order, parts.box)
    return enveloped("Webhook added.", {"webhookId": hook_id, "name": order.name.strip()})


def _values(given: dict[str, Any] | list[NameValue] | None) -> dict[str, Any]:
    if isinstance(given, list):
        return {item.name: item.value for item in given}
    return given or {}
