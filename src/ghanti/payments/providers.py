"""Which provider an installation has."""

from __future__ import annotations

from ghanti.payments.port import Provider
from ghanti.settings import Settings


def provider_of(settings: Settings) -> Provider | None:
    """The provider that the settings have a key of."""
    if settings.stripe_secret_key is None:
        return None
    # Stripe's library takes as much memory as the rest of a role; who sells nothing need not have it.
    from ghanti.payments.stripe_provider import StripeProvider

    signed_with = settings.stripe_webhook_secret
    secrets = signed_with.get_secret_value().split(",") if signed_with is not None else []
    return StripeProvider(
        settings.stripe_secret_key.get_secret_value().strip(),
        tuple(secret.strip() for secret in secrets if secret.strip()),
        settings.stripe_api_base,
    )
