"""Stripe Checkout behind the port: sessions that pay once, at a price that is fixed here."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import stripe
from pydantic import BaseModel, ValidationError

from ghanti.accounts.errors import NotOfferedError
from ghanti.payments.facts import Told
from ghanti.payments.port import Event, ForgedError, Order, Page, ProviderError
from ghanti.payments.stripe_events import METADATA, looked_up, read
from ghanti.payments.stripe_http import DirectClient

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams

SIGNATURE = "stripe-signature"
TOLERANCE_SECONDS = 300
"""How old a signed event may be, so that one that was overheard cannot be sent again later."""

_REPEATS = 1

T = TypeVar("T")


class _Data(BaseModel):
    object: dict[str, Any]


class _Envelope(BaseModel):
    id: str
    type: str
    created: int
    livemode: bool = False
    data: _Data


class StripeProvider:
    """Args:
    key: Secret or restricted; whether it is a live one is in its name.
    secrets: Those that web hooks may be signed with.
    base: Of the API's addresses.
    """

    name = "stripe"

    def __init__(self, key: str, secrets: tuple[str, ...], base: str) -> None:
        self.live = key.startswith(("sk_live_", "rk_live_"))
        self._secrets = secrets
        self._client = stripe.StripeClient(
            key, base_addresses={"api": base}, max_network_retries=_REPEATS, http_client=DirectClient()
        )

    async def checkout(self, order: Order) -> Page:
        sessions = self._client.v1.checkout.sessions
        options: stripe.RequestOptions = {"idempotency_key": f"ghanti {order.reference}"}
        made = await _asked(sessions.create_async(_session_of(order), options))
        if not made.url:
            raise ProviderError("a checkout without a page to pay on")
        ends = datetime.fromtimestamp(made.expires_at, UTC) if made.expires_at else None
        return Page(made.id, made.url, ends)

    def event(self, body: bytes, headers: Mapping[str, str]) -> Event | None:
        if not self._secrets:
            raise NotOfferedError("Events cannot be told from forged ones: set GHANTI_STRIPE_WEBHOOK_SECRET.")
        if not any(_is_signed(body, headers.get(SIGNATURE), secret) for secret in self._secrets):
            raise ForgedError("the signature is not good, or too old")
        try:
            envelope = _Envelope.model_validate_json(body)
            told = read(envelope.type, envelope.data.object, datetime.fromtimestamp(envelope.created, UTC))
        except ValidationError as error:
            raise ForgedError(f"it is no event as Stripe makes them: {_where(error)}") from None
        if told is None:
            return None
        if envelope.livemode != self.live:
            raise ForgedError("it is of the test mode and the key is not, or the reverse")
        return Event(envelope.id, envelope.type, told)

    async def look_up(self, session: str) -> Told | None:
        sessions = self._client.v1.checkout.sessions
        try:
            found = await _asked(
                sessions.retrieve_async(session, {"expand": ["payment_intent.latest_charge"]})
            )
            return looked_up(found.to_dict())
        except _UnknownError:
            return None
        except ValidationError as error:
            raise ProviderError(f"a checkout as Stripe makes none: {_where(error)}") from None


class _UnknownError(ProviderError):
    """There is no such thing at Stripe."""


async def _asked(request: Awaitable[T]) -> T:
    try:
        return await request
    except stripe.StripeError as error:
        # Of its text, which may hold a part of the key, only that of a request that we made wrong is told.
        said = error.user_message if isinstance(error, stripe.InvalidRequestError) else error.code
        told = f"{type(error).__name__}, status {error.http_status}: {said}"
        raise (_UnknownError if error.http_status == 404 else ProviderError)(told) from None


def _session_of(order: Order) -> SessionCreateParams:
    named = {METADATA: str(order.reference)}
    return {
        "mode": "payment",
        "client_reference_id": str(order.reference),
        "metadata": named,
        "payment_intent_data": {"metadata": named, "description": order.description},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": order.currency,
                    "unit_amount": order.amount,
                    "product_data": {"name": order.description},
                },
            }
        ],
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
    }


def _is_signed(body: bytes, header: str | None, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS))
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # Besides a wrong signature: a body or a header that is no text.
        return False


def _where(error: ValidationError) -> str:
    """Which fields are wrong, without what they hold."""
    return ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
